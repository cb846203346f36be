"""Queries that were asked of a collection: a sample of bounded size, and no text of any.

A query is kept as its vector and as keyed hashes of its words by pairs, so that a document can be
seen to repeat it and nobody who reads the file learns what was asked. (A vector does tell something
of its text: the file is owner-only, and `signals.observe_queries` switches all of it off.)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import secrets
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ...core.chunk import Matrix, Vector
from ...core.files import open_regular
from .state_file import Arrays, DamagedStateError, read_state, write_state

KEPT = 256
"""Queries kept: a uniform sample of all that were asked (Vitter's reservoir, algorithm R)."""

_SHINGLES = 24
_KEY_FILE = "observed.key"
_KEY_BYTES = 32
_WORD = re.compile(r"\w+")


def collection_name(tenant: str, uid: str) -> str:
    """Return the name under which a tenant's collection is kept; it tells neither."""
    return hashlib.sha256(json.dumps([tenant, uid]).encode()).hexdigest()[:32]


class ObservedQueries:
    """A sample of a collection's queries."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key
        self._chance = random.Random(secrets.randbits(64))  # noqa: S311 - sampling
        self.seen = 0
        self.damaged = ""
        self.vectors: Matrix = np.zeros((0, 0), dtype=np.float32)
        self.shingles: NDArray[np.uint64] = np.zeros((0, _SHINGLES), dtype=np.uint64)

    @classmethod
    def open(cls, folder: Path, name: str) -> Self:
        """Return the sample kept in ``folder`` under ``name``, or an empty one.

        A file or folder that cannot be used is told in ``damaged``.
        """
        path = folder / f"{name}.observed"
        try:
            observed = cls(path, _key(folder))
        except OSError as error:
            # Nothing is kept, and ingestion goes on: this sample only helps to judge.
            observed = cls(path, secrets.token_bytes(_KEY_BYTES))
            observed.damaged = f"its folder cannot be used ({error.strerror})"
            return observed
        try:
            arrays = read_state(observed._path)
            if arrays is not None:
                observed._restore(arrays)
        except (DamagedStateError, KeyError, ValueError, TypeError) as error:
            observed = cls(observed._path, observed._key)
            observed.damaged = str(error)
        return observed

    def add(self, query: str, vector: Vector) -> None:
        """Take a query into the sample by chance; one of another dimension starts it again."""
        row = np.asarray(vector, dtype=np.float32)
        if row.ndim != 1 or not np.isfinite(row).all() or not row.any():
            return
        if len(self.vectors) and self.vectors.shape[1] != len(row):
            self._forget()
        self.seen += 1
        hashes = self._padded(self.hashed(query))
        if len(self.vectors) < KEPT:
            self.vectors = np.vstack([self.vectors.reshape(-1, len(row)), row])
            self.shingles = np.vstack([self.shingles, hashes])
            return
        at = self._chance.randrange(self.seen)
        if at < KEPT:
            self.vectors[at], self.shingles[at] = row, hashes

    def hashed(self, text: str) -> list[int]:
        """Return the keyed hashes of a text's words by pairs, in order."""
        words = _WORD.findall(text.lower())
        return [self._hash(f"{one} {two}") for one, two in pairwise(words)]

    def save(self) -> None:
        """Write the file; raise `OSError` if it cannot be."""
        arrays = {"seen": np.array([self.seen]), "vectors": self.vectors, "shingles": self.shingles}
        write_state(self._path, arrays)

    @property
    def bytes_held(self) -> int:
        """Memory of the sample."""
        return self.vectors.nbytes + self.shingles.nbytes

    def _hash(self, shingle: str) -> int:
        digest = hashlib.blake2b(shingle.encode(), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big") or 1

    def _padded(self, hashes: list[int]) -> NDArray[np.uint64]:
        row = np.zeros(_SHINGLES, dtype=np.uint64)
        kept = list(dict.fromkeys(hashes))[:_SHINGLES]
        row[: len(kept)] = kept
        return row

    def _forget(self) -> None:
        self.seen = 0
        self.vectors = np.zeros((0, 0), dtype=np.float32)
        self.shingles = np.zeros((0, _SHINGLES), dtype=np.uint64)

    def _restore(self, arrays: Arrays) -> None:
        vectors, shingles = arrays["vectors"], arrays["shingles"]
        if vectors.ndim != 2 or shingles.shape != (len(vectors), _SHINGLES):
            raise ValueError("its arrays do not fit each other")
        self.seen = int(arrays["seen"][0])
        self.vectors = vectors.astype(np.float32)
        self.shingles = shingles.astype(np.uint64)


def _key(folder: Path) -> bytes:
    """Return the folder's hashing key, made on first use, and anew if it was cut short.

    What was hashed with a key that is lost is not found again, and ages out of the sample.
    """
    path = folder / _KEY_FILE
    try:
        return _read_key(path)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_key(path, os.link)
    except ValueError:
        _write_key(path, os.replace)
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    with open_regular(path) as file:
        key = file.read(_KEY_BYTES + 1)
    # An empty one would hash as if there were none.
    if len(key) != _KEY_BYTES:
        raise ValueError("the key is not whole")
    return key


def _write_key(path: Path, put: Callable[[str, Path], None]) -> None:
    """Put a whole key in place at once; where another process was first, its key stays."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".key-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            put(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)
