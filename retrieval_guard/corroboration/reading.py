"""What a passage says, as sets that can be compared: words, numbers, dates, names, negation.

No language model and no grammar: a claim is a number, a date or a name beside the content words of
its sentence. A lie that swaps a common noun is a difference of words only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ...ingest.canonical import canonical

# "don't" is a word, and "Theodred's" the word and an "s".
_WORD = re.compile(r"[^\W_]+(?:['’](?!s\b)[^\W_]+)*")
_BROAD_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|\n{2,}")
# A sign counts where it opens the number: "1990-1995" holds no negative year.
_NUMBER = re.compile(r"(?<![\w.,])[-−+]\s?\d[\d,.]*|\d[\d,.]*")
_MONTHS = "january february march april may june july august september october november december"
_MONTH = {name: number for number, name in enumerate(_MONTHS.split(), start=1)}
_DATE = re.compile(
    rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)?\s+({_MONTHS.replace(' ', '|')})"
    rf"|({_MONTHS.replace(' ', '|')})\s+(\d{{1,2}}))\b"
)
_YEAR = re.compile(r"\b(?:1\d|20|21)\d\d\b")
_SMALL = (
    "zero _ two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
# Without "one", which is a pronoun as well.
_NUMBER_WORDS = {word: str(at) for at, word in enumerate(_SMALL.split()) if word != "_"}
_NEGATIONS = frozenset(
    {"not", "no", "never", "none", "nor", "neither", "cannot", "without", "nobody", "nothing",
     "false", "untrue", "incorrect", "wrong", "denied", "refused", "failed", "lacks"}
)  # fmt: skip
# "s" is what a genitive leaves behind.
_STOP_WORDS = """
a an the and or but if then than that this these those of in on at by for from to with as is are was
were be been being am do does did done has have had having it its he she his her hers him they them
their there here we our you your i my me so such very also both either each any all some most more
much many other another own same only just into over under between among during before after about
against up down out off again once because while until although though however therefore thus hence
can could may might must shall should will would who whom whose which what when where why how one
ones s
"""
_STOP = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True)
class _Worded:
    """A text whose words are found only where they can matter: finding them is most of the cost."""

    text: str
    """In canonical form."""

    @cached_property
    def folded(self) -> str:
        """The text in lower case."""
        return self.text.casefold()

    def has_at_most(self, terms: Iterable[str]) -> int:
        """Return how many of some terms it has at most, without looking where words end."""
        return sum(term in self.folded for term in terms)

    def may_have(self, terms: Iterable[str]) -> bool:
        """Tell whether it may have all of some terms, without looking where words end."""
        return all(term in self.folded for term in terms)


@dataclass(frozen=True)
class Sentence(_Worded):
    """One sentence."""

    @cached_property
    def words(self) -> list[str]:
        """The words as they are written."""
        return _WORD.findall(self.text)

    @cached_property
    def lowered(self) -> list[str]:
        """The words in lower case."""
        # At once: a call for each word would be a tenth of what a query costs.
        return " ".join(self.words).casefold().split()

    @cached_property
    def terms(self) -> frozenset[str]:
        """Its content words, without the plural's ending; numbers are left to `numbers`."""
        return terms_of(self.lowered)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Its numbers, in digits, with their sign."""
        found = {_plain_number(each) for each in _NUMBER.findall(self.text)}
        return frozenset(found).union(
            _NUMBER_WORDS[word] for word in self.lowered if word in _NUMBER_WORDS
        )

    @cached_property
    def dates(self) -> frozenset[str]:
        """Its years, and its days as ``month-day``."""
        days = set()
        for day, month, other_month, other_day in _DATE.findall(self.folded):
            days.add(f"{_MONTH[month or other_month]:02}-{int(day or other_day):02}")
        return frozenset(days).union(_YEAR.findall(self.text))

    @cached_property
    def names(self) -> frozenset[str]:
        """Its words that begin with a capital, without the plural's ending."""
        return terms_of(word.casefold() for word in self.words if word[0].isupper())

    @cached_property
    def negated(self) -> bool:
        """Whether an odd number of its words deny."""
        denials = (w in _NEGATIONS or w.endswith(("n't", "n’t")) for w in self.lowered)
        return sum(denials) % 2 == 1

    def stands_in(self, other: Sentence) -> bool:
        """Tell whether another sentence has all its content words and numbers, and denies alike."""
        return (
            self.terms <= other.terms
            and self.numbers <= other.numbers
            and self.negated == other.negated
        )


@dataclass(frozen=True)
class Reading(_Worded):
    """A passage (untrusted) as it is compared; its parts are worked out when first asked for."""

    def says_the_same(self, other: Reading) -> bool:
        """Tell whether the keys are equal; most are told apart by their first words."""
        return self._opening == other._opening and self.key == other.key

    @cached_property
    def _opening(self) -> str:
        first = _BROAD_WORD.search(self.folded)
        return first.group() if first else ""

    @cached_property
    def key(self) -> str:
        """Equal for texts that differ in case, spacing and punctuation, not in a number."""
        words = _BROAD_WORD.findall(self.folded)
        # "-5" and "5", "1.5" and "1 5" have the same words.
        return " ".join(words) + "\x00" + " ".join(map(_plain_number, _NUMBER.findall(self.text)))

    @cached_property
    def terms(self) -> frozenset[str]:
        """Its content words, without the plural's ending."""
        return terms_of(_WORD.findall(self.folded))

    def values(self, kind: str) -> frozenset[str]:
        """Return its claims of a kind (number, date, name, word) in all its sentences."""
        found = {"number": "numbers", "date": "dates", "name": "names", "word": "terms"}.get(kind)
        if found is None:
            return frozenset()
        return frozenset().union(*(getattr(each, found) for each in self.sentences))

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """Its sentences, those without words left out."""
        parts = _SENTENCE.split(self.text)
        return tuple(Sentence(part) for part in parts if _WORD.search(part))


def read(text: str) -> Reading:
    """Return the reading of a text (untrusted)."""
    return Reading(canonical(text).text)


def terms_of(words: Iterable[str]) -> frozenset[str]:
    """Return the content words among words in lower case, without the plural's ending."""
    # A list: a generator takes half as long again.
    return frozenset(
        [
            word[:-1] if word[-1] == "s" and len(word) > 3 and word[-2] != "s" else word
            for word in set(words) - _STOP
            if not word.isdigit()
        ]
    )


def _plain_number(written: str) -> str:
    """Return a number without separators of thousands and what ends the sentence."""
    sign = "-" if written[0] in "-−" else ""
    digits = written.lstrip("-−+ ").rstrip(".,")
    return sign + re.sub(r",(?=\d{3}(?!\d))", "", digits)
