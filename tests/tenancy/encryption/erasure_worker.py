"""Open one sealed value again and again, as a service would; for ``test_erasure.py``.

python erasure_worker.py DATABASE KEY_FILE RECHECK_S SEALED

Prints "ready" after the first success, then waits for the time of the erasure, tells for how many
seconds the value still opened, and at last what sealing says.
"""

import sys
import time
from pathlib import Path

from ragbastion.core.errors import ErasedTenantError
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy.encryption import FileKeyEncryption, PayloadCipher, TenantKeys


def main(database: str, key: str, recheck_s: str, sealed: str) -> None:
    """Open until it is refused."""
    kek = FileKeyEncryption(Path(key))
    keys = TenantKeys(Path(database), kek, MemoryEventSink(), recheck_s=float(recheck_s))
    cipher = PayloadCipher(keys)
    cipher.opened("acme", "p1", "text", sealed)
    tell("ready")
    erased_at = float(sys.stdin.readline())
    try:
        while True:
            cipher.opened("acme", "p1", "text", sealed)
    except ErasedTenantError:
        tell(str(time.time() - erased_at))
    try:
        cipher.sealed("acme", "p1", "text", "more")
        tell("sealed")
    except ErasedTenantError:
        tell("refused")
    keys.close()


def tell(line: str) -> None:
    """Write a line to the test."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
