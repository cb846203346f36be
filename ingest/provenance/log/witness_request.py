"""What a witness is asked: the body of an add-checkpoint call of https://c2sp.org/tlog-witness."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from ....core.errors import TransparencyError
from .checkpoint import TreeHead
from .note import parse_note, unbase64
from .tree import MAX_SIZE

MAX_PROOF_LINES = 63
"""Of the specification."""

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class WitnessRequest:
    """A checkpoint, unverified, and the proof that it holds the tree of ``old_size`` leaves."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    @property
    def head(self) -> TreeHead:
        """Return what the checkpoint says; raises `TransparencyError` if it is none."""
        return TreeHead.parse(parse_note(self.note)[0])

    @property
    def name(self) -> str:
        """Return a file name for the request, the same for the same tree head."""
        return hashlib.sha256(self.head.text.encode()).hexdigest()[:32]

    def __str__(self) -> str:
        """Return the body."""
        lines = [f"old {self.old_size}", *(base64.b64encode(each).decode() for each in self.proof)]
        return "\n".join([*lines, "", self.note])

    @classmethod
    def parse(cls, body: str) -> WitnessRequest:
        """Read a body (untrusted); raise `TransparencyError` if it is not well formed."""
        head, gap, note = body.partition("\n\n")
        first, *lines = head.split("\n")
        old = _OLD.fullmatch(first)
        proof = [unbase64(line) for line in lines]
        hashes = tuple(each for each in proof if each is not None and len(each) == 32)
        if not gap or old is None or len(hashes) != len(lines) or len(lines) > MAX_PROOF_LINES:
            raise TransparencyError("witness request refused: it is not an old size and a proof")
        request = cls(int(old[1]), hashes, note)
        if not request.old_size <= request.head.size <= MAX_SIZE:
            raise TransparencyError("witness request refused: the old size is beyond the new one")
        return request
