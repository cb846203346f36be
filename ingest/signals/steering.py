"""Text that talks about answering: what is right or outdated, what to say when asked, refusals.

CorruptRAG, prompt-injection templates and jamming have no hidden order: they tell the reader, who
is a model, what the answer is or that there is none. A linear model reads windows of 16 words;
words of no use to that are blanked, so that it cannot learn subjects.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.verdict import Decision
from .signal import NOTHING, Reading, SignalInput

MODEL = Path(__file__).with_name("steering.npz")
BUCKETS = 1 << 16
FLAG_LOGIT, HOLD_LOGIT = 4.0, 5.0
NEW_LOGIT = 2.0
"""From ``NEW_LOGIT`` on a document of a source in probation is held. Figures: docs/signals.md."""
_TEXT_CHARS = 60_000
_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?|[.:?!\[\]\"]")
_LEAST_WORDS = 6
WINDOWS = ((16, 4), (9, 2))
"""Words and step: a refusal of one sentence, and a statement of two."""

_LONGEST = 4
_GROUPS = {
    "ANSWER": (
        "answer answers answered answering reply replies respond responds responding "
        "response responses output outputs say says saying state states stating print "
        "return generate produce write conclude report mention"
    ),
    "ASK": (
        "question questions query queries asked ask asks asking prompt prompted inquiry "
        "request wants wonder wondering"
    ),
    "BAD": (
        "outdated stale obsolete old older incorrect incorrectly wrong wrongly false "
        "mistaken mistakenly inaccurate erroneous retracted unreliable fake fabricated "
        "misleading superseded debunked deprecated untrue"
    ),
    "GOOD": (
        "correct right accurate true verified confirmed latest updated official "
        "definitive final current authoritative reliable trustworthy validated accepted "
        "actual real"
    ),
    "SOURCE": (
        "document documents corpus corpora passage passages source sources context "
        "contexts text texts article articles record records database entry entries "
        "snippet results data information content material materials evidence knowledge"
    ),
    "IGNORE": ("ignore disregard discard overlook skip dismiss reject neglect"),
    "CANNOT": ("cannot can't unable won't refuse decline couldn't impossible unanswerable"),
    "GIVE": (
        "provide provides provided give gives given offer share supply contain contains "
        "include includes specify disclose reveal"
    ),
    "MODEL": ("assistant assistants model models ai chatbot chatbots llm llms bot system systems"),
    "OBLIGE": ("must should shall always please ensure instead only never simply"),
    "CONFIRM": (
        "confirm confirms establish establishes verify verifies prove proves indicate "
        "indicates show shows"
    ),
    "LACK": ("insufficient missing lack lacks unknown unsure uncertain enough unavailable"),
    "HARM": (
        "harmful misinformation unsafe inappropriate unethical bias stereotypes "
        "offensive sensitive policy policies guidelines misleading violence dangerous"
    ),
}
_GROUP_OF = {word: name for name, words in _GROUPS.items() for word in words.split()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SteeringModel:
    """Weights (65536,) of hashed phrases, a bias, and the words that are not blanked."""

    weights: NDArray[np.float32]
    bias: float
    words: frozenset[str]

    def best(self, text: str) -> tuple[float, tuple[int, int]] | None:
        """Return the log odds of the likeliest window, and its span; None for too short a text."""
        phrases, spans = phrases_of(text, self.words)
        bounds = windows_of(len(spans))
        if not bounds:
            return None
        values = np.where(phrases >= 0, self.weights[phrases], 0.0).sum(axis=2)
        sums = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
        logits = _window_sums(sums, np.array(bounds))
        at = int(np.argmax(logits))
        start, end = bounds[at]
        return float(logits[at]) + self.bias, (spans[start][0], spans[end - 1][1])


class AnswerSteering:
    """Talk about answering where a document should tell of its subject."""

    name = "answer_steering"
    version = "2"
    threshold = 0.5
    decision = Decision.FLAG

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the likeliest window: .5 from where it is flagged, .75 where held."""
        return [self._reading(each.text[:_TEXT_CHARS], each.probation) for each in batch]

    def _reading(self, text: str, probation: bool) -> Reading:
        found = shipped_steering().best(text)
        if found is None:
            return NOTHING
        logit, span = found
        least = NEW_LOGIT if probation else FLAG_LOGIT
        return Reading(
            score=min(1.0, max(0.0, 0.5 + (logit - least) * 0.25 / (HOLD_LOGIT - least))),
            why="it talks about what to answer, not about its subject",
            span=span,
            decision=Decision.QUARANTINE if probation or logit >= HOLD_LOGIT else None,
        )


