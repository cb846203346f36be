"""The guard of what leaves the store: verified, permitted, corroborated, stripped and redacted.

>>> from ragbastion.retrieval_guard import Certificate
>>> Certificate(k=5, source_cap=1, sources=5).max_poison(2)
2

`Guard` is the whole of ragbastion in one object; `RetrievalGuard` works on any search's hits. Names
load on first use; the LlamaIndex classes need ``ragbastion[llama]``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .actions import ActionGuard
    from .certificate import Certificate
    from .guard import Guard
    from .parts import GuardParts
    from .proposal import ProposedAction
    from .results import Dropped, Retrieval, ServedChunk
    from .retrieval import RetrievalGuard
    from .sweep import PointState, SweepFinding, SweepReport

_HOME = {
    "ActionGuard": "actions",
    "Certificate": "certificate",
    "Dropped": "results",
    "Guard": "guard",
    "GuardParts": "parts",
    "PointState": "sweep",
    "ProposedAction": "proposal",
    "Retrieval": "results",
    "RetrievalGuard": "retrieval",
    "ServedChunk": "results",
    "SweepFinding": "sweep",
    "SweepReport": "sweep",
}

__all__ = [
    "ActionGuard",
    "Certificate",
    "Dropped",
    "Guard",
    "GuardParts",
    "PointState",
    "ProposedAction",
    "Retrieval",
    "RetrievalGuard",
    "ServedChunk",
    "SweepFinding",
    "SweepReport",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
