"""Checkpoints: what a log signs of its tree (https://c2sp.org/tlog-checkpoint).

A log of ours signs twice: the text, so that any C2SP reader takes it, and the text with its time,
so that a checkpoint that is too old or out of order is seen.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ....core.errors import ClockError, ForkError, RollbackError, TransparencyError
from ..merkle import HASH_BYTES
from .note import NoteKey, NoteSignature, NoteSigner, SignatureKind, format_note, parse_note
from .note import unbase64 as _unbase64
from .tree import EMPTY_ROOT, MAX_SIZE, grew

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a checkpoint says: which log, how many leaves, and the root over them (32 bytes)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return the note text: origin, size, root in base64, and extension lines, if any."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode())
        return "".join(f"{line}\n" for line in (*lines, *self.extensions))

    @classmethod
    def parse(cls, text: str) -> TreeHead:
        """Read a note text; raise `TransparencyError` if it is not a checkpoint's."""
        lines = text.removesuffix("\n").split("\n")
        root = _unbase64(lines[2]) if len(lines) >= 3 and all(lines) else None
        if root is None or len(root) != HASH_BYTES or not _SIZE.fullmatch(lines[1]):
            raise TransparencyError("checkpoint refused: it has no origin, tree size and root hash")
        size = int(lines[1])
        if size > MAX_SIZE or (size == 0 and root != EMPTY_ROOT):
            raise TransparencyError("checkpoint refused: no tree has that size and root")
        return cls(lines[0], size, root, tuple(lines[3:]))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head whose log's signature verified.

    ``time_s`` is the log's own time, in seconds since the epoch, or None where it signed none;
    ``cosigned`` has the time of each known witness whose cosignature verified, by its name.
    """

    head: TreeHead
    note: str
    time_s: int | None
    cosigned: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return how many leaves the tree has."""
        return self.head.size

    @property
    def root(self) -> bytes:
        """Return the root hash."""
        return self.head.root

    def with_lines(self, signatures: Iterable[NoteSignature]) -> str:
        """Return the note with signature lines in place of those of the same keys."""
        text, old = parse_note(self.note)
        new = list(signatures)
        named = {(each.name, each.key_id) for each in new}
        kept = [each for each in old if (each.name, each.key_id) not in named]
        return format_note(text, [*kept, *new])

    @property
    def lines(self) -> tuple[NoteSignature, ...]:
        """Return the signature lines, of unknown keys too."""
        return parse_note(self.note)[1]


def sign_checkpoint(head: TreeHead, signer: NoteSigner, time_s: int) -> str:
    """Return the signed note of a tree head, with the log's signature and its time."""
    return format_note(head.text, [signer.sign(head.text), signer.cosign(head.text, time_s)])


def open_checkpoint(note: str, log: NoteKey, witnesses: Sequence[NoteKey] = ()) -> Checkpoint:
    """Verify a checkpoint; lines of unknown keys are left alone, as the specification asks.

    Raises `TransparencyError` for a note that is malformed, is another log's, or has a line of a
    known key that does not verify.
    """
    text, signatures = parse_note(note)
    head = TreeHead.parse(text)
    if head.origin != log.name:
        raise ForkError("checkpoint refused: it is of another log; compare the two origins")
    timed = NoteKey(log.name, SignatureKind.COSIGNATURE, log.public)
    if _time(text, signatures, log) is None:
        raise TransparencyError("checkpoint refused: the log's key has not signed it")
    found = {key.name: _time(text, signatures, key) for key in witnesses}
    cosigned = {name: time_s for name, time_s in found.items() if time_s is not None}
    return Checkpoint(head, note, _time(text, signatures, timed), cosigned)


def _time(text: str, signatures: Sequence[NoteSignature], key: NoteKey) -> int | None:
    """Return the newest time that a key signed; None where it has no line."""
    times = [each.time_under(key, text) for each in signatures if each.is_of(key)]
    newest: int | None = None
    for time_s in times:
        if time_s is None:
            raise TransparencyError(
                f"checkpoint refused: the signature of '{key.name}' does not verify, so the "
                "checkpoint or the signature was changed"
            )
        newest = time_s if newest is None else max(newest, time_s)
    return newest


def require_progress(seen: Checkpoint, now: Checkpoint, proof: Sequence[bytes]) -> None:
    """Raise unless ``now`` is the log that ``seen`` was, at least as large and not earlier.

    ``proof`` is the consistency proof from the one size to the other. Raises `RollbackError`,
    `ForkError` and `ClockError`; each means that evidence of both checkpoints should be kept.
    """
    if seen.head.origin != now.head.origin:
        raise ForkError("log refused: it has another origin than the checkpoint that was seen")
    if now.size < seen.size:
        raise RollbackError(
            f"log refused: it has {now.size} entries and had {seen.size}; restore its file from "
            "a backup that is newer than that, and keep both checkpoints as evidence"
        )
    if not grew(seen.size, seen.root, now.size, now.root, proof):
        raise ForkError(
            f"log refused: its tree of {now.size} entries does not hold the tree of {seen.size} "
            "that was seen, so an entry was rewritten; keep both checkpoints as evidence"
        )
    if seen.time_s is not None and now.time_s is not None and now.time_s < seen.time_s:
        raise ClockError(
            f"log refused: its checkpoint is dated {seen.time_s - now.time_s} s before one that "
            "was seen; set the clock that signs right"
        )
