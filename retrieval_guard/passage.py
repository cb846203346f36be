"""A candidate passage on its way through the guard, and the outcome of a step."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..core.chunk import Chunk
from ..core.verdict import Verdict
from .results import Dropped, ServedChunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A verified chunk with its score, the text to serve of it, and what was done to that text.

    ``obligations`` are what the policy asked for when it allowed the passage. ``voice``,
    ``support`` and ``marks`` are what corroboration says of one that it chose. ``envelope`` is the
    id of the batch that proves the chunk, "" for one without a proof.
    """

    chunk: Chunk
    score: float
    text: str
    verdict: Verdict = field(default_factory=Verdict.allow)
    obligations: tuple[str, ...] = ()
    voice: str = ""
    support: int = 0
    marks: tuple[str, ...] = ()
    envelope: str = ""

    def changed(self, text: str, verdict: Verdict) -> Passage:
        """Return the passage with another text and a further verdict merged in."""
        return replace(self, text=text, verdict=self.verdict.merge(verdict))

    def dropped(self, step: str, reason: str) -> Dropped:
        """Return the record that this passage was left out."""
        return Dropped(id=self.chunk.id, source=self.chunk.source, step=step, reason=reason)

    def served(self) -> ServedChunk:
        """Return the passage as the answer shows it."""
        return ServedChunk(
            id=self.chunk.id,
            text=self.text,
            source=self.chunk.source,
            document=self.chunk.document,
            integrity=self.chunk.integrity,
            score=self.score,
            verdict=self.verdict,
            voice=self.voice,
            support=self.support,
            marks=self.marks,
            document_digest=self.chunk.document_digest,
            envelope=self.envelope,
        )


Outcome = Passage | Dropped
"""What a step makes of a candidate: the passage that goes on, or why it does not."""
