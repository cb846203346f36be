"""The child process of `test_edge_kills`: does one act until it is done or killed.

    python edge_worker.py ACT STORE BACKUP

It says "ready", waits for a line, and says "done" after the act.
"""

import sys
from pathlib import Path

from ragbastion.core.chunk import TenantId
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy import EdgeStore, RestoreOptions, backup_tenant, restore_tenant

ACME = TenantId("acme")


def main(act: str, path: str, backup: str) -> None:
    """Open the store, and act when told."""
    store = EdgeStore(Path(path), optimize=False)
    sink = MemoryEventSink()
    say("ready")
    sys.stdin.readline()
    if act == "backup":
        backup_tenant(store, ACME, Path(backup), sink)
    elif act == "restore":
        restore_tenant(store, ACME, Path(backup), sink, RestoreOptions(replace=True))
    elif act == "optimize":
        store.optimize("docs", ACME)
    else:
        store.erase(ACME)
    say("done")
    sys.stdin.readline()


def say(word: str) -> None:
    """Tell the test."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