def windows_of(count: int) -> list[tuple[int, int]]:
    """Return first and last (exclusive) of each window among ``count`` words, in two sizes."""
    if count < _LEAST_WORDS:
        return []
    return [
        (start, min(start + size, count))
        for size, step in WINDOWS
        for start in range(0, max(1, count - size + step), step)
        if min(start + size, count) - start >= _LEAST_WORDS
    ]


def phrases_of(
    text: str, words: frozenset[str] | set[str]
) -> tuple[NDArray[np.int64], list[tuple[int, int]]]:
    """Return for each word that is kept the buckets of the phrases that start there, and its span.

    Shape (n, 4, 2): phrases of one to four words, and the same of their groups; -1 past the end.
    """
    found = [
        (match.group().replace("’", "'"), match.span()) for match in _WORD.finditer(text.lower())
    ]
    grouped = [_GROUP_OF.get(word, word if word in words else "_") for word, _ in found]
    kept = [
        at for at, word in enumerate(grouped) if word != "_" or at == 0 or grouped[at - 1] != "_"
    ]
    groups = [grouped[at] for at in kept]
    plain = [found[at][0] if found[at][0] in words else "_" for at in kept]
    phrases = np.full((len(kept), _LONGEST, 2), -1, dtype=np.int64)
    for side, row in enumerate((plain, groups)):
        for length, buckets in enumerate(_buckets(side, row), start=1):
            phrases[: len(buckets), length - 1, side] = buckets
    return phrases, [found[at][1] for at in kept]


def window_buckets(phrases: NDArray[np.int64], start: int, end: int) -> NDArray[np.int64]:
    """Return the buckets of the phrases that lie in a window."""
    rows = [
        phrases[start : end - length + 1, length - 1].ravel() for length in range(1, _LONGEST + 1)
    ]
    return np.concatenate(rows)


def _window_sums(sums: NDArray[np.float64], bounds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each window the mean weight of its phrases, times the root of their number."""
    starts, ends = bounds.T
    total, count = np.zeros(len(bounds)), np.zeros(len(bounds))
    for length in range(1, _LONGEST + 1):
        # A window shorter than the phrase has none: its span is empty.
        stops = np.maximum(ends - length + 1, starts)
        total += sums[stops, length - 1] - sums[starts, length - 1]
        count += 2 * (stops - starts)
    return np.asarray(total / np.sqrt(np.maximum(1, count)))


def _buckets(side: int, row: Sequence[str]) -> list[list[int]]:
    """Return the buckets of the phrases of one, two and more words, by where they start.

    A phrase is hashed as ``{side}{length} {words}``. The checksum goes on from that of what all
    phrases of a length begin with, over a slice of the row joined once: a quarter of the time.
    """
    joined = " ".join(row).encode()
    ends = list(accumulate((len(word.encode()) + 1 for word in row), initial=0))
    crc32 = zlib.crc32
    return [
        [
            crc32(joined[start : end - 1], begun) % BUCKETS
            for start, end in zip(ends, ends[length:], strict=False)
        ]
        for length in range(1, _LONGEST + 1)
        for begun in [crc32(f"{side}{length} ".encode())]
    ]


@cache
def shipped_steering() -> SteeringModel:
    """Return the model that is shipped."""
    with np.load(MODEL, allow_pickle=False) as arrays:
        return SteeringModel(
            weights=arrays["weights"].astype(np.float32) / 32.0,
            bias=float(arrays["bias"]),
            words=frozenset(str(arrays["words"]).split("\n")),
        )
