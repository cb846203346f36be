"""Poisoning signals over a batch: what a poisoned document looks like before it is stored.

Each signal catches one family and has its own false-positive budget; their scores are never added
up, since a union of noisy scores is not a detector. `benchmarks/signals.py` measures each on the
families that it is for and on clean sources; the figures stand beside the thresholds.

>>> from ragbastion.ingest.signals import OutlierDetector, SignalInput
>>> document = SignalInput(document="a.txt", source="wiki", text="The harbour opens at six.")
>>> OutlierDetector.default().inspect([document])[0].decision
<Decision.ALLOW: 'allow'>
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.errors import UsageError
from ...core.verdict import Decision, Finding, Severity, Verdict, merge_verdicts
from .signal import Reading, Signal, SignalInput

_SEVERITY = {Decision.ALLOW: Severity.INFO, Decision.FLAG: Severity.LOW}


class OutlierDetector:
    """Runs signals over a batch; each decides by its own threshold.

    Those of ``flag_only`` hold nothing back. Raises `UsageError` for no signals, or two of one
    name.
    """

    def __init__(self, signals: Sequence[Signal], flag_only: frozenset[str] = frozenset()) -> None:
        names = [signal.name for signal in signals]
        if not names or len(set(names)) != len(names):
            raise UsageError("outlier signals refused: name at least one, and each once")
        self._signals = tuple(signals)
        self._flag_only = flag_only

    @classmethod
    def default(cls) -> OutlierDetector:
        """Return the signals over texts alone, for documents that are not embedded yet."""
        from .catalogue import text_signals

        return cls(text_signals())

    @classmethod
    def over_vectors(cls) -> OutlierDetector:
        """Return the signals that need the vectors and nothing else."""
        from .catalogue import vector_signals

        return cls(vector_signals())

    @property
    def version(self) -> str:
        """Names and versions of the signals."""
        return ",".join(f"{signal.name}@{signal.version}" for signal in self._signals)

    def inspect(self, batch: Sequence[SignalInput]) -> list[Verdict]:
        """Return a verdict for each document, in order.

        The verdict's own ``score`` stays 0: a signal's score is not a probability.
        """
        columns = [
            [self._verdict(signal, reading) for reading in signal.measure(batch)]
            for signal in self._signals
        ]
        return [merge_verdicts(row) for row in zip(*columns, strict=True)]

    def judged(self, name: str, reading: Reading) -> Verdict:
        """Return what a reading of one of the signals comes to."""
        [signal] = (each for each in self._signals if each.name == name)
        return self._verdict(signal, reading)

    def _verdict(self, signal: Signal, reading: Reading) -> Verdict:
        ran = (f"outlier.{signal.name}@{signal.version}",)
        if reading.score < signal.threshold:
            return Verdict(ran=ran)
        decision = signal.decision if reading.decision is None else reading.decision
        if signal.name in self._flag_only:
            decision = min(decision, Decision.FLAG, key=lambda each: each.rank)
        finding = Finding(
            kind=f"outlier.{signal.name}",
            detector=ran[0],
            score=reading.score,
            severity=_SEVERITY.get(decision, Severity.HIGH),
            span=reading.span,
            evidence=reading.why,
        )
        # What is for information only is a finding, and no reason for anything.
        reasons = (reading.why,) if decision > Decision.ALLOW else ()
        return Verdict(decision=decision, findings=(finding,), reasons=reasons, ran=ran)
