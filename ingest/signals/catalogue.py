"""Which signals there are, and which of them look at texts, at vectors, or at what is stored."""

from __future__ import annotations

from .echo import Gibberish, QuestionEcho, QuestionJunction
from .like import NearDuplicateBurst, SwappedFact
from .signal import Signal
from .vectors import BlindVector, VectorNorm


def text_signals() -> list[Signal]:
    """Return the signals over texts."""
    return [QuestionJunction(), QuestionEcho(), Gibberish(), NearDuplicateBurst(), SwappedFact()]


def vector_signals() -> list[Signal]:
    """Return the signals over vectors."""
    return [VectorNorm(), BlindVector()]
