"""What redaction returns: the masked text and where what was masked stood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A piece of personal data: its type, its place in the original, a score in [0, 1].

    Places count characters. It never holds the text itself, so that an entity may be logged.
    """

    type: str
    start: int
    end: int
    score: float

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of the command-line contract."""
        return {
            "type": self.type,
            "start": self.start,
            "end": self.end,
            "score": round(self.score, 4),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A text with its entities replaced by placeholders.

    ``entities`` are in order, do not overlap, and count characters of the ORIGINAL text.
    """

    text: str
    entities: tuple[Entity, ...]
