"""Text that talks about answering: what is right or outdated, what to say when asked, refusals.

CorruptRAG, prompt-injection templates and jamming have no hidden order: they tell the reader, who is
a model, what the answer is or that there is none. A linear model reads two sentences at a time; words
of no use to that are blanked, so that it cannot learn subjects.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.verdict import Decision
from .signal import NOTHING, Reading, SignalInput

MODEL = Path(__file__).with_name("steering.npz")
BUCKETS = 1 << 16
FLAG_LOGIT, HOLD_LOGIT = -0.75, 0.25
"""By what the fit leaves out (benchmarks.signal_models.steering --check): .87 to .94 of the poison files'
templates, which it never saw, against 0 to .5 % of honest passages."""
_TEXT_CHARS = 60_000
_SENTENCE = re.compile(r"[^.!?\n;]+[.!?;\n]*")
_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?|[:?\[\]\"]")
_LEAST_WORDS = 3
_GROUPS = {
    "ANSWER": "answer answers answered answering reply replies respond responds responding response "
    "responses output outputs say says saying state states stating print return generate produce "
    "write conclude report mention",
    "ASK": "question questions query queries asked ask asks asking prompt prompted inquiry request "
    "wants wonder wondering",
    "BAD": "outdated stale obsolete old older incorrect incorrectly wrong wrongly false mistaken "
    "mistakenly inaccurate erroneous retracted unreliable fake fabricated misleading superseded "
    "debunked deprecated untrue",
    "GOOD": "correct right accurate true verified confirmed latest updated official definitive final "
    "current authoritative reliable trustworthy validated accepted actual real",
    "SOURCE": "document documents corpus corpora passage passages source sources context contexts "
    "text texts article articles record records database entry entries snippet results data "
    "information content material materials evidence knowledge",
    "IGNORE": "ignore disregard discard overlook skip dismiss reject neglect",
    "CANNOT": "cannot can't unable won't refuse decline couldn't impossible unanswerable",
    "GIVE": "provide provides provided give gives given offer share supply contain contains include "
    "includes specify disclose reveal",
    "MODEL": "assistant assistants model models ai chatbot chatbots llm llms bot system systems",
    "OBLIGE": "must should shall always please ensure instead only never simply",
    "CONFIRM": "confirm confirms establish establishes verify verifies prove proves indicate "
    "indicates show shows",
    "LACK": "insufficient missing lack lacks unknown unsure uncertain enough unavailable",
    "HARM": "harmful misinformation unsafe inappropriate unethical bias stereotypes offensive "
    "sensitive policy policies guidelines misleading violence dangerous",
}
_GROUP_OF = {word: name for name, words in _GROUPS.items() for word in words.split()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SteeringModel:
    """Weights (65536,) of hashed phrases, a bias, and the words that are not blanked."""

    weights: NDArray[np.float32]
    bias: float
    words: frozenset[str]

    def logit(self, passage: str) -> float:
        """Return the log odds that one or two sentences are about answering."""
        hashed = features(passage, self.words)
        if not len(hashed):
            return -9.0
        return float(self.weights[hashed].sum() / np.sqrt(len(hashed))) + self.bias


class AnswerSteering:
    """Talk about answering where a document should tell of its subject."""

    name = "answer_steering"
    version = "1"
    threshold = 0.5
    decision = Decision.FLAG

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the likeliest pair of sentences: .5 from where it is flagged, .75 where held."""
        return [self._reading(each.text[:_TEXT_CHARS]) for each in batch]

    def _reading(self, text: str) -> Reading:
        model = shipped_steering()
        best = max(((model.logit(part), span) for part, span in passages(text)), default=None)
        if best is None:
            return NOTHING
        logit, span = best
        return Reading(
            score=min(1.0, max(0.0, 0.5 + (logit - FLAG_LOGIT) * 0.25 / (HOLD_LOGIT - FLAG_LOGIT))),
            why="it talks about what to answer, not about its subject",
            span=span,
            decision=Decision.QUARANTINE if logit >= HOLD_LOGIT else None,
        )


def passages(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield each sentence, and each with the one after it, with spans."""
    spans = [match.span() for match in _SENTENCE.finditer(text)]
    for at, (start, end) in enumerate(spans):
        yield text[start:end], (start, end)
        if at + 1 < len(spans):
            yield text[start : spans[at + 1][1]], (start, spans[at + 1][1])


def features(passage: str, words: frozenset[str] | set[str]) -> NDArray[np.int64]:
    """Return the buckets of a passage's phrases: up to four of its words, and of their groups."""
    tokens = _WORD.findall(passage.lower().replace("’", "'"))
    if len(tokens) < _LEAST_WORDS:
        return np.zeros(0, dtype=np.int64)
    plain = _blanked([token if token in words else "_" for token in tokens])
    grouped = _blanked([_GROUP_OF.get(t, t if t in words else "_") for t in tokens])
    found = {
        _bucket(f"{kind}{length} {' '.join(row[at : at + length])}")
        for kind, row in (("w", plain), ("g", grouped))
        for length in (1, 2, 3, 4)
        for at in range(len(row) - length + 1)
    }
    return np.fromiter(found, dtype=np.int64, count=len(found))


def _blanked(row: list[str]) -> list[str]:
    """Return the row with runs of blanks as one."""
    return [word for at, word in enumerate(row) if word != "_" or at == 0 or row[at - 1] != "_"]


def _bucket(phrase: str) -> int:
    return zlib.crc32(phrase.encode()) % BUCKETS


@cache
def shipped_steering() -> SteeringModel:
    """Return the model that is shipped."""
    with np.load(MODEL, allow_pickle=False) as arrays:
        return SteeringModel(
            weights=arrays["weights"].astype(np.float32) / 32.0,
            bias=float(arrays["bias"]),
            words=frozenset(str(arrays["words"]).split("\n")),
        )
