"""Which passages of a search are heard: by voice, by likeness, by who else says the same.

>>> import numpy as np
>>> from ragbastion.retrieval_guard import Standing, corroborate
>>> texts = ["The museum opened in 1931.", "In 1931 the museum opened.", "It opened in 1847."]
>>> sources = [Standing("archive"), Standing("city"), Standing("x", opened_at=1e12)]
>>> heard = corroborate(
...     "When did the museum open?", texts, np.eye(3), [0.9, 0.8, 0.95], sources, limit=2
... )
>>> heard.chosen, heard.passages[0].support, heard.dropped[0].step
((0, 1), 1, 'probation')
>>> heard.certificate.max_poison(1)
1
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import UsageError
from ...core.settings_retrieval import LoneClaims, ProbationMode, RetrievalSettings
from ..certificate import Certificate
from ..echo import echoes_query
from .agreement import Agreement, Question
from .candidates import Candidates, candidates_of
from .conflicts import Conflict, conflicts_of
from .newcomers import Newcomers
from .reading import Reading, read
from .selection import ALIKE_COSINE, Caps, Judged, Refused, Selection
from .standing import CollectionFacts, Standing
from .voices import PROBATION, UNVERIFIED, Voice, voices_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A chosen passage, by its index among the candidates.

    ``support`` counts the other established voices that share its answer. ``marks`` are of "lone"
    (it has an answer that none shares), "probation", "unverified", "flagged" (by ingestion),
    "echo" (it repeats the question) and "conflict" (another voice says otherwise).
    """

    index: int
    voice: Voice
    support: int = 0
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Corroborated:
    """The chosen passages, best first, those that were refused, conflicts and the certificate."""

    passages: tuple[Heard, ...]
    dropped: tuple[Refused, ...]
    conflicts: tuple[Conflict, ...]
    certificate: Certificate

    @property
    def chosen(self) -> tuple[int, ...]:
        """The indices of the chosen passages, best first."""
        return tuple(each.index for each in self.passages)

    def filled(self, limit: int) -> bool:
        """Tell whether no deeper candidate could improve the choice."""
        return sum("echo" not in each.marks for each in self.passages) >= limit


def corroborate(
    query: str,
    texts: Sequence[str],
    vectors: Any,
    scores: Any,
    sources: Sequence[Standing],
    *,
    limit: int,
    settings: RetrievalSettings | None = None,
    facts: CollectionFacts | None = None,
) -> Corroborated:
    """Choose up to ``limit`` of the passages (texts: untrusted) that a search found.

    Give several times ``limit`` candidates: ``vectors`` (n, d), ``scores`` (n,), ``sources`` of n.
    Without ``facts`` the collection is taken to be old and to hold several voices. Cost grows with
    n squared. Raises `UsageError` and `VectorError` for what cannot be compared or ranked.
    """
    corroborator = Corroborator(
        query,
        limit=limit,
        settings=settings or RetrievalSettings(),
        facts=facts or CollectionFacts(now=time.time()),
    )
    return corroborator(texts, vectors, scores, sources)


