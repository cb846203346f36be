"""Which signals there are: over texts, over vectors, and with what a collection holds."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from .burst import SourceBurst
from .echo import ObservedEcho, PageEcho, QuestionEcho, QuestionJunction
from .gibberish import Gibberish
from .hubness import Hubness
from .like import NearDuplicateBurst
from .mismatch import VectorMismatch
from .novelty import Novelty
from .signal import Signal
from .steering import AnswerSteering
from .surroundings import Surroundings
from .swapped import SwappedFact
from .vectors import BlindVector, VectorNorm, VectorSanity

if TYPE_CHECKING:
    from .baseline import Baseline

_CLASSES = (
    QuestionJunction,
    QuestionEcho,
    ObservedEcho,
    Gibberish,
    AnswerSteering,
    NearDuplicateBurst,
    VectorSanity,
    VectorNorm,
    BlindVector,
    SourceBurst,
    SwappedFact,
    Hubness,
    Novelty,
    VectorMismatch,
)


def signals_version(off: Collection[str] = ()) -> str:
    """Return names and versions of the signals that are not off."""
    return ",".join(f"{each.name}@{each.version}" for each in _CLASSES if each.name not in off)


def text_signals() -> list[Signal]:
    """Return the signals over texts alone."""
    return [QuestionJunction(), QuestionEcho(), Gibberish(), AnswerSteering(), NearDuplicateBurst()]


def learned_text_signals(baseline: Baseline) -> list[Signal]:
    """Return the signals over texts, with what the collection's own texts and queries tell."""
    apart = ("gibberish", "question_echo")
    signals = [each for each in text_signals() if each.name not in apart]
    signals.append(QuestionEcho(defers=True))
    return [*signals, Gibberish(baseline.pairs.more), ObservedEcho(baseline.observed)]


def vector_signals() -> list[Signal]:
    """Return the signals over vectors alone."""
    return [VectorSanity(), VectorNorm(), BlindVector()]


def stored_vector_signals(baseline: Baseline, surroundings: Surroundings) -> list[Signal]:
    """Return the signals over vectors, with what the collection holds."""
    return [
        *vector_signals(),
        PageEcho(),
        SourceBurst(baseline.recent, surroundings),
        SwappedFact(surroundings),
        Hubness(baseline.probes, baseline.asked),
        Novelty(baseline.centres),
    ]
