"""All signals over the documents of a batch, with what is stored and known beside them.

`Screen` is what ingestion calls: over texts before anything is embedded, over vectors after, and
`learn` once documents are admitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...core.chunk import Matrix
from ...core.embedding import Embedder
from ...core.store import Hit
from ...core.verdict import Decision, Verdict
from .baseline import Baseline
from .catalogue import text_signals, vector_signals
from .detector import OutlierDetector
from .signal import SignalInput

Neighbours = Callable[[Matrix, int], Sequence[Sequence[Hit]]]
"""Returns the stored points nearest to each row of (n, d), as many as asked for, best first."""


class Screen:
    """Measures batches against one collection's baseline and its stored neighbours."""

    def __init__(
        self, baseline: Baseline, neighbours: Neighbours, embedder: Embedder | None = None
    ) -> None:
        self._baseline = baseline
        self._neighbours = neighbours
        self._embedder = embedder
        self._texts = OutlierDetector(text_signals())
        self._vectors = OutlierDetector(vector_signals())

    @property
    def version(self) -> str:
        """Names and versions of the signals."""
        return f"{self._texts.version},{self._vectors.version}"

    def texts(self, batch: Sequence[SignalInput]) -> list[Verdict]:
        """Return a verdict for each document, by its text."""
        return self._texts.inspect(batch)

    def vectors(self, batch: Sequence[SignalInput]) -> list[Verdict]:
        """Return a verdict for each embedded document, by its vectors."""
        return self._vectors.inspect(batch)

    def learn(self, batch: Sequence[SignalInput], verdicts: Sequence[Verdict] = ()) -> None:
        """Teach the baseline the admitted documents that nothing flagged."""
        clean = [
            each
            for each, verdict in zip(batch, verdicts or [Verdict()] * len(batch), strict=True)
            if verdict.decision is Decision.ALLOW
        ]
        self._baseline.learn(clean)
