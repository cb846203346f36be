"""Poisoning signals at ingestion, and the baseline of what a collection usually takes in."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .baseline import Baseline
    from .burst import Earlier
    from .detector import OutlierDetector
    from .screen import Neighbours, Screen
    from .signal import Reading, Signal, SignalInput

_HOME = {
    "Baseline": "baseline",
    "Earlier": "burst",
    "Neighbours": "screen",
    "OutlierDetector": "detector",
    "Reading": "signal",
    "Screen": "screen",
    "Signal": "signal",
    "SignalInput": "signal",
}

__all__ = [
    "Baseline",
    "Earlier",
    "Neighbours",
    "OutlierDetector",
    "Reading",
    "Screen",
    "Signal",
    "SignalInput",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use: the scanner takes the letter table alone.
    if name not in _HOME:
        raise AttributeError(f"module 'ragbastion.ingest.signals' has no attribute '{name}'")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
