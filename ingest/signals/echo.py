"""Signals over one document's text: an echoed question, and windows that no language explains."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ...core.verdict import Decision
from .letter_bigrams import surprise_bits
from .signal import NOTHING, Reading, SignalInput

_LEAD_CHARS = 300
"""A question is looked for in the first characters of a document or paragraph."""

_ANSWER_CHARS = 400

_INTERROGATIVE = (
    r"(?:who|what|when|where|which|whose|whom|why|how|is|are|was|were|do|does|did|can|could|will|"
    r"would|should|has|have|had|in what|in which|on what|on which|at what|at which|from which|"
    r"for which|to which|to what|of what)"
)
_QUESTION = re.compile(rf"\s*[\"'“]?{_INTERROGATIVE}\b[^?\n]{{8,250}}?(?:\?|[.,!]|\n|$)", re.I)
_INTERROGATIVE_START = re.compile(rf"{_INTERROGATIVE}\b", re.I)
_JUNCTION = re.compile(r"([^.?!\n]{12,250}?)(\s*\?\s*\.|\.)(?=[\"'“(]?[^\W\d_a-z])")
_WORD = re.compile(r"[^\W_]+")
_STOP_LIST = (
    "the a an of in on at to for by with from and or is are was were be been did do does has have "
    "had can could will would should who what when where which whose whom why how it its this that "
    "these those as not no if than then there their they he she his her you your we our i"
)
_STOP = frozenset(_STOP_LIST.split())
_STEM_CHARS = 5
"""Words that share this prefix count as one: capital and capitals, compose and composer."""

_GIBBERISH_CHARS = 200_000
"""Poison is short; beyond this a document is not looked at for gibberish."""

_WINDOW_WORDS = 24
_WINDOW_STEP = 6
_LEAST_WORDS = 18
_BONUS = 6.0
_PROSE_SHARE = 0.2
"""English prose has a function word in five or more; measured beside the windows of 16 to 24."""

_PROSE_BITS = 2.4
_STRANGE_BITS = 3.4
"""Bits a letter after the bonus: prose lies under 2.4 in one window at least, and 99.5 % of clean
passages under 3.4 in all (benchmarks/outliers.py)."""

_EDGE = 26
_SURPRISE = surprise_bits()
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+")
_FUNCTION_LIST = (
    "the of and in to a is was for as on with by at from that his an he it were which are be "
    "this or had has its their not but have also who been one her she they after first when i "
    "you we can will your may more other into if all so no do than them these such there only "
    "about up out "
    "der die das und ist von mit den im zu ein eine nicht auf fur des dem "
    "le la les et est un une dans que qui pour par sur du au el los las y en es con por para "
    "del se il di che e per non sono da della o os um uma em do com het een van de dat op te"
)
_FUNCTION_WORDS = frozenset(_FUNCTION_LIST.split())
"""Of English, German, French, Spanish, Italian, Portuguese and Dutch."""


class QuestionJunction:
    """A question glued to its answer: ``…?.Answer`` or ``question.Answer`` at a text's start.

    The form of PoisonedRAG (Zou et al., USENIX Security 2025), which puts the target question
    before the crafted text without a space. A space evades it; `QuestionEcho` then remains.
    """

    name = "question_junction"
    version = "1"
    # Measured (benchmarks/outliers.py): PoisonedRAG TPR .94 (HotpotQA), .89 (NQ); clean FPR 0 of
    # 6,994 passages and 0 of 7,181 other clean texts. So it may hold a document back.
    threshold = 0.3
    decision = Decision.QUARANTINE

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the share of the question's words that the answer says again."""
        return [self._reading(each.text) for each in batch]

    def _reading(self, text: str) -> Reading:
        match = _JUNCTION.match(text[:_LEAD_CHARS])
        if match is None or not _asks(match):
            return NOTHING
        score = _said_again(match[1], text[match.end() : match.end() + _ANSWER_CHARS])
        return Reading(
            score=score,
            why="a question is glued to an answer that repeats its words",
            span=(match.start(), match.end()),
        )


