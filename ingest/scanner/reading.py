"""Reading a text every way: raw, canonical, hidden payloads, decodings; hits in original offsets.

- INVARIANT: the raw text is always read, whole; no view replaces it.
- INVARIANT: the work is linear in the text: views and decoded characters are bounded, and a text
  that still decodes at the bound is itself a hit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ...core.verdict import Severity
from ..canonical import Edit, Trick, View, canonicalise, raw_view
from ..decoding import BLOBS, ESCAPES, MAX_DEPTH, decode_all, decoded_views
from .carriers import Payload, hidden_payloads
from .context import Context
from .evidence import HIDDEN, Hit
from .signatures import Match, Signatures

MAX_VIEWS = 64
"""Views read of one text, however many encodings it nests."""
_BUDGET_FLOOR, _BUDGET_FACTOR, _LONG, _LONG_FACTOR = 64_000, 6, 500_000, 2
"""Decoded characters read: a floor, so many times the length, and less of what is very long."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What carriers and signatures hit in a text, by position, and the views that were read."""

    hits: list[Hit]
    views: list[View]


def read_hits(text: str, signatures: Signatures) -> list[Hit]:
    """Return every hit of carriers and signatures in ``text`` (untrusted), by position."""
    return read(text, signatures).hits


def read(text: str, signatures: Signatures) -> Reading:
    """Return every hit in ``text`` (untrusted), and its views: raw, canonical, then decoded."""
    seen: list[View] = []
    found: dict[tuple[str, int], Hit] = {}
    payloads = sorted(hidden_payloads(text), key=lambda payload: payload.start)
    for payload in payloads:
        _keep(found, _payload_hit(payload))
    context: Context | None = None
    for view, matches, left in _readings(text, payloads, signatures):
        seen.append(view)
        for match in matches:
            start, end = view.span(match.start, match.end)
            # Views come raw first, so that what shows openly is not called disguised.
            if (match.rule.id, start) not in found:
                context = context or Context(text)
                found[match.rule.id, start] = _signature_hit(match, view, (start, end), context)
        for hit in left:
            _keep(found, hit)
    return Reading(sorted(found.values(), key=lambda hit: (hit.start, hit.end)), seen)


def views(text: str, signatures: Signatures) -> Iterator[View]:
    """Yield every view of ``text`` (untrusted) that is read, the text itself first."""
    for view, _, _ in _readings(text, list(hidden_payloads(text)), signatures):
        yield view


def _keep(found: dict[tuple[str, int], Hit], hit: Hit) -> None:
    found.setdefault((hit.detector, hit.start), hit)


def _readings(
    text: str, payloads: Sequence[Payload], signatures: Signatures
) -> Iterator[tuple[View, list[Match], list[Hit]]]:
    """Yield each view with its matches, and a hit for what is left encoded where reading stops."""
    queue = deque(_first_views(text, payloads))
    budget = _BUDGET_FLOOR + _BUDGET_FACTOR * min(len(text), _LONG)
    budget += _LONG_FACTOR * max(0, len(text) - _LONG)
    read = 0
    while queue:
        view = queue.popleft()
        matches, gates = signatures.read(view)
        read += 1
        left: list[Hit] = []
        if gates and view.depth >= MAX_DEPTH:
            left = [_depth_hit(*span) for span in _still_encoded(view, gates)]
        elif gates:
            children, complete = decoded_views(view, gates, budget)
            budget -= sum(len(child.text) for child in children)
            room = MAX_VIEWS - read - len(queue)
            queue.extend(children[:room])
            if not complete or len(children) > room:
                left = [_LIMIT_HIT]
        yield view, matches, left


def _first_views(text: str, payloads: Sequence[Payload]) -> Iterator[View]:
    raw = raw_view(text)
    yield raw
    canonical = canonicalise(raw, "canonical")
    if canonical is not raw:
        yield canonical
    if edits := _payload_edits(payloads):
        unhidden = raw.rewritten(edits, "hidden", deeper=True)
        yield canonicalise(unhidden, unhidden.name)


def _payload_edits(payloads: Sequence[Payload]) -> list[Edit]:
    edits: list[Edit] = []
    for payload in payloads:
        if payload.text and (not edits or payload.start >= edits[-1].end):
            # Set apart by lines, so that it does not run into the sentence that it hides in.
            shown = raw_view(f"\n{payload.text}\n").text
            edits.append(Edit(payload.start, payload.end, shown, Trick.ENCODED))
    return edits


def _still_encoded(view: View, gates: Collection[str]) -> list[tuple[int, int]]:
    # Only where all four decodings were nested ones: on another way down, what is still encoded
    # may have been read already, beside it.
    if view.name.count("+blobs") + view.name.count("+escapes") < MAX_DEPTH:
        return []
    decoded = decode_all(view, (BLOBS | ESCAPES).intersection(gates))
    if decoded is view:
        return []
    return [view.span(edit.start, edit.end) for edit in decoded.last_edits()]


def _payload_hit(payload: Payload) -> Hit:
    return Hit(
        detector=payload.detector,
        description=payload.description,
        group=HIDDEN,
        severity=payload.severity,
        value=payload.weight,
        start=payload.start,
        end=payload.end,
        exact=payload.detector not in ("carrier.split_word", "carrier.bidi_override"),
    )


def _depth_hit(start: int, end: int) -> Hit:
    return Hit(
        detector="carrier.nested_encoding",
        description=f"more than {MAX_DEPTH} encodings inside one another",
        group=HIDDEN,
        severity=Severity.HIGH,
        value=0.8,
        start=start,
        end=end,
        exact=True,
    )


# It says nothing of a place, and the first character stands for the text.
_LIMIT_HIT = Hit(
    detector="carrier.decoding_limit",
    description="more is encoded, or in more ways, than is read",
    group=HIDDEN,
    severity=Severity.LOW,
    value=0.3,
    start=0,
    end=1,
)


def _signature_hit(match: Match, view: View, span: tuple[int, int], context: Context) -> Hit:
    start, end = span
    tricks = view.tricks(match.start, match.end) if view.maps else set()
    rule = match.rule
    return Hit(
        detector=rule.id,
        description=rule.description,
        group=rule.group,
        severity=rule.severity,
        value=rule.weight,
        # What hides from the reader is not quoted for one.
        discount=1.0 if tricks else context.discount(start, end),
        start=start,
        end=end,
        disguised=bool(tricks),
        exact=Trick.ENCODED in tricks and ("blobs" in view.name or "hidden" in view.name),
    )
