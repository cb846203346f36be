"""The transparency log: entries that can be added and never changed without it showing.

- INVARIANT: the newest checkpoint covers every entry, and is committed with the last of them.
- INVARIANT: before it appends, the log shows that it still holds the newest checkpoint that this
  process, or any that shares its seen file, has seen; a log that was put back is not built upon.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ....core.errors import ClockError, RollbackError, UsageError
from ..merkle import leaf_hash
from .checkpoint import Checkpoint, TreeHead, open_checkpoint, require_progress, sign_checkpoint
from .note import NoteKey, NoteSigner
from .seen import SeenCheckpoint
from .storage import LogStorage
from .tree import consistency_ranges, inclusion_ranges

_KEEP_EVERY = 1024
"""One checkpoint a so many entries is kept, so that a rewrite is narrowed down to as many."""

MAX_CLOCK_STEP_S = 300
"""How far a clock may be set back (an NTP step) before the log refuses to sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParts:
    """What a log works with."""

    storage: LogStorage
    signer: NoteSigner
    seen: SeenCheckpoint
    witnesses: tuple[NoteKey, ...] = ()
    clock: Callable[[], float] = time.time


class TransparencyLog:
    """An append-only RFC 6962 tree with signed checkpoints, shared by any number of processes."""

    def __init__(self, parts: LogParts) -> None:
        self._parts = parts
        self._storage = parts.storage
        self._last: Checkpoint | None = None
        # The file first: what it says was in the log before, so the log cannot be behind it.
        seen = parts.seen.read()
        newest = self._storage.newest_checkpoint()
        if seen is not None:
            self._accept(newest, seen)
        elif newest is not None:
            self._last = self._opened(newest[1])

    @property
    def key(self) -> NoteKey:
        """Return the key that the log's checkpoints verify with; its name is the origin."""
        return self._parts.signer.key

    @property
    def storage(self) -> LogStorage:
        """Return where the log stands, for an audit of it."""
        return self._storage

    @property
    def seen(self) -> SeenCheckpoint:
        """Return the file of the newest checkpoint that was seen."""
        return self._parts.seen

    def append(self, entries: Sequence[bytes], subjects: Sequence[str] = ()) -> int:
        """Append entries in one commit and return the index of the first.

        ``subjects`` names what each entry is about, so that it can be found. On return entries and
        a checkpoint over them are on disk. Raises `RollbackError`, `ForkError`, `ClockError` and
        `StoreError`; then nothing was appended.
        """
        with self.writing() as write:
            return write.append(entries, subjects)

    def writing(self) -> LogWriting:
        """Return a block in which entries are appended with what else must be in their commit."""
        return LogWriting(self)

    def newest(self) -> Checkpoint | None:
        """Return the newest checkpoint, verified against what was seen; None before the first."""
        found = self._storage.newest_checkpoint()
        if self._last is not None:
            return self._accept(found, self._last)
        return None if found is None else self._opened(found[1])

    def checkpoint(self) -> Checkpoint:
        """Sign and return a checkpoint of now, also if nothing was appended since the last."""
        with self.writing() as write:
            write.append([])
        assert self._last is not None  # noqa: S101 - written by the block
        self._parts.seen.flush()
        return self._last

    def checkpoint_of(self, size: int) -> Checkpoint | None:
        """Return the kept checkpoint of a size, verified; None if none was kept."""
        found = dict(self._storage.checkpoints()).get(size)
        return None if found is None else self._opened(found)

    def root(self, size: int) -> bytes:
        """Return the root of the first ``size`` entries; O(log n)."""
        self._require(0 <= size <= self._storage.size(), "size", size)
        return self._storage.roots([(0, size)])[0]

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the path that proves an entry to be in the tree of a size; O(log n)."""
        self._require(0 <= index < size <= self._storage.size(), "index", index)
        return self._storage.roots(inclusion_ranges(index, size))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of size ``new`` holds that of ``old``; O(log n)."""
        self._require(0 <= old <= new <= self._storage.size(), "size", old)
        return self._storage.roots(consistency_ranges(old, new))

    def close(self) -> None:
        """Write the seen checkpoint and close the database."""
        self._parts.seen.flush()
        self._storage.close()

    def _opened(self, note: str) -> Checkpoint:
        return open_checkpoint(note, self.key, self._parts.witnesses)

    def _accept(self, found: tuple[int, str] | None, seen: Checkpoint) -> Checkpoint:
        """Return the stored checkpoint, or raise if it is not what was seen, grown on."""
        if found is None:
            raise RollbackError(
                f"log refused: it is empty and had {seen.size} entries; restore its file from a "
                "backup, and keep the seen checkpoint as evidence"
            )
        now = seen if found[1] == seen.note else self._opened(found[1])
        proof = self.consistency(seen.size, now.size) if now.size > seen.size else []
        require_progress(seen, now, proof)
        self._last = now
        return now

    @staticmethod
    def _require(within: bool, what: str, value: int) -> None:
        if not within:
            raise UsageError(f"proof refused: no {what} {value} in a log of this size")


class LogWriting:
    """One transaction on a log; what it appends is seen by others once the block has ended."""

    def __init__(self, log: TransparencyLog) -> None:
        self._log = log
        self._block = log.storage.exclusive()
        self._made: Checkpoint | None = None

    def append(self, entries: Sequence[bytes], subjects: Sequence[str] = ()) -> int:
        """Append entries and a checkpoint over all; return the index of the first."""
        parts, storage = self._log._parts, self._log.storage
        named = list(subjects) or [""] * len(entries)
        if len(named) != len(entries):
            raise UsageError("append refused: give each entry its subject, or none")
        before = self._made or self._log.newest()
        size = storage.size()
        if size != (before.size if before else 0):
            raise RollbackError(
                f"log refused: it holds {size} entries and its checkpoint is over "
                f"{before.size if before else 0}; run 'ragbastion log verify', then restore it"
            )
        time_s = self.time_s(before)
        root = storage.add(size, [leaf_hash(each) for each in entries], entries, named)
        head = TreeHead(self._log.key.name, size + len(entries), root)
        self._made = self._log._opened(sign_checkpoint(head, parts.signer, time_s))
        old = before.size if before else 0
        keep = head.size // _KEEP_EVERY > old // _KEEP_EVERY
        # A cosigned checkpoint of this very size keeps its witnesses' lines.
        if before and before.size == head.size and before.cosigned:
            own = parts.signer.key.name
            others = [each for each in before.lines if each.name != own]
            self._made, keep = self._log._opened(self._made.with_lines(others)), True
        storage.put_checkpoint(head.size, self._made.note, keep=keep)
        return size

    def time_s(self, before: Checkpoint | None) -> int:
        """Return the time to sign: never before the last, unless the clock ran back too far."""
        now, last = int(self._log._parts.clock()), (before and before.time_s) or 0
        if last - now > MAX_CLOCK_STEP_S:
            raise ClockError(
                f"log refuses to sign: the clock is {last - now} s before the last checkpoint; set "
                "the clock right and run again, nothing was appended"
            )
        return max(now, last)

    def __enter__(self) -> Self:
        self._block.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._block.__exit__(kind, error, trace)
        if error is None and self._made is not None:
            self._log._last = self._made
            self._log._parts.seen.note(self._made)
