"""Nearly equal documents of one source in one batch, by their words alone."""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from ...core.verdict import Decision
from .signal import NOTHING, Reading, SignalInput

_SHINGLE_WORDS = 3
_SKETCH_SIZE = 128
"""Smallest hashes kept of a document (Broder's bottom-k sketch); the error of the estimated
resemblance is about 1 / sqrt(k), 0.09."""

_MAX_POSTINGS = 64
"""Documents compared for one shared shingle, so that a thousand copies cost no million pairs."""

_TEXT_CHARS = 100_000
_WORD = re.compile(r"\w+")

_BURST_ALIKE = 0.25
"""Resemblance within a burst: two copies that each lost a tenth of their words have about 0.35."""

_BURST_DOCUMENTS = 4
"""Like documents of one source in a batch that make a burst; PoisonedRAG needs five a question."""


class NearDuplicateBurst:
    """Several nearly equal documents from one source in one batch.

    Of an established source it is for information: catalogues and news are made from a form, and
    retrieval counts a source once.
    """

    name = "near_duplicate_burst"
    version = "2"
    # Measured in batches of 64 (version 1): five copies less a tenth of their words
    # TPR .94; CorruptRAG .89, jamming .84, PIA .82, PoisonedRAG .04 to .51; clean FPR 0 of 6,994
    # passages, 2.5 % of templated English texts.
    threshold = 1.0
    decision = Decision.FLAG

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the number of like documents, itself included, over four; 1 at most."""
        likes: Counter[int] = Counter()
        for left, right in _alike(batch, _BURST_ALIKE):
            if batch[left].source == batch[right].source:
                likes[left] += 1
                likes[right] += 1
        return [self._reading(likes[at] + 1, each.probation) for at, each in enumerate(batch)]

    def _reading(self, documents: int, probation: bool) -> Reading:
        if documents < 2:
            return NOTHING
        return Reading(
            score=min(1.0, documents / _BURST_DOCUMENTS),
            why=f"{documents} documents of its source in one batch are nearly the same",
            decision=None if probation else Decision.ALLOW,
        )


def _alike(batch: Sequence[SignalInput], least: float) -> Iterable[tuple[int, int]]:
    """Yield pairs whose estimated resemblance (Jaccard, words by threes) is at least ``least``."""
    sketches = [_sketch(each.text[:_TEXT_CHARS]) for each in batch]
    postings: dict[int, list[int]] = defaultdict(list)
    shared: set[tuple[int, int]] = set()
    for at, sketch in enumerate(sketches):
        for value in sketch:
            earlier = postings[value]
            shared.update((other, at) for other in earlier)
            if len(earlier) < _MAX_POSTINGS:
                earlier.append(at)
    for left, right in shared:
        if _resemblance(sketches[left], sketches[right]) >= least:
            yield left, right


# Two signals compare the same batch.
@lru_cache(maxsize=128)
def _sketch(text: str) -> frozenset[int]:
    words = _WORD.findall(text.lower())
    count = max(1, len(words) - _SHINGLE_WORDS + 1) if words else 0
    # CRC rather than `hash`: a run must measure the same in every process.
    hashes = {zlib.crc32(" ".join(words[at : at + _SHINGLE_WORDS]).encode()) for at in range(count)}
    return frozenset(sorted(hashes)[:_SKETCH_SIZE])


def _resemblance(left: frozenset[int], right: frozenset[int]) -> float:
    if len(left & right) < _BURST_ALIKE * max(len(left), len(right)):
        return 0.0  # It could not reach the least that a signal asks for.
    smallest = sorted(left | right)[:_SKETCH_SIZE]
    return sum(value in left and value in right for value in smallest) / len(smallest)
