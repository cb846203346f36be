"""What stands against serving a passage in probation, or one that ingestion flagged.

- INVARIANT: what is said here only refuses; the cap of the pool holds whatever it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.settings_retrieval import ProbationMode, RetrievalSettings
from .agreement import Agreement, Claim, repeated_by
from .candidates import Candidates
from .reading import Reading
from .voices import Voice

Objection = tuple[str, str]
"""The step that refuses, and why."""

STEP = "probation"
_TYPED = ("number", "date", "name", "says")


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomers:
    """Judges the candidates of the pool by the established ones (all lists: of n candidates)."""

    settings: RetrievalSettings
    candidates: Candidates
    voices: Sequence[Voice]
    readings: Sequence[Reading]
    echoes: Sequence[bool]
    agreement: Agreement

    def against(self, at: int) -> Objection | None:
        """Say why a candidate cannot be served, if so."""
        mode = self.settings.probation
        if mode is ProbationMode.CAP:
            return None
        if mode is ProbationMode.OFF:
            return STEP, "its source is in probation, or ingestion flagged it"
        if self._is_repeated(at):
            return None
        wanted = self.settings.corroborating_voices
        voices = "an established voice" if wanted == 1 else f"{wanted} established voices"
        alone = f"not all that it says is said by {voices}"
        if mode is ProbationMode.CORROBORATED:
            return STEP, f"in probation, and {alone}"
        reason = self._unfit_for_reserve(at)
        return (STEP, f"in probation, {alone}, and {reason}") if reason else None

    def _is_repeated(self, at: int) -> bool:
        established = [
            (voice, reading)
            for voice, reading, corroborates in zip(
                self.voices, self.readings, self.agreement.corroborates, strict=True
            )
            if corroborates
        ]
        return repeated_by(self.readings[at], established, self.settings.corroborating_voices)

    def _unfit_for_reserve(self, at: int) -> str:
        """Return why a passage cannot have the reserved place; "" if it can."""
        if self.candidates.standings[at].signals:
            return "ingestion flagged it"
        if self.echoes[at]:
            return "it repeats the question"
        established = [each for each, voice in enumerate(self.voices) if voice.established]
        scores = self.candidates.scores
        best = max((float(scores[each]) for each in established), default=None)
        if best is None:
            return "nothing established stands before it"
        if scores[at] - best < self.settings.reserve_margin:
            return "established passages are as near to the question"
        said = self.agreement.claims
        if any(_contradict(said[at], said[each]) for each in established):
            return "an established passage answers otherwise"
        return ""


def _contradict(one: frozenset[Claim], other: frozenset[Claim]) -> bool:
    """Tell whether both answer with something of a kind, and share nothing of it."""
    for kind in _TYPED:
        here = {value for each, value in one if each == kind}
        there = {value for each, value in other if each == kind}
        if here and there and not here & there:
            return True
    return False
