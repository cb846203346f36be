"""What sources have brought lately: a ring of passages for each, the least recently seen forgotten.

All sources in probation share one ring, so that a poisoner gains nothing by opening many.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...core.chunk import Vector
from .content import Content
from .state_file import Arrays

SOURCES = 256
PASSAGES = 48
PROBATION_PASSAGES = 512
KEPT_DIMENSIONS = 384
"""Vectors of more dimensions are kept as a random projection to this many; the error of a cosine of
.8 is then about .02 (Johnson and Lindenstrauss 1984)."""

PROBATION = "\x00probation"
"""The one ring of all sources in probation; no source can have this name."""

_WORDS = 64
_FUTURE_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passage:
    """A passage as it is remembered: its vector (d,), float16, what it says, whose and when.

    ``document`` is the source, a line feed and the document's id; ``digest`` that of its bytes.
    """

    vector: NDArray[np.float16]
    content: Content
    document: str
    at: float
    digest: str = ""


class RecentPassages:
    """The rings of a collection."""

    def __init__(self) -> None:
        self._rings: OrderedDict[str, deque[Passage]] = OrderedDict()
        self._width = 0

    def of(self, ring: str) -> Sequence[Passage]:
        """Return what a source brought lately, oldest first."""
        return tuple(self._rings.get(ring, ()))

    def add(self, ring: str, passages: Sequence[Passage]) -> None:
        """Remember passages; a source that comes is the last to be forgotten.

        Vectors of another dimension start it all again: nothing compares with the old ones.
        """
        widths = {len(passage.vector) for passage in passages}
        if widths - {self._width}:
            self._rings.clear()
            self._width = len(passages[-1].vector)
            passages = [each for each in passages if len(each.vector) == self._width]
        most = PROBATION_PASSAGES if ring == PROBATION else PASSAGES
        kept = self._rings.setdefault(ring, deque(maxlen=most))
        kept.extend(passages)
        self._rings.move_to_end(ring)
        while len(self._rings) > SOURCES:
            # The shared ring stays: forgetting it is what a flood of new sources would be for.
            oldest = next(name for name in self._rings if name != PROBATION)
            del self._rings[oldest]

    @property
    def bytes_held(self) -> int:
        """Memory of the vectors and word hashes."""
        return sum(p.vector.nbytes + 64 * len(p.content.words) for p in self._all())

    def state(self) -> Arrays:
        """Return the arrays to save."""
        rows = [(name, passage) for name, ring in self._rings.items() for passage in ring]
        if not rows:
            return {}
        packed = [_packed(passage.content) for _, passage in rows]
        names = json.dumps([[name, passage.document, passage.digest] for name, passage in rows])
        return {
            "recent_vectors": np.stack([passage.vector for _, passage in rows]),
            "recent_words": np.stack([words for words, _ in packed]),
            "recent_facts": np.stack([facts for _, facts in packed]),
            "recent_at": np.array([passage.at for _, passage in rows]),
            "recent_names": np.frombuffer(names.encode(), dtype=np.uint8),
        }

    def restore(self, arrays: Arrays) -> None:
        """Take saved arrays back."""
        if "recent_names" not in arrays:
            return
        names = json.loads(arrays["recent_names"].tobytes().decode())
        columns = zip(
            names,
            arrays["recent_vectors"].astype(np.float16),
            arrays["recent_words"],
            arrays["recent_facts"],
            arrays["recent_at"],
            strict=True,
        )
        # Files of before digests were kept have two names a row.
        for (ring, document, *digest), vector, words, facts, at in columns:
            content = Content(
                words=frozenset(int(word) for word in words if word),
                facts=frozenset(int(w) for w, fact in zip(words, facts, strict=True) if fact),
            )
            kept = Passage(
                vector=vector,
                content=content,
                document=document,
                at=at,
                digest=digest[0] if digest else "",
            )
            self.add(ring, [kept])

    def _all(self) -> Iterator[Passage]:
        for ring in self._rings.values():
            yield from ring


# A baseline is saved again and again, and few of its passages are new.
@lru_cache(maxsize=SOURCES * PASSAGES + PROBATION_PASSAGES)
def _packed(content: Content) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Return the words (64,) of a passage as they are saved, and which of them are facts."""
    kept = sorted(content.words)[:_WORDS]
    words, facts = np.zeros(_WORDS, dtype=np.uint32), np.zeros(_WORDS, dtype=np.bool_)
    words[: len(kept)] = kept
    facts[: len(kept)] = [word in content.facts for word in kept]
    return words, facts


def remembered_vector(vector: Vector) -> NDArray[np.float16]:
    """Return a unit vector of at most 384 dimensions that keeps cosines."""
    row = np.asarray(vector, dtype=np.float32)
    if len(row) > KEPT_DIMENSIONS:
        row = row @ _projection(len(row))
    length = float(np.linalg.norm(row))
    return (row / length if length > 0 else row).astype(np.float16)


_PROJECTIONS: dict[int, NDArray[np.float32]] = {}


def _projection(dimension: int) -> NDArray[np.float32]:
    if dimension not in _PROJECTIONS:
        drawn = np.random.default_rng(dimension).standard_normal((dimension, KEPT_DIMENSIONS))
        _PROJECTIONS[dimension] = (drawn / np.sqrt(KEPT_DIMENSIONS)).astype(np.float32)
    return _PROJECTIONS[dimension]
