"""Rewrap in a process that kills itself; for ``test_rewrap.py``.

python rewrap_worker.py DATABASE OLD_KEY NEW_KEY STEP

A step is the moment before a key is wrapped, before the switch, before the file is scrubbed and
before the event is kept; at the STEP-th one the process dies of SIGKILL.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy.encryption import FileKeyEncryption, TenantKeys
from ragbastion.tenancy.encryption.key_database import KeyDatabase


def main(database: str, old: str, new: str, step: str) -> None:
    """Rewrap, counting steps."""
    left = int(step)

    def stepped(act: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*args, **kwargs)

        return run

    current = FileKeyEncryption(Path(new))
    sink = MemoryEventSink()
    keys = TenantKeys(
        Path(database), current, sink, previous=[FileKeyEncryption(Path(old))], recheck_s=0
    )
    for part, name in (
        (current, "wrap"), (KeyDatabase, "switch"), (KeyDatabase, "scrub"), (sink, "emit")
    ):  # fmt: skip
        setattr(part, name, stepped(getattr(part, name)))
    keys.rewrap()


if __name__ == "__main__":
    main(*sys.argv[1:])
