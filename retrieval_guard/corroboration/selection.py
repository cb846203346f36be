"""Who is heard: the choice among candidates, of which the certificate speaks.

- INVARIANT: of the chosen passages at most ``cap`` are of any one voice.
- INVARIANT: which established passages are chosen, and in which order, depends on established
  passages alone. Those in probation and without proof then take at most ``cap`` places each, by
  rank or (``newcomers_last``) behind all others, and the last of the established make way
  (docs/retrieval_certificate.md, theorem 2).
- INVARIANT: an established passage never makes way only because one other voice is near it: a
  swapped fact is near the truth, and whoever ranks first would silence the other.
- Of voices that say much the same, no more are heard than one may give passages, and two at least:
  five sources of one author say much the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .candidates import Candidates
from .reading import Reading
from .voices import PROBATION, UNVERIFIED, Voice

REPEATED_COSINE = 0.99
"""From here two passages of one voice are one passage.

Measured with all-MiniLM-L6-v2 over the top tens of 1,940 questions to 10,125 clean passages: costs
0.03 % of the passages (0.1 % at 0.95, 0.24 % and 4 of 950 gold passages at 0.9). Of one aged source
that swaps facts 0.34 of five passages are served, not 0.29 as at 0.95."""

ALIKE_COSINE = 0.75
"""From here two passages say much the same.

Measured likewise: costs 0.2 % of clean top tens and no gold passage. Five aged sources of
PoisonedRAG texts without the echo reach a majority of five passages for 40 % (NQ) and 7 %
(HotpotQA) of 30 questions; for 57 % and 10 % at 0.78."""

FEWEST_ALIKE = 2
"""Even where a voice may give one passage, one voice alone does not silence another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A candidate that was passed over, by its index; ``step`` names the rule."""

    index: int
    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many passages a voice may give: of the established, and of those that nobody knows.

    None means any number: there is nobody else whom a cap could protect.
    """

    established: int | None
    unverified: int | None
    probation: int

    def of(self, voice: Voice) -> int | None:
        """Return the cap of a voice."""
        if voice.established:
            return self.established
        return self.unverified if voice == UNVERIFIED else self.probation


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is known of each candidate before any is chosen.

    ``demoted`` rank behind the others. ``objection`` says, by step and reason, why a candidate
    cannot be served whatever else is.
    """

    candidates: Candidates
    voices: Sequence[Voice]
    readings: Sequence[Reading]
    demoted: Sequence[int]
    objection: Callable[[int], tuple[str, str] | None]


class Selection:
    """Chooses up to ``limit`` candidates, best first; with ``newcomers_last`` the pool's last."""

    def __init__(
        self, judged: Judged, limit: int, caps: Caps, *, newcomers_last: bool = False
    ) -> None:
        self._judged = judged
        self._limit = limit
        self._caps = caps
        self._newcomers_last = newcomers_last
        self._used: Counter[Voice] = Counter()
        self.refused: list[Refused] = []
        self.order = self._ranked()
        established = [at for at in self.order if judged.voices[at].established]
        self.chosen = self._walked(established, [])
        others = [at for at in self.order if not judged.voices[at].established]
        added = self._walked(others, self.chosen)
        self.chosen = self._merged(added)

    def _ranked(self) -> list[int]:
        """Return all by rank; equal scores favour the established and the older source."""
        judged = self._judged
        scores, standings = judged.candidates.scores, judged.candidates.standings

        def rank(at: int) -> tuple[int, float, bool, float, int]:
            opened = standings[at].opened_at
            age = opened if np.isfinite(opened) else np.inf
            return judged.demoted[at], -scores[at], not judged.voices[at].established, age, at

        return sorted(range(len(scores)), key=rank)

    def _walked(self, ranked: Sequence[int], before: Sequence[int]) -> list[int]:
        """Return those that may be served beside ``before``, up to the limit."""
        taken: list[int] = []
        for at in ranked:
            if len(taken) == self._limit:
                break
            refused = self._refusal(at, [*before, *taken])
            if refused is None:
                taken.append(at)
                self._used[self._judged.voices[at]] += 1
            else:
                self.refused.append(Refused(index=at, step=refused[0], reason=refused[1]))
        return taken

    def _merged(self, added: Sequence[int]) -> list[int]:
        places = {at: place for place, at in enumerate(self.order)}
        voices, first = self._judged.voices, list(self.chosen)
        last = [at for at in added if self._newcomers_last and voices[at] == PROBATION]
        # Behind one established passage at least: alone it would be all that is read.
        last = last[: self._limit - 1] if first else []
        first += [at for at in added if not (self._newcomers_last and voices[at] == PROBATION)]
        return [*sorted(first, key=places.__getitem__)[: self._limit - len(last)], *last]

    def _refusal(self, at: int, chosen: Sequence[int]) -> tuple[str, str] | None:
        judged, voice = self._judged, self._judged.voices[at]
        objection = judged.objection(at)
        if objection is not None:
            return objection
        cosines = judged.candidates.cosines[at]
        alike: set[Voice] = set()
        for better in chosen:
            own = judged.voices[better] == voice
            near = cosines[better]
            same = judged.readings[at].says_the_same(judged.readings[better])
            if same or (own and near >= REPEATED_COSINE):
                return "duplicate", f"it says the same as passage {better}"
            if near >= ALIKE_COSINE and not own:
                alike.add(judged.voices[better])
        cap = self._caps.of(voice)
        if cap is None:
            return None
        if self._used[voice] >= cap:
            return "source_cap", f"its voice already gives {cap} passages"
        if len(alike) >= max(cap, FEWEST_ALIKE):
            return "alike", f"{len(alike)} other voices say much the same"
        return None
