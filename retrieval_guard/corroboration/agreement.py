"""Which answers of the candidates are shared, and by how many independent voices.

- INVARIANT: only established voices lend support, and nobody supports himself. Sources that anyone
  can write (tier ``untrusted``) lend none: what stands there was not said by the source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...ingest.canonical import canonical
from ...ingest.provenance.source_records import TrustTier
from .answer_kind import AnswerKind, answer_kind
from .reading import Reading, Sentence
from .standing import Standing
from .voices import Voice

Claim = tuple[str, str]
"""A kind and a value: ``("number", "24")``."""

_ABOUT = 0.5
"""Share of the question's content words that a passage must have to be about it."""

_COMMON = 0.25
"""Words of more of the candidates than this are the subject, and not an answer."""


class Question:
    """A query as claims are looked for: its words, and what kind of answer it asks for."""

    def __init__(self, query: str) -> None:
        text = canonical(query).text
        self.text = text
        self.kind = answer_kind(text)
        self._sentence = Sentence(text)
        self.terms = self._sentence.terms

    def claims(self, sentences: Sequence[Sentence]) -> frozenset[Claim]:
        """Return what answering sentences claim; words that the question itself has are none."""
        return frozenset().union(*map(self._claims, sentences))

    def answering(self, reading: Reading) -> tuple[Sentence, ...]:
        """Return the sentences with most of the question's words; none if it is not about it."""
        if not self._is_asked_in(reading):
            return ()
        most, found = 1, list[Sentence]()
        for each in reading.sentences:
            # Words are found only where so many of them can be.
            if each.has_at_most(self.terms) < most:
                continue
            shared = len(self.terms & each.terms)
            if shared > most:
                most, found = shared, []
            if shared == most:
                found.append(each)
        return tuple(found)

    def _is_asked_in(self, reading: Reading) -> bool:
        least = _ABOUT * len(self.terms)
        if not self.terms or reading.has_at_most(self.terms) < least:
            return False
        return len(self.terms & reading.terms) >= least

    def _claims(self, sentence: Sentence) -> frozenset[Claim]:
        asked, kind = self._sentence, self.kind
        found: set[Claim] = set()
        if kind is AnswerKind.YES_NO:
            return frozenset({("says", "no" if sentence.negated else "yes")})
        if kind in (AnswerKind.NUMBER, AnswerKind.ANY):
            found.update(("number", each) for each in sentence.numbers - asked.numbers)
        if kind is AnswerKind.DATE:
            found.update(("date", each) for each in sentence.dates - asked.dates)
        if kind in (AnswerKind.NAME, AnswerKind.ANY):
            found.update(("name", each) for each in sentence.names - asked.terms)
        if kind is AnswerKind.ANY:
            found.update(("word", each) for each in sentence.terms - asked.terms)
        return frozenset(found)


class Agreement:
    """The answers of all candidates, and who shares them."""

    def __init__(
        self,
        claims: Sequence[frozenset[Claim]],
        voices: Sequence[Voice],
        standings: Sequence[Standing],
    ) -> None:
        # Of established voices alone, so that no newcomer makes a word common.
        told = [each for each, voice in zip(claims, voices, strict=True) if voice.established]
        common = _COMMON * len(told)
        found = Counter(claim for each in told for claim in each)
        # The subject's own words, which the candidates share whatever they answer.
        subject = {claim for claim, count in found.items() if claim[0] == "word" and count > common}
        self.claims = [each - subject for each in claims]
        self.corroborates = [
            voice.established and standing.tier != TrustTier.UNTRUSTED
            for voice, standing in zip(voices, standings, strict=True)
        ]
        self._voices = voices
        self._speakers: dict[Claim, set[Voice]] = {}
        for said, voice, counts in zip(self.claims, voices, self.corroborates, strict=True):
            for claim in said if counts else ():
                self._speakers.setdefault(claim, set()).add(voice)

    def support(self, at: int) -> int:
        """Return how many other voices share an answer of a passage."""
        return max((len(self.speakers(claim, at)) for claim in self.claims[at]), default=0)

    def is_lone(self, at: int) -> bool:
        """Tell whether a passage has an answer that nobody else has; False if it has none."""
        return bool(self.claims[at]) and self.support(at) == 0

    def speakers(self, claim: Claim, at: int) -> set[Voice]:
        """Return the voices, other than the passage's own, that share a claim."""
        return self._speakers.get(claim, set()) - {self._voices[at]}


def repeated_by(reading: Reading, others: Sequence[tuple[Voice, Reading]], at_least: int) -> bool:
    """Tell whether so many voices say each sentence of a passage, each in one sentence of theirs.

    Content words, numbers and denial must be there; an order of words that makes another sense of
    them is not seen.
    """
    return bool(reading.sentences) and all(
        _saying(sentence, others, at_least) for sentence in reading.sentences
    )


def _saying(sentence: Sentence, others: Sequence[tuple[Voice, Reading]], at_least: int) -> bool:
    found: set[Voice] = set()
    for voice, reading in others:
        if voice in found or not reading.may_have(sentence.terms):
            continue
        if any(
            each.may_have(sentence.terms) and sentence.stands_in(each) for each in reading.sentences
        ):
            found.add(voice)
            if len(found) >= at_least:
                return True
    return False
