"""What one kind of tampering is: an act, and what must be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .simulator import Simulator


class Act(Protocol):
    """Tampers with a simulator and returns the point that it made bad, in acme's partition."""

    def __call__(self, simulator: Simulator) -> str:
        """Tamper; return the id of the point."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """One kind: what is done, the words by which retrieval refuses it, the state a sweep names.

    ``spoils`` is how many points go bad, None for all of them; "missing" is a state of points that
    are not there. What is done to our own proofs says nothing of ``peers``; what is ``undone`` by
    writing the drawn points again can be done many times.
    """

    act: Act
    refusal: str
    state: str
    spoils: int | None = 1
    peers: bool = True
    undone: bool = True