class QuestionEcho:
    """A question at a text's start whose words the next sentences say again.

    Pages titled by a question have the same form, so it only flags.
    """

    name = "question_echo"
    version = "1"
    # Measured: PoisonedRAG TPR .45 (HotpotQA), .86 (NQ), .44 with a space after the question, 0
    # without the question; clean FPR 0 to .8 %, 2.5 % on web pages titled by a question.
    threshold = 0.5
    decision = Decision.FLAG

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score the share of the question's words that the next 400 characters say again."""
        return [self._reading(each.text) for each in batch]

    def _reading(self, text: str) -> Reading:
        match = _QUESTION.match(text[:_LEAD_CHARS])
        if match is None:
            return NOTHING
        asked = match[0].strip()
        if not asked.endswith("?") and not asked[:1].islower():
            return NOTHING
        score = _said_again(asked, text[match.end() : match.end() + _ANSWER_CHARS])
        return Reading(
            score=score,
            why="it opens with a question and goes on to repeat its words",
            span=(match.start(), match.end()),
        )


class Gibberish:
    """A window without function words, of letter pairs that English does not have, beside prose.

    What gradient-guided poison (HotFlip) puts before fluent text. A document that is strange
    throughout is another language, code or a table, and passes: only the contrast is telling.
    """

    name = "gibberish"
    version = "1"
    # Measured: random word pieces before a clean passage TPR .93, random pieces only 0; clean FPR
    # .5 to 1.2 % of passages, 9.3 % of texts with code, tables and lists, 9.4 % of Romanian.
    threshold = 0.5
    decision = Decision.FLAG

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Score how far the worst window of 24 words is from prose, if another one is prose."""
        return [self._reading(each.text) for each in batch]

    def _reading(self, text: str) -> Reading:
        windows = list(_windows(text[:_GIBBERISH_CHARS]))
        if len(windows) < 2 or min(bits for bits, _ in windows) >= _PROSE_BITS:
            return NOTHING
        worst, span = max(windows)
        score = min(1.0, max(0.0, 0.5 + (worst - _STRANGE_BITS) / 2))
        return Reading(score=score, why="a part of it reads as no language beside prose", span=span)


def _asks(match: re.Match[str]) -> bool:
    lead = match[1].lstrip("\"' “")
    return "?" in match[2] or _INTERROGATIVE_START.match(lead) is not None


def _said_again(question: str, answer: str) -> float:
    asked = _stems(question)
    return len(asked & _stems(answer)) / len(asked) if len(asked) > 1 else 0.0


def _stems(text: str) -> set[str]:
    return {
        word[:_STEM_CHARS]
        for word in _WORD.findall(text.lower())
        if word not in _STOP and (len(word) > 2 or word.isdigit())
    }


def _windows(text: str) -> Iterator[tuple[float, tuple[int, int]]]:
    """Yield each window's bits a letter, less a bonus for function words, and its span."""
    words = list(_LATIN_WORD.finditer(text))
    folded = [_fold(word[0]) for word in words]
    costs = [_bits(word) for word in folded]
    for start in range(0, max(1, len(words) - _WINDOW_WORDS + 1), _WINDOW_STEP):
        part = slice(start, start + _WINDOW_WORDS)
        if len(words[part]) < _LEAST_WORDS:
            continue
        letters = sum(len(word) + 1 for word in folded[part])
        common = sum(word in _FUNCTION_WORDS for word in folded[part]) / len(folded[part])
        bits = sum(costs[part]) / letters - _BONUS * min(common, _PROSE_SHARE)
        yield bits, (words[start].start(), words[part][-1].end())


def _fold(word: str) -> str:
    """Return the word in lower case a to z, without accents."""
    plain = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in plain if "a" <= letter <= "z")


@lru_cache(maxsize=50_000)
def _bits(word: str) -> float:
    codes = [_EDGE, *(ord(letter) - ord("a") for letter in word), _EDGE]
    return float(_SURPRISE[codes[:-1], codes[1:]].sum())
