"""Stripping: which spans of a text instruct the model, and the text without them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...core.verdict import Finding
from .evidence import Hit
from .sentences import next_sentence, sentence_around

MAX_PASSES = 8
"""Rounds of removing what only shows once something else is gone; after them nothing is kept."""
_BRIDGE = 160
"""Characters between two instructing sentences that go with them: the middle of one order."""

# Groups whose sentence often only announces the order that the next sentence gives.
_ANNOUNCING = frozenset({"override", "task_switch", "role_token", "system_imitation", "addressing"})

# The first words of an order, or of a question put to the reader.
_ORDER = re.compile(
    r"(?:(?:please|now|then|first|instead|just|simply|also|do|you (?:must|should|will))[ ,]+)*"
    r"(?:say|tell|write|print|output|reply|respond|answer|repeat|reveal|send|e-?mail|forward|call|use"
    r"|visit|open|click|go|create|compose|draft|design|craft|generate|make|get|give|list|show|include"
    r"|add|append|insert|delete|remove|transfer|pay|buy|book|update|change|set|run|execute|follow"
    r"|act|pretend|explain|describe|discuss|emphasi[sz]e|highlight|summari[sz]e|translate|provide"
    r"|recommend|state|name|never|always|do not|don't|only|from now on|your)\b"
    r"|(?:what|which|who|where|when|how|why)\b[^.!]*\?",
    re.IGNORECASE,
)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripped:
    """A text without its instructing spans.

    ``removed`` are spans of the ORIGINAL text, sorted, apart from each other; ``findings`` say why.
    """

    text: str
    removed: tuple[Span, ...]
    findings: tuple[Finding, ...]


def instructing_spans(text: str, hits: Sequence[Hit]) -> list[Span]:
    """Return the sorted, disjoint spans to remove for ``hits``, which are sorted and all count."""
    exact = merged([(hit.start, hit.end) for hit in hits if hit.exact])
    spans = list(exact)
    for hit in hits:
        if hit.exact or (not hit.rule and _touches(hit, exact)):
            # A sentence around what was hidden is judged again, once that is gone.
            continue
        start, end = sentence_around(text, hit.start, hit.end)
        spans.append((start, end))
        if hit.group in _ANNOUNCING:
            following = next_sentence(text, end)
            if text[start:end].endswith(":") or _ORDER.match(text, *following):
                spans.append(following)
    return merged(spans, _BRIDGE)


def _touches(hit: Hit, spans: Sequence[Span]) -> bool:
    """Tell whether the hit shares a character with one of ``spans``, sorted and apart."""
    before = bisect_left(spans, (hit.end,)) - 1
    return before >= 0 and spans[before][1] > hit.start


def merged(spans: Sequence[Span], bridge: int = 0) -> list[Span]:
    """Return the spans sorted and joined where less than ``bridge`` characters part them."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if joined and start - joined[-1][1] <= bridge:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def without(text: str, removed: Sequence[Span]) -> str:
    """Return ``text`` without the spans, which are sorted and disjoint."""
    pieces = []
    last = 0
    for start, end in removed:
        pieces.append(text[last:start])
        last = end
    pieces.append(text[last:])
    return "".join(pieces)


def strip_until_clean(text: str, find: Callable[[str], list[Span]]) -> list[Span]:
    """Return the spans of ``text`` whose removal leaves nothing that ``find`` would remove.

    Parts of an order can meet once something between them is gone, so the rest is read again. What
    is still not clean after `MAX_PASSES` is removed whole: the guard fails closed.
    """
    removed: list[Span] = []
    for _ in range(MAX_PASSES):
        rest = without(text, removed)
        spans = find(rest)
        if not spans:
            return removed
        removed = merged([*removed, *in_original(spans, removed)])
    return [(0, len(text))]


def in_original(spans: Sequence[Span], removed: Sequence[Span]) -> list[Span]:
    """Return spans of the text without ``removed`` as spans of the text with them.

    A span across a removed stretch takes it in.
    """
    found = []
    shift = index = 0
    for start, end in spans:
        while index < len(removed) and removed[index][0] - shift <= start:
            shift += removed[index][1] - removed[index][0]
            index += 1
        first = start + shift
        inner, inner_shift = index, shift
        while inner < len(removed) and removed[inner][0] - inner_shift < end:
            inner_shift += removed[inner][1] - removed[inner][0]
            inner += 1
        found.append((first, end + inner_shift))
    return found
