"""From overlapping candidates to entities that do not overlap, and from those to the masked text.

- INVARIANT: every character that a candidate covers is covered by an entity, unless it stands in a
  placeholder already or in a rest that holds no letter and no digit.
- The outcome does not depend on the order of the candidates.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from .entity import Entity, Redacted
from .entity_types import NER_TYPES, SUPPORTED_TYPES

_PLACEHOLDER = re.compile(f"<(?:{'|'.join(SUPPORTED_TYPES)})>")
_EDGES = " \t\r\n.,;:!?\"'"


def resolve(text: str, candidates: Iterable[Entity]) -> tuple[Entity, ...]:
    """Keep the stronger of what overlaps and the rest of the weaker, in order of place.

    Patterns come before the statistical pipeline (a checksum beats a guess), then the higher score,
    then the longer. Neighbours of one type stay two entities: three addresses are three.
    """
    taken = _Taken(match.span() for match in _PLACEHOLDER.finditer(text))
    kept: list[Entity] = []
    for candidate in sorted(_united(candidates), key=_strength):
        for start, end in taken.free(candidate.start, candidate.end):
            trimmed = _trimmed(text, start, end)
            if trimmed is None:
                continue
            taken.add(*trimmed)
            kept.append(
                Entity(
                    type=candidate.type,
                    start=trimmed[0],
                    end=trimmed[1],
                    score=candidate.score,
                )
            )
    return tuple(sorted(kept, key=lambda entity: entity.start))


def mask(text: str, entities: Sequence[Entity]) -> Redacted:
    """Replace each entity by ``<TYPE>``; ``entities`` in order, not overlapping."""
    pieces: list[str] = []
    end = 0
    for entity in entities:
        pieces += (text[end : entity.start], f"<{entity.type}>")
        end = entity.end
    pieces.append(text[end:])
    return Redacted(text="".join(pieces), entities=tuple(entities))


def _strength(entity: Entity) -> tuple[bool, float, int, int, str]:
    length = entity.end - entity.start
    return (entity.type in NER_TYPES, -entity.score, -length, entity.start, entity.type)


def _united(candidates: Iterable[Entity]) -> Iterator[Entity]:
    """Join overlapping candidates of one type (windows and recognizers see parts of a whole)."""
    last: Entity | None = None
    for one in sorted(candidates, key=lambda entity: (entity.type, entity.start, -entity.end)):
        if last is None or one.type != last.type or one.start >= last.end:
            if last is not None:
                yield last
            last = one
        else:
            last = Entity(
                type=last.type,
                start=last.start,
                end=max(last.end, one.end),
                score=max(last.score, one.score),
            )
    if last is not None:
        yield last


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Take punctuation and space off the edges; None if no letter or digit is left."""
    piece = text[start:end]
    if not any(char.isalnum() for char in piece):
        return None
    left = len(piece) - len(piece.lstrip(_EDGES))
    return start + left, start + len(piece.rstrip(_EDGES))


class _Taken:
    """Spans already given away: disjoint, in order."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._spans = sorted(spans)

    def add(self, start: int, end: int) -> None:
        self._spans.insert(bisect_left(self._spans, (start, end)), (start, end))

    def free(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the parts of a span that nobody has."""
        at = bisect_left(self._spans, (start, start))
        if at and self._spans[at - 1][1] > start:
            at -= 1
        parts: list[tuple[int, int]] = []
        while at < len(self._spans) and self._spans[at][0] < end:
            taken_start, taken_end = self._spans[at]
            if taken_start > start:
                parts.append((start, taken_start))
            start = max(start, taken_end)
            at += 1
        if start < end:
            parts.append((start, end))
        return parts