class Corroborator:
    """Corroborates for one query, also repeatedly as more candidates arrive."""

    def __init__(
        self, query: str, *, limit: int, settings: RetrievalSettings, facts: CollectionFacts
    ) -> None:
        if not isinstance(query, str) or not query.strip():
            raise UsageError("query refused: it is empty; ask something")
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise UsageError("limit must be an integer of 1 or more")
        self._question = Question(query)
        self._limit = limit
        self._settings = settings
        self._facts = facts
        # For as long as the query takes, and no longer: texts are the tenant's.
        self._read: dict[str, tuple[Reading, bool]] = {}

    def __call__(
        self, texts: Sequence[str], vectors: Any, scores: Any, sources: Sequence[Standing]
    ) -> Corroborated:
        """Choose among all candidates so far; errors as `corroborate`."""
        candidates = candidates_of(texts, vectors, scores, sources)
        voices = voices_of(sources, self._facts, self._settings)
        readings = [self._reading(text)[0] for text in texts]
        echoes = [self._reading(text)[1] for text in texts]
        answering = [self._question.answering(each) for each in readings]
        claims = [self._question.claims(each) for each in answering]
        agreement = Agreement(claims, voices, sources)
        newcomers = Newcomers(
            settings=self._settings,
            candidates=candidates,
            voices=voices,
            readings=readings,
            echoes=echoes,
            agreement=agreement,
        )
        judged = Judged(
            candidates=candidates,
            voices=voices,
            readings=readings,
            demoted=self._demoted(echoes, voices, agreement),
            objection=_Objections(newcomers),
        )
        selection = Selection(judged, self._limit, self.caps(), newcomers_last=self._reserves)
        conflicts = conflicts_of(
            candidates.cosines >= ALIKE_COSINE,
            selection.order,
            voices,
            agreement.claims,
            readings,
            lambda sentence: self._question.claims((sentence,)),
        )
        marked = _Marks(self._settings, candidates, echoes, agreement, conflicts)
        return Corroborated(
            passages=tuple(
                Heard(
                    index=at,
                    voice=voices[at],
                    support=agreement.support(at),
                    marks=marked(at, voices[at]),
                )
                for at in selection.chosen
            ),
            dropped=tuple(selection.refused),
            conflicts=conflicts,
            certificate=self.certificate(selection.chosen, voices, sources),
        )

    def caps(self) -> Caps:
        """Return how many passages each kind of voice may give."""
        cap, known = self._settings.cap(self._limit), self._facts.established
        return Caps(
            established=None if known is not None and known <= 1 else cap,
            unverified=None if known == 0 and self._facts.sources == 0 else cap,
            probation=1 if self._reserves else cap,
        )

    @property
    def _reserves(self) -> bool:
        return self._settings.probation is ProbationMode.RESERVE

    def certificate(
        self, chosen: Sequence[int], voices: Sequence[Voice], sources: Sequence[Standing]
    ) -> Certificate:
        """Return the certificate of some passages: what each voice gave of them."""
        counted: dict[Voice, int] = {}
        for at in chosen:
            counted[voices[at]] = counted.get(voices[at], 0) + 1
        # A chunk that ingestion flagged may be of a source that speaks for itself as well.
        flagged = sum(voices[at] == PROBATION and bool(sources[at].signals) for at in chosen)
        return Certificate(
            k=len(chosen),
            source_cap=self.caps().established,
            sources=self._facts.sources,
            established=tuple(
                sorted((n for voice, n in counted.items() if voice.established), reverse=True)
            ),
            probation=counted.get(PROBATION, 0),
            flagged=flagged,
            unverified=counted.get(UNVERIFIED, 0),
            cold_start=self._facts.is_cold(self._settings),
        )

    def _reading(self, text: str) -> tuple[Reading, bool]:
        found = self._read.get(text)
        if found is None:
            reading = read(text)
            found = self._read[text] = (reading, echoes_query(self._question.text, reading.text))
        return found

    def _demoted(
        self, echoes: Sequence[bool], voices: Sequence[Voice], agreement: Agreement
    ) -> list[int]:
        lone = self._settings.lone_claims is LoneClaims.DEMOTE
        return [
            2 * echo + (lone and voice.established and agreement.is_lone(at))
            for at, (echo, voice) in enumerate(zip(echoes, voices, strict=True))
        ]


class _Objections:
    """Says why a candidate cannot be served, whatever the others are."""

    def __init__(self, newcomers: Newcomers) -> None:
        self._newcomers = newcomers
        self._drops_lone = newcomers.settings.lone_claims is LoneClaims.DROP

    def __call__(self, at: int) -> tuple[str, str] | None:
        voice = self._newcomers.voices[at]
        if voice == PROBATION:
            return self._newcomers.against(at)
        if voice.established and self._drops_lone and self._newcomers.agreement.is_lone(at):
            return "lone", "no other voice shares its answer"
        return None


class _Marks:
    """Says what a reader should know of a chosen passage."""

    def __init__(
        self,
        settings: RetrievalSettings,
        candidates: Candidates,
        echoes: Sequence[bool],
        agreement: Agreement,
        conflicts: Sequence[Conflict],
    ) -> None:
        self._marks_lone = settings.lone_claims is not LoneClaims.KEEP
        self._standings = candidates.standings
        self._echoes = echoes
        self._agreement = agreement
        self._disputed = {side.passage for each in conflicts for side in each.sides}

    def __call__(self, at: int, voice: Voice) -> tuple[str, ...]:
        marks = {
            voice.kind: not voice.established,
            "flagged": bool(self._standings[at].signals),
            "echo": self._echoes[at],
            "lone": self._marks_lone and self._agreement.is_lone(at),
            "conflict": at in self._disputed,
        }
        return tuple(name for name, holds in marks.items() if holds)
