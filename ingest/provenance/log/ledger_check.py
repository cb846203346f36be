"""Whether the ledger is as new as the log says: a count at the start, at no cost worth naming.

Which documents a ledger that was put back is wrong about, `audit_ledger` says.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ....core.errors import RollbackError
from .database import SqliteLogDatabase
from .feed import ledger_mark
from .opening import FILE_NAME
from .storage import LogStorage


def require_ledger(mark: int, changes: int) -> None:
    """Raise `RollbackError` for a ledger with fewer changes than the log was told of."""
    if changes < mark:
        raise RollbackError(rollback_reason(mark, changes))


def require_ledger_by_file(state_dir: Path, changes: int) -> None:
    """Do so by the log's file, if the log is one and exists; needs no key, and opens no network.

    What the file says is believed here: who can write it as well is found by an audit.
    """
    path = state_dir / FILE_NAME
    if path.exists():
        with closing(LogStorage(SqliteLogDatabase(path))) as storage:
            require_ledger(ledger_mark(storage), changes)


def rollback_reason(mark: int, changes: int) -> str:
    """Return what is wrong with such a ledger, and what to do."""
    return (
        f"ledger refused: it had {mark} changes and has {changes}: 'ledger.db' was put back, so "
        "older versions would pass for current; restore a newer one, or run 'ragbastion log "
        "mend-ledger' and ingest again what it names"
    )
