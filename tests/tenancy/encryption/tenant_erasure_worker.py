"""The child process of `test_erasure_kills`: erases a sealed tenant and dies at an event.

python tenant_erasure_worker.py STORE KEYS KEK EVENT

The test reads its exit status, which is SIGKILL's.
"""

import os
import signal
import sys
from pathlib import Path

from ragbastion.core.chunk import TenantId
from ragbastion.core.events import Event
from ragbastion.tenancy import PayloadCipher, TenantKeys, erase_tenant, open_store
from ragbastion.tenancy.encryption import FileKeyEncryption


class DeadlySink:
    """Kills the process in place of keeping the event of that kind."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def emit(self, event: Event) -> None:
        """Take the event, or the process."""
        if event.kind == self._kind:
            os.kill(os.getpid(), signal.SIGKILL)


def main(store: str, keys: str, kek: str, kind: str) -> None:
    """Erase acme."""
    sink = DeadlySink(kind)
    opened = TenantKeys(Path(keys), FileKeyEncryption(Path(kek)), sink)
    erase_tenant(
        open_store(store, cipher=PayloadCipher(opened)), TenantId("acme"), sink, keys=opened
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
