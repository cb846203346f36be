"""Reading a text every way: raw, canonical, hidden payloads, decodings; hits in original offsets.

- INVARIANT: the raw text is always read, whole; no view replaces it.
- INVARIANT: the work is linear in the text: views and decoded characters are bounded, and a text
  that still decodes at the bound is itself a hit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from ...core.verdict import Severity
from ..canonical import Edit, Trick, View, canonicalise, raw_view
from ..decoding import BLOBS, ESCAPES, MAX_DEPTH, decode_all, decoded_views
from .carriers import Payload, hidden_payloads
from .context import Context
from .evidence import HIDDEN, Hit
from .signatures import Match, Signatures

MAX_VIEWS = 64
"""Views read of one text, however many encodings it nests."""
_BUDGET_FACTOR = 6
_BUDGET_FLOOR = 64_000
"""Decoded characters read: this floor, and so many times the length of the text."""


def read_hits(text: str, signatures: Signatures) -> list[Hit]:
    """Return every hit of carriers and signatures in ``text`` (untrusted), by position."""
    found: dict[tuple[str, int], Hit] = {}
    payloads = sorted(hidden_payloads(text), key=lambda payload: payload.start)
    for payload in payloads:
        _keep(found, _payload_hit(payload))
    context: Context | None = None
    for view, matches, too_deep in _readings(text, payloads, signatures):
        for match in matches:
            context = context or Context(text)
            _keep(found, _signature_hit(match, view, context))
        for span in too_deep:
            _keep(found, _depth_hit(*span))
    return sorted(found.values(), key=lambda hit: (hit.start, hit.end))


def _keep(found: dict[tuple[str, int], Hit], hit: Hit) -> None:
    # Views come raw first, so that what shows openly is not called disguised.
    found.setdefault((hit.detector, hit.start), hit)


def _readings(
    text: str, payloads: Sequence[Payload], signatures: Signatures
) -> Iterator[tuple[View, list[Match], list[tuple[int, int]]]]:
    """Yield each view with its matches, and the spans that still decode where reading stops."""
    queue = deque(_first_views(text, payloads))
    budget = _BUDGET_FACTOR * len(text) + _BUDGET_FLOOR
    read = 0
    while queue:
        view = queue.popleft()
        matches, gates = signatures.read(view)
        read += 1
        too_deep: list[tuple[int, int]] = []
        if gates and view.depth >= MAX_DEPTH:
            too_deep = _still_encoded(view, gates)
        elif gates:
            for child in decoded_views(view, gates, budget):
                budget -= len(child.text)
                if read + len(queue) < MAX_VIEWS:
                    queue.append(child)
        yield view, matches, too_deep


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


def _still_encoded(view: View, gates: set[str]) -> list[tuple[int, int]]:
    # Only where all four decodings were nested ones: on another way down, what is still encoded
    # may have been read already, beside it.
    if view.name.count("+blobs") + view.name.count("+escapes") < MAX_DEPTH:
        return []
    decoded = decode_all(view, gates & (BLOBS | ESCAPES))
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


def _signature_hit(match: Match, view: View, context: Context) -> Hit:
    start, end = view.span(match.start, match.end)
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
