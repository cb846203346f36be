"""All signals over the documents of a batch, with what is stored and known beside them.

`Screen` is what ingestion calls: `texts` before anything is embedded, `vectors` after, and `learn`
once documents are admitted.

- INVARIANT: a document whose vectors are no embeddings (NaN, infinity, zeros, another dimension) is
  held, and compared with nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.embedding import Embedder
from ...core.verdict import Decision, Finding, Severity, Verdict
from .baseline import Baseline
from .burst import Earlier, SourceBurst
from .catalogue import learned_text_signals, stored_vector_signals
from .detector import OutlierDetector
from .mismatch import VectorMismatch
from .probes import BEST, ProbeScores, embedded_probes
from .signal import Signal, SignalInput
from .surroundings import IsNew, Neighbours, Surroundings, nobody
from .vectors import VectorSanity

__all__ = ["Neighbours", "Screen", "ScreenOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenOptions:
    """Signals that are off or may only flag, by name, and whether vectors are brought by a user.

    Brought vectors are compared with the embedder's own, which costs an embedding a passage.
    ``is_new`` tells of a stored passage's source whether it is in probation.
    """

    off: frozenset[str] = frozenset()
    flag_only: frozenset[str] = frozenset()
    brought_vectors: bool = False
    is_new: IsNew = nobody


class Screen:
    """Measures batches against one collection's baseline and its stored neighbours."""

    def __init__(
        self,
        baseline: Baseline,
        neighbours: Neighbours | None,
        embedder: Embedder | None = None,
        options: ScreenOptions | None = None,
    ) -> None:
        self._baseline = baseline
        self._neighbours = neighbours
        self._embedder = embedder
        self._options = options or ScreenOptions()
        self._surroundings = Surroundings(neighbours, self._options.is_new)
        self._texts = self._detector(learned_text_signals(baseline))
        self._vectors = self._detector(self._vector_signals())
        self._is_ready = False

    @property
    def version(self) -> str:
        """Names and versions of the signals."""
        return ",".join(each.version for each in (self._texts, self._vectors) if each is not None)

    def texts(self, batch: Sequence[SignalInput]) -> list[Verdict]:
        """Return a verdict for each document, by its text."""
        return self._inspected(self._texts, batch)

    def vectors(self, batch: Sequence[SignalInput]) -> list[Verdict]:
        """Return a verdict for each embedded document, by its vectors and by what is stored."""
        self._make_ready()
        sanity = VectorSanity(self._baseline.dimension)
        sane = sanity.sane(batch)
        kept = [each for each, fits in zip(batch, sane, strict=True) if fits]
        self._surroundings.look(kept)
        verdicts = iter(self._inspected(self._vectors, kept))
        held = OutlierDetector([sanity]).inspect(batch)
        return [next(verdicts) if fits else bad for fits, bad in zip(sane, held, strict=True)]

    def earlier(self) -> list[tuple[Earlier, Verdict]]:
        """Return what was admitted before and the last batch of `vectors` shows to be of a burst.

        With the verdict that it would get now. Of sources in probation alone.
        """
        if self._vectors is None or self._burst is None:
            return []
        found = self._burst.earlier
        judged = [(each, self._vectors.judged(SourceBurst.name, each.reading)) for each in found]
        return [pair for pair in judged if pair[1].decision >= Decision.QUARANTINE]

    def remember(self, batch: Sequence[SignalInput], verdicts: Sequence[Verdict]) -> None:
        """Remember what was held for a burst of sources in probation, as evidence of its rest."""
        self._baseline.remember(
            [
                each
                for each, verdict in zip(batch, verdicts, strict=True)
                if each.probation and any(map(_holds_burst, verdict.findings))
            ]
        )

    def learn(self, batch: Sequence[SignalInput], verdicts: Sequence[Verdict] = ()) -> None:
        """Remember admitted documents, and teach the baseline those that nothing flagged."""
        self._baseline.remember(batch)
        judged = verdicts or [Verdict()] * len(batch)
        self._baseline.learn(
            [
                each
                for each, verdict in zip(batch, judged, strict=True)
                if verdict.decision is Decision.ALLOW
            ]
        )

    def _vector_signals(self) -> list[Signal]:
        signals = stored_vector_signals(self._baseline, self._surroundings)
        kept = [each for each in signals if each.name not in self._options.off]
        self._burst = next((each for each in kept if isinstance(each, SourceBurst)), None)
        if self._options.brought_vectors and self._embedder is not None:
            signals.append(VectorMismatch(self._embedder))
        return signals

    def _detector(self, signals: Sequence[Signal]) -> OutlierDetector | None:
        kept = [signal for signal in signals if signal.name not in self._options.off]
        return OutlierDetector(kept, self._options.flag_only) if kept else None

    def _inspected(
        self, detector: OutlierDetector | None, batch: Sequence[SignalInput]
    ) -> list[Verdict]:
        return detector.inspect(batch) if detector is not None else [Verdict() for _ in batch]

    def _make_ready(self) -> None:
        """Embed the shipped probes once a collection, and take in newly observed queries."""
        if self._is_ready:
            return
        self._is_ready = True
        baseline = self._baseline
        if self._embedder is not None and "hubness" not in self._options.off:
            dimension = self._embedder.identity.dimension
            if baseline.probes.vectors.shape[1] != dimension:
                baseline.probes.set_vectors(embedded_probes(self._embedder))
        baseline.asked.set_vectors(baseline.observed.vectors)
        self._fill(baseline.asked)

    def _fill(self, probes: ProbeScores) -> None:
        """Ask the store for the best scores of probes that are new."""
        fresh = probes.fresh()
        if self._neighbours is None or not len(fresh):
            return
        best = np.full((len(fresh), BEST), -1.0, dtype=np.float32)
        for row, hits in enumerate(self._neighbours(probes.vectors[fresh], BEST)):
            scores = [hit.score for hit in hits][:BEST]
            best[row, : len(scores)] = scores
        probes.set_best(fresh, best)


def _holds_burst(finding: Finding) -> bool:
    return finding.kind == f"outlier.{SourceBurst.name}" and finding.severity >= Severity.HIGH
