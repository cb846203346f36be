"""Step 6a: an instruction split over two passages is an instruction where they meet.

Each passage was scanned alone; only the text around the joins is new, so windows around the joins
are scanned. What a window's scan removes is removed from the passages that hold it; a passage of
which nothing readable remains is dropped. Removing text makes new neighbours, so the scan runs
again until nothing is found; passages that still hold a hit after `MAX_ROUNDS` are dropped whole.
An instruction whose parts stand around an honest passage is not joined here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .passage import Passage
from .results import Dropped
from .stripping import Stripped, Stripper, readable, removal_verdict

STEP = "joins"
WINDOW_CHARS = 400
"""How far a window reaches to each side of a join: about three sentences."""

MAX_ROUNDS = 3
_GLUE = " "


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedPassages:
    """The passages whose joins are clean, and those that were dropped for that."""

    passages: tuple[Passage, ...]
    dropped: tuple[Dropped, ...] = ()


class JoinScan:
    """Scans and strips around the joins of passages in the order in which they are served."""

    def __init__(self, scanner: Stripper, threshold: float) -> None:
        self._scanner = scanner
        self._threshold = threshold

    def __call__(self, passages: Sequence[Passage]) -> JoinedPassages:
        """Return the passages with clean joins."""
        current, dropped = list(passages), list[Dropped]()
        for _ in range(MAX_ROUNDS):
            hits = self._hits(current)
            if not hits:
                return JoinedPassages(passages=tuple(current), dropped=tuple(dropped))
            stripped = [_without(passage, hits.get(at)) for at, passage in enumerate(current)]
            dropped += [
                passage.dropped(STEP, "nothing readable remains at its join")
                for passage in stripped
                if not readable(passage.text)
            ]
            current = [passage for passage in stripped if readable(passage.text)]
        return self._last(current, dropped)

    def _last(self, current: list[Passage], dropped: list[Dropped]) -> JoinedPassages:
        hits = self._hits(current)
        reason = "its joins stay hostile after stripping"
        dropped.extend(current[at].dropped(STEP, reason) for at in sorted(hits))
        kept = tuple(passage for at, passage in enumerate(current) if at not in hits)
        return JoinedPassages(passages=kept, dropped=tuple(dropped))

    def _hits(self, passages: Sequence[Passage]) -> dict[int, list[_Hit]]:
        """Return, by passage, the spans of its text that a window's scan removes."""
        found: dict[int, list[_Hit]] = {}
        joined = _GLUE.join(passage.text for passage in passages)
        for start, end in _windows(passages, joined):
            stripped = self._scanner.strip(joined[start:end], self._threshold)
            for first, last in stripped.removed:
                _share(found, passages, (start + first, start + last), stripped)
        return found


@dataclass(frozen=True, slots=True)
class _Hit:
    """A span of one passage's text, and the scan that removed it."""

    span: tuple[int, int]
    cause: Stripped


def _windows(passages: Sequence[Passage], joined: str) -> Iterator[tuple[int, int]]:
    """Yield one window a join, cut at white space so that no word is halved."""
    at = 0
    for passage in passages[:-1]:
        at += len(passage.text)
        start, end = max(0, at - WINDOW_CHARS), min(len(joined), at + WINDOW_CHARS)
        while start > 0 and not joined[start - 1].isspace() and start < at:
            start += 1
        while end < len(joined) and not joined[end].isspace() and end > at:
            end -= 1
        yield start, end
        at += len(_GLUE)


def _share(
    found: dict[int, list[_Hit]],
    passages: Sequence[Passage],
    span: tuple[int, int],
    cause: Stripped,
) -> None:
    """Give each passage the part of a span that lies in it."""
    offset = 0
    for at, passage in enumerate(passages):
        start = max(0, span[0] - offset)
        end = min(len(passage.text), span[1] - offset)
        if start < end:
            found.setdefault(at, []).append(_Hit((start, end), cause))
        offset += len(passage.text) + len(_GLUE)


def _without(passage: Passage, hits: Sequence[_Hit] | None) -> Passage:
    if not hits:
        return passage
    text, changed = passage.text, passage
    for start, end in reversed(_merged([hit.span for hit in hits])):
        text = text[:start] + text[end:]
    for cause in {id(hit.cause): hit.cause for hit in hits}.values():
        changed = changed.changed(text, removal_verdict(passage, cause))
    return changed


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans sorted, those that overlap joined: windows of short passages overlap."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
