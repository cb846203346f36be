"""A full audit of the log: every entry, node and checkpoint, computed anew.

What it finds is named with the index of the entry; where entries and nodes were rewritten alike,
with the range between the last kept checkpoint that still holds and the first that does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ....core.errors import ClockError, FreezeError, QuorumError, RollbackError, TransparencyError
from ....core.settings_log import LogSettings
from ..merkle import HASH_BYTES
from .audit_entries import compare, read_entries
from .audit_nodes import read_nodes
from .checkpoint import Checkpoint, open_checkpoint, require_progress
from .findings import Findings, LogReport, Tampering
from .hash_columns import HashTree
from .note import NoteKey
from .storage import LogStorage
from .tree import consistency_ranges
from .witnessing import require_fresh, require_quorum

_KINDS: dict[type[TransparencyError], Tampering] = {
    RollbackError: Tampering.ROLLBACK,
    ClockError: Tampering.CLOCK,
    FreezeError: Tampering.FREEZE,
    QuorumError: Tampering.QUORUM,
}


class LogAudit:
    """Audits one log; made for one run, and holds about 160 bytes an entry while it runs."""

    def __init__(self, storage: LogStorage, log: NoteKey, witnesses: Sequence[NoteKey]) -> None:
        self._storage = storage
        self._log = log
        self._witnesses = witnesses
        self._tree = HashTree(b"")
        self._checkpoints: list[Checkpoint] = []
        self.findings = Findings()
        self.size = 0

    @property
    def newest(self) -> Checkpoint | None:
        """Return the newest checkpoint that verifies."""
        return self._checkpoints[-1] if self._checkpoints else None

    def run(self, seen: Sequence[Checkpoint] = ()) -> None:
        """Read all, and compare with the checkpoints stored, and with others that were seen.

        Raises `DamagedLogError` if the file cannot be read.
        """
        self._storage.check()
        self._checkpoints = self._opened()
        entries = read_entries(self._storage, self.findings)
        leaves = read_nodes(self._storage, self.findings)
        compare(entries, leaves, self.newest.size if self.newest else 0, self.findings)
        self.size = min(entries.missing, default=len(entries))
        self._tree = HashTree(bytes(entries.data[: HASH_BYTES * self.size]))
        self._check_roots()
        for each in seen:
            self._check_seen(each)

    def policy(self, settings: LogSettings, now_s: float) -> None:
        """Check that a checkpoint is young enough and has its quorum of witnesses."""
        if self.newest is None:
            return
        cosigned = [c for c in self._checkpoints if len(c.cosigned) >= settings.quorum]
        newest = cosigned[-1] if cosigned else self.newest
        try:
            require_quorum(newest, settings.quorum)
            require_fresh(newest, settings.max_age_s, now_s)
        except TransparencyError as error:
            self._add(error, newest.size)

    def report(self, pending: int = 0) -> LogReport:
        """Return what was found."""
        return LogReport(
            origin=self._log.name,
            size=self.size,
            root=self._tree.root((0, self.size)).hex(),
            findings=tuple(self.findings.listed),
            found=self.findings.count,
            pending=pending,
        )

    def _opened(self) -> list[Checkpoint]:
        """Return the kept checkpoints that verify; note those that do not."""
        good: list[Checkpoint] = []
        for size, note in self._storage.checkpoints():
            try:
                opened = open_checkpoint(note, self._log, self._witnesses)
                if opened.size != size:
                    raise TransparencyError(
                        f"checkpoint refused: it stands for {size} entries and says {opened.size}"
                    )
                good.append(opened)
            except TransparencyError as error:
                self._add(error, size)
        return good

    def _check_roots(self) -> None:
        """Compare the root at each checkpoint; name the range in which the first one breaks."""
        intact = 0
        for each in self._checkpoints:
            if each.size > self.size:
                break  # cut off before it: already named, by the entry that is gone
            if self._tree.root((0, each.size)) != each.root:
                reason = (
                    f"the checkpoint of {each.size} entries has another root than the entries: "
                    f"one of entries {intact} to {each.size - 1} was rewritten"
                )
                self.findings.add(Tampering.CHECKPOINT, intact, reason)
                break
            intact = each.size
        for old, new in pairwise(self._checkpoints):
            if old.time_s and new.time_s and new.time_s < old.time_s:
                reason = f"the checkpoint of {new.size} entries is dated before an earlier one"
                self.findings.add(Tampering.CLOCK, new.size, reason)

    def _check_seen(self, seen: Checkpoint) -> None:
        """Compare the log with a checkpoint from outside it."""
        try:
            if self.newest is None:
                raise RollbackError(f"the log has no checkpoint and had one of {seen.size} entries")
            within = seen.size <= self.newest.size <= self.size
            ranges = consistency_ranges(seen.size, self.newest.size) if within else []
            require_progress(seen, self.newest, [self._tree.root(each) for each in ranges])
        except TransparencyError as error:
            self._add(error, min(seen.size, self.size))

    def _add(self, error: TransparencyError, index: int) -> None:
        self.findings.add(_KINDS.get(type(error), Tampering.CHECKPOINT), index, str(error))
