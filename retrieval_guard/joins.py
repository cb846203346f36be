"""Step 6a: an instruction split over passages is an instruction where they meet.

Each passage was scanned alone; only what passages say together is new, so the text around their
seams is scanned. What a seam's scan removes is removed from the passages that hold it; a passage of
which nothing readable remains is dropped. Removing text makes new neighbours, so the scan runs
again until nothing is found; passages that still hold a hit after `MAX_ROUNDS` are dropped whole.

- INVARIANT: clean passages lose nothing to their company: a hit counts only if it lies in two
  passages at least, if none of them next to ordinary text is nearly as likely an instruction, and
  only in passages that it needs.
- INVARIANT: a passage that lost text is scanned alone again, as a whole.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from .passage import Passage
from .results import Dropped
from .seams import Part, seams
from .stripping import Stripped, Stripper, readable, removal_verdict

STEP = "joins"
MAX_ROUNDS = 3
ODDS_GAINED = 3.0
"""A hit's odds over those of one side next to ordinary text. The same words after one harmless
sentence or another differ by less; of half an order and a whole one the odds differ by more."""
_ORDINARY = "The museum opens at nine and closes at five."
_CERTAIN = 0.999
_KEPT = 20_000
_GLUE = " "

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedPassages:
    """The passages whose joins are clean, and those that were dropped for that."""

    passages: tuple[Passage, ...]
    dropped: tuple[Dropped, ...] = ()


class JoinScan:
    """Scans and strips around the seams of passages in the order in which they are served.

    Remembers which texts around seams were clean, by digest, so that only new ones are scanned.
    Safe to share between threads.
    """

    def __init__(self, scanner: Stripper, threshold: float) -> None:
        self._scanner = scanner
        self._threshold = threshold
        self._clean = _Seen(_KEPT)

    def __call__(self, passages: Sequence[Passage]) -> JoinedPassages:
        """Return the passages with clean joins."""
        current, dropped = list(passages), list[Dropped]()
        rounds = 0
        while hits := self._hits(current):
            rounds += 1
            if rounds > MAX_ROUNDS:
                reason = "its joins stay hostile after stripping"
                dropped += [current[at].dropped(STEP, reason) for at in sorted(hits)]
                current = [passage for at, passage in enumerate(current) if at not in hits]
                continue
            stripped = [self._without(passage, hits.get(at)) for at, passage in enumerate(current)]
            dropped += [
                passage.dropped(STEP, "nothing readable remains at its join")
                for passage in stripped
                if not readable(passage.text)
            ]
            current = [passage for passage in stripped if readable(passage.text)]
        return JoinedPassages(passages=tuple(current), dropped=tuple(dropped))

    def _hits(self, passages: Sequence[Passage]) -> dict[int, list[_Hit]]:
        """Return, by passage, the spans of its text that are an instruction only with others."""
        texts = [passage.text for passage in passages]
        found: dict[int, list[_Hit]] = {}
        for seam in seams(texts):
            pieces = [texts[part.at][part.start : part.end] for part in seam]
            window = _GLUE.join(pieces)
            if self._clean.holds(window):
                continue
            stripped = self._scanner.strip(window, self._threshold)
            shares = self._needed(pieces, _shares(pieces, stripped.removed))
            if len(shares) < 2 or self._is_of_one_side(pieces, shares, stripped):
                self._clean.add(window)
                continue
            for index, spans in shares.items():
                hits = (_Hit(_placed(seam[index], span), stripped) for span in spans)
                found.setdefault(seam[index].at, []).extend(hits)
        return found

    def _needed(
        self, pieces: Sequence[str], shares: dict[int, list[Span]]
    ) -> dict[int, list[Span]]:
        """Leave out pieces without which the others are an instruction still.

        What stands between two parts of an order is removed with them, and may be honest.
        """
        kept = list(pieces)
        for index in sorted(shares):
            if len(shares) < 3:
                break
            tried = [*kept[:index], _ORDINARY, *kept[index + 1 :]]
            stripped = self._scanner.strip(_GLUE.join(tried), self._threshold)
            rest = _shares(tried, stripped.removed)
            rest = {at: spans for at, spans in rest.items() if at in shares and at != index}
            if len(rest) >= 2:
                kept, shares = tried, rest
        return shares

    def _is_of_one_side(
        self, pieces: Sequence[str], shares: dict[int, list[Span]], found: Stripped
    ) -> bool:
        """Tell whether a piece with ordinary text for the others is nearly as bad as all."""
        score = min(_CERTAIN, max((each.score for each in found.findings), default=_CERTAIN))
        odds = score / (1 - score) / ODDS_GAINED
        for index, spans in shares.items():
            alone = [_ORDINARY] * len(pieces)
            alone[index] = pieces[index]
            stripped = self._scanner.strip(_GLUE.join(alone), odds / (1 + odds))
            own = _shares(alone, stripped.removed).get(index, ())
            if any(a < last and first < b for a, b in spans for first, last in own):
                return True
        return False

    def _without(self, passage: Passage, hits: Sequence[_Hit] | None) -> Passage:
        if not hits:
            return passage
        text, changed = passage.text, passage
        for start, end in reversed(_merged([hit.span for hit in hits])):
            text = text[:start] + text[end:]
        causes = [*{id(hit.cause): hit.cause for hit in hits}.values()]
        again = self._scanner.strip(text, self._threshold)
        for cause in [*causes, again] if again.removed else causes:
            changed = changed.changed(again.text, removal_verdict(passage, cause))
        return changed


@dataclass(frozen=True, slots=True)
class _Hit:
    """A span of one passage's text, and the scan that removed it."""

    span: Span
    cause: Stripped


class _Seen:
    """The digests of the last texts that were added; no text is kept."""

    def __init__(self, most: int) -> None:
        self._digests: OrderedDict[bytes, None] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def add(self, text: str) -> None:
        with self._lock:
            self._digests[_digest(text)] = None
            if len(self._digests) > self._most:
                self._digests.popitem(last=False)

    def holds(self, text: str) -> bool:
        with self._lock:
            return _digest(text) in self._digests


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _shares(pieces: Sequence[str], spans: Sequence[Span]) -> dict[int, list[Span]]:
    """Return, by piece, the parts of spans of all pieces together that hold anything readable."""
    found: dict[int, list[Span]] = {}
    offset = 0
    for index, piece in enumerate(pieces):
        for first, last in spans:
            start, end = max(0, first - offset), min(len(piece), last - offset)
            if start < end and any(character.isalnum() for character in piece[start:end]):
                found.setdefault(index, []).append((start, end))
        offset += len(piece) + len(_GLUE)
    return found


def _placed(part: Part, span: Span) -> Span:
    return part.start + span[0], part.start + span[1]


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Return the spans sorted, those that overlap joined: texts around seams overlap."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
