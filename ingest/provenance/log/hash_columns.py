"""Hashes by index, 32 bytes each without an object for each: what an audit holds of a log."""

from __future__ import annotations

import hashlib

from ..merkle import HASH_BYTES
from .tree import Range, cover, fold

MAX_GAP = 100_000
"""An index further beyond the end than this is not filled up to: it may be any number."""


class HashColumn:
    """One level of a tree as it was read; an index without a hash is missing."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.missing: set[int] = set()

    def __len__(self) -> int:
        return len(self.data) // HASH_BYTES

    def put(self, index: int, value: bytes) -> bool:
        """Add the hash of the next index, or one further on; say whether it could be kept."""
        if len(self.data) == HASH_BYTES * index and len(value) == HASH_BYTES:
            self.data += value
            return True
        gap = index - len(self)
        if not 0 <= gap <= MAX_GAP or len(value) != HASH_BYTES:
            return False
        self.missing.update(range(len(self), index))
        self.data += bytes(HASH_BYTES * gap) + value
        return True

    def get(self, index: int) -> bytes | None:
        """Return a hash, or None where there is none."""
        if index >= len(self) or index in self.missing:
            return None
        return bytes(self.data[HASH_BYTES * index : HASH_BYTES * (index + 1)])

    def listed(self, start: int, stop: int) -> list[bytes | None]:
        """Return the hashes of a range, None for those that are missing."""
        return [self.get(index) for index in range(start, stop)]

    def parents(self) -> bytes:
        """Return the hashes of the nodes over each two, end to end."""
        data, sha256 = self.data, hashlib.sha256
        width = 2 * HASH_BYTES
        return b"".join(
            [
                sha256(b"\x01" + data[at : at + width]).digest()
                for at in range(0, len(data) // width * width, width)
            ]
        )


class HashTree:
    """Every full subtree over leaves, computed from them alone."""

    def __init__(self, leaves: bytes) -> None:
        self._levels = [HashColumn(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(HashColumn(self._levels[-1].parents()))

    def root(self, span: Range) -> bytes:
        """Return the root of a range of leaves, such as a whole tree's or a proof's."""
        found = [self._levels[level].get(index) for level, index in cover(*span)]
        return fold([each for each in found if each is not None])
