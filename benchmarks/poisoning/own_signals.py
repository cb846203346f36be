"""The adapter of our own ingestion: the scanner and the signals, as the pipeline runs them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Self

from ...core.embedding import Embedder
from ...core.verdict import Decision, Severity, Verdict, merge_verdicts
from ...ingest.outliers import OutlierDetector, SignalInput
from .scans import Scans
from .screening import Arrival, Ruling

SCANNER = "injection"
"""The scanner's name among the kinds of a ruling; a signal's is its finding's kind."""
_SAID = {Severity.INFO: Decision.ALLOW, Severity.LOW: Decision.FLAG}
"""What a finding's severity says of its signal's decision; from higher ones on it holds."""


class OwnSignals:
    """Judges as ingestion does. ``ms`` are CPU milliseconds of the signals, a document each."""

    def __init__(self, scans: Scans, embedder: Embedder) -> None:
        self._scans = scans
        self._embedder = embedder
        self._texts = OutlierDetector.default()
        self._vectors = OutlierDetector.over_vectors()
        self.ms: list[float] = []

    @property
    def version(self) -> str:
        """Names and versions of all signals."""
        return f"{self._texts.version},{self._vectors.version}"

    @property
    def kinds(self) -> list[str]:
        """Every kind that a ruling may name."""
        names = [each.split("@")[0] for each in self.version.split(",")]
        return [SCANNER, *(f"outlier.{name}" for name in names)]

    def observe(self, questions: Sequence[str]) -> None:
        """Today's signals know of no questions."""

    def judge(self, arrivals: Sequence[Arrival]) -> list[Ruling]:
        """Return a ruling for each document."""
        scanned = self._scans.decisions([each.doc.text for each in arrivals])
        started = time.process_time()
        batch = [_input(each) for each in arrivals]
        verdicts = [
            merge_verdicts(pair)
            for pair in zip(self._texts.inspect(batch), self._vectors.inspect(batch), strict=True)
        ]
        spent = (time.process_time() - started) * 1000
        self.ms += [spent / max(len(batch), 1)] * len(batch)
        return [_ruling(*each) for each in zip(scanned, verdicts, strict=True)]

    def learn(self, arrivals: Sequence[Arrival]) -> None:
        """Today's signals remember nothing."""

    def fork(self) -> Self:
        """Return itself: there is nothing that could be learnt."""
        return self


def _input(each: Arrival) -> SignalInput:
    return SignalInput(
        document=each.doc.id,
        source=each.doc.party.name,
        text=each.doc.text,
        pieces=(each.doc.text,),
        vectors=each.vector[None, :],
    )


def _ruling(scanned: Decision, verdict: Verdict) -> Ruling:
    kinds: dict[str, Decision] = {}
    if scanned > Decision.ALLOW:
        kinds[SCANNER] = scanned
    for finding in verdict.findings:
        kinds[finding.kind] = _SAID.get(finding.severity, Decision.QUARANTINE)
    return Ruling(decision=max(scanned, verdict.decision), kinds=kinds)
