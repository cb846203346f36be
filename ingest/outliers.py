"""Outlier signals: what a poisoned document looks like beside its batch, before it is stored.

Each signal catches one family and has its own false-positive budget; their scores are never added
up, since a union of noisy scores is not a detector. `benchmarks/outliers.py` measures each on the
families that it is for and on clean sources; the figures stand beside the thresholds.

>>> from ragbastion.ingest.outliers import OutlierDetector, SignalInput
>>> document = SignalInput(document="a.txt", source="wiki", text="The harbour opens at six.")
>>> OutlierDetector.default().inspect([document])[0].decision
<Decision.ALLOW: 'allow'>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..core.chunk import Matrix
from ..core.errors import UsageError
from ..core.verdict import Decision, Finding, Severity, Verdict, merge_verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalInput:
    """A document as the signals see it: its visible text (untrusted) and where it came from.

    ``pieces`` are its chunks' texts and ``vectors`` theirs, (n, d), once it is embedded.
    """

    document: str
    source: str
    text: str
    pieces: tuple[str, ...] = ()
    vectors: Matrix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a signal measured of one document: a score in [0, 1], and why in one sentence.

    ``span`` is in characters of the document's text.
    """

    score: float
    why: str = ""
    span: tuple[int, int] | None = None


NOTHING = Reading(score=0.0)


class Signal(Protocol):
    """Measures one thing about each document of a batch."""

    @property
    def name(self) -> str:
        """The finding's kind is ``outlier.<name>``."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever a score may."""
        ...

    @property
    def threshold(self) -> float:
        """The score from which a document is reported."""
        ...

    @property
    def decision(self) -> Decision:
        """What a reported document gets."""
        ...

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Return one reading a document, in order."""
        ...


class OutlierDetector:
    """Runs signals over a batch; each decides by its own threshold.

    Raises `UsageError` for no signals, or two of one name.
    """

    def __init__(self, signals: Sequence[Signal]) -> None:
        names = [signal.name for signal in signals]
        if not names or len(set(names)) != len(names):
            raise UsageError("outlier signals refused: name at least one, and each once")
        self._signals = tuple(signals)

    @classmethod
    def default(cls) -> OutlierDetector:
        """Return the signals over texts, for documents that are not embedded yet."""
        from .outlier_batch import NearDuplicateBurst, SwappedFact
        from .outlier_text import Gibberish, QuestionEcho, QuestionJunction

        return cls(
            [QuestionJunction(), QuestionEcho(), Gibberish(), NearDuplicateBurst(), SwappedFact()]
        )

    @classmethod
    def over_vectors(cls) -> OutlierDetector:
        """Return the signals that need the vectors."""
        from .outlier_vectors import BlindVector, VectorNorm

        return cls([VectorNorm(), BlindVector()])

    @property
    def version(self) -> str:
        """Names and versions of the signals."""
        return ",".join(f"{signal.name}@{signal.version}" for signal in self._signals)

    def inspect(self, batch: Sequence[SignalInput]) -> list[Verdict]:
        """Return a verdict for each document, in order.

        The verdict's own ``score`` stays 0: a signal's score is not a probability.
        """
        columns = [
            [_verdict(signal, reading) for reading in signal.measure(batch)]
            for signal in self._signals
        ]
        return [merge_verdicts(row) for row in zip(*columns, strict=True)]


def _verdict(signal: Signal, reading: Reading) -> Verdict:
    ran = (f"outlier.{signal.name}@{signal.version}",)
    if reading.score < signal.threshold:
        return Verdict(ran=ran)
    holds = signal.decision >= Decision.QUARANTINE
    finding = Finding(
        kind=f"outlier.{signal.name}",
        detector=ran[0],
        score=reading.score,
        severity=Severity.HIGH if holds else Severity.LOW,
        span=reading.span,
        evidence=reading.why,
    )
    return Verdict(decision=signal.decision, findings=(finding,), reasons=(reading.why,), ran=ran)
