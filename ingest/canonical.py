r"""The canonical form of a text, with a map from each of its characters back to the original.

>>> view = canonical("Ig\u200bn\u043ere \uff54his")
>>> view.text
'Ignore this'
>>> view.span(0, 6)
(0, 7)

A view is a rewriting of the original text that detectors read; its spans are told in characters of
the original. Invariants:

- INVARIANT: building a view is linear in the text, and never fails, whatever the characters are.
- INVARIANT: `View.span` returns 0 <= start <= end <= len(original), for any span of the view.
- INVARIANT: the canonical form of a canonical form is itself.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Trick(StrEnum):
    """How a stretch of text was disguised; accents and typographic forms are no disguise."""

    INVISIBLE = "invisible"
    """Characters that draw nothing stood between visible ones."""
    HOMOGLYPH = "homoglyph"
    """Letters of another script stood for Latin ones."""
    STYLED = "styled"
    """Letters from styled alphabets: fullwidth, mathematical, circled, small capitals."""
    STACKED = "stacked"
    """Combining marks were piled on letters."""
    ENCODED = "encoded"
    """The stretch was decoded: base64, hex, entities, spaced letters and the like."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement: ``start`` and ``end`` in the text before, and what stands there after."""

    start: int
    end: int
    text: str
    trick: Trick | None = None


class OffsetMap:
    """Maps positions of a rewritten text to the text before it, by its sorted list of edits."""

    __slots__ = ("_deltas", "_size", "_starts", "edits")

    def __init__(self, edits: list[Edit], size: int) -> None:
        self.edits = edits
        self._size = size
        self._starts: list[int] = []
        self._deltas: list[int] = []
        shift = 0
        for edit in edits:
            self._starts.append(edit.start + shift)
            shift += len(edit.text) - (edit.end - edit.start)
            self._deltas.append(shift)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the smallest span before the edits that made ``start:end``."""
        low, high = self._position(start, ends=False), self._position(end, ends=True)
        return min(low, high), max(low, high)

    def tricks(self, start: int, end: int) -> set[Trick]:
        """Return the tricks that the edits inside ``start:end`` of the rewritten text undid."""
        first = max(bisect_right(self._starts, start) - 1, 0)
        found: set[Trick] = set()
        for index in range(first, len(self.edits)):
            if self._starts[index] >= end:
                break
            edit = self.edits[index]
            touches = self._starts[index] + len(edit.text) > start or self._starts[index] > start
            if edit.trick is not None and touches:
                found.add(edit.trick)
        return found

    def _position(self, position: int, *, ends: bool) -> int:
        # An end is looked up by the character before it, so that it stays inside that edit.
        index = bisect_right(self._starts, position - 1 if ends else position) - 1
        if index < 0:
            return min(position, self._size)
        edit, start = self.edits[index], self._starts[index]
        inside = start + len(edit.text)
        if position <= inside if ends else position < inside:
            return edit.end if ends else edit.start
        return min(position - self._deltas[index], self._size)


class _Reversal:
    """Maps positions of a text read backwards."""

    __slots__ = ("_size",)

    def __init__(self, size: int) -> None:
        self._size = size

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self._size - end, self._size - start

    def tricks(self, start: int, end: int) -> set[Trick]:  # noqa: ARG002
        return {Trick.ENCODED}


@dataclass(frozen=True, slots=True)
class View:
    """A text to read, and the way back to the original.

    ``name`` says what it is: ``raw``, ``canonical``, ``canonical+blobs``. ``text`` is untrusted
    and holds no surrogates. ``depth`` counts decodings.
    """

    name: str
    text: str
    maps: tuple[OffsetMap | _Reversal, ...] = ()
    depth: int = 0

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original text that ``start:end`` of this view came from."""
        for offsets in reversed(self.maps):
            start, end = offsets.span(start, end)
        return start, end

    def tricks(self, start: int, end: int) -> set[Trick]:
        """Return how the stretch ``start:end`` of this view was disguised in the original."""
        found: set[Trick] = set()
        for offsets in reversed(self.maps):
            found |= offsets.tricks(start, end)
            start, end = offsets.span(start, end)
        return found

    def rewritten(
        self, edits: list[Edit], name: str | None = None, *, deeper: bool = False
    ) -> View:
        """Return the view after ``edits``, which are sorted and do not overlap."""
        if not edits:
            return self
        pieces: list[str] = []
        last = 0
        for edit in edits:
            pieces += (self.text[last : edit.start], edit.text)
            last = edit.end
        pieces.append(self.text[last:])
        return View(
            name=self.name if name is None else name,
            text="".join(pieces),
            maps=(*self.maps, OffsetMap(edits, len(self.text))),
            depth=self.depth + deeper,
        )

    def last_edits(self) -> list[Edit]:
        """Return the edits of the last rewriting, in offsets of the view before it."""
        last = self.maps[-1] if self.maps else None
        return last.edits if isinstance(last, OffsetMap) else []

    def reversed(self, name: str) -> View:
        """Return the view read backwards."""
        return View(name, self.text[::-1], (*self.maps, _Reversal(len(self.text))), self.depth + 1)


# Default-ignorable and other characters that draw nothing (Unicode DerivedCoreProperties 16,
# Default_Ignorable_Code_Point), with the C0 and C1 controls that are not white space.
INVISIBLE = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_SURROGATE = re.compile("[\ud800-\udfff]")
_INVISIBLE_RUN = re.compile(f"[{INVISIBLE}]+")
_CLUSTER = re.compile(f"[^{_MARKS}\\s][{_MARKS}]+|[\u1100-\u115e][\u1161-\u11ff]+")
_JOINING = re.compile(f"[{_MARKS}\u1161-\u11ff]")
_NON_ASCII_RUN = re.compile("[^\x00-\x7f]+")
_PLAIN = bytes(range(32, 127)) + b"\t\n\v\f\r"
# Longer than any layout needs; a rule's separators match shorter runs themselves.
_SPACE_RUN = re.compile(r"\s{64,}")
_SPACE_SAMPLE = re.compile(r"\s{8}")
_OTHER_SCRIPTS = "\u0370-\u03ff\u0400-\u052f\u0531-\u058f\u13a0-\u13f5\u2c80-\u2cff\ua4d0-\ua4ff"
_OTHER_LETTER = re.compile(f"[{_OTHER_SCRIPTS}]")
_WORD = re.compile(f"[A-Za-z{_OTHER_SCRIPTS}]+")
_LATIN = re.compile("[A-Za-z]")

# Confusable letters of Unicode TR39 that the eye cannot tell from Latin ones in common fonts.
_CONFUSABLE = str.maketrans(
    "аАвВеЕкКмМнНоОрРсСтТуУхХѕЅіІјЈԁԛԜԝһҺӏӀЬьгпґ"  # Cyrillic
    "αΑΒΕΖΗΙΚΜΝΟοΡρΤτΥυΧχνιγωηκ"  # Greek
    "օՕսՍցհոᎪᎬᎻᏀᎥᏢᏚᎢᏔᏃᏟᎠ",  # Armenian, Cherokee
    "aAbBeEkKmMhHoOpPcCtTyYxXsSiIjJdqWwhHlIbbrnraABEZHIKMNOoPpTtYuXxviywnkoOuUghnAEHGiPSTWZCD",
)
_STYLED = {
    **{ord(c): a for c, a in zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛ", "abcdefghijklmnoprst", strict=True)},
    **{ord(c): a for c, a in zip("ᴜᴠᴡʏᴢɑɡ", "uvwyzag", strict=True)},
    **{0x1F150 + i: chr(97 + i) for i in range(26)},
    **{0x1F170 + i: chr(97 + i) for i in range(26)},
    **{0x1F1E6 + i: chr(97 + i) for i in range(26)},
    **{0x1F130 + i: chr(97 + i) for i in range(26)},
    **{0x249C + i: chr(97 + i) for i in range(26)},
}  # fmt: skip
_LATIN_PAIRS = {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O"} | {
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "ı": "i", "ſ": "s",
}  # fmt: skip


class _Folded(dict[str, tuple[str, Trick | None]]):
    """Canonical form of single characters, worked out on first sight; bounded by Unicode's size."""

    def __missing__(self, character: str) -> tuple[str, Trick | None]:
        self[character] = folded = _fold(character)
        return folded


def _fold(character: str) -> tuple[str, Trick | None]:
    if ord(character) in _STYLED:
        return _STYLED[ord(character)], Trick.STYLED
    text = unicodedata.normalize("NFKC", character)
    trick = None
    if text != character and text.isascii() and text.isalnum() and len(text) == 1:
        # Superscript figures and ordinals are ordinary typography; whole words of them are not.
        trick = Trick.STYLED if text.isalpha() else None
    if text in _LATIN_PAIRS:
        return _LATIN_PAIRS[text], None
    base = unicodedata.normalize("NFKD", text)
    letters = "".join(c for c in base if not unicodedata.combining(c))
    if letters and letters.isascii():
        text = letters
    return _INVISIBLE_RUN.sub("", text), trick


_FOLDED = _Folded()


class _Needs(dict[str, int]):
    """The stages of canonicalising that a single character calls for, as bits."""

    def __missing__(self, character: str) -> int:
        folded = _FOLDED[character][0]
        needs = _INVISIBLES * bool(_INVISIBLE_RUN.match(character))
        needs |= _CLUSTERS * bool(_JOINING.match(character))
        needs |= _FOLDS * (folded != character)
        needs |= _LOOK_ALIKES * bool(_OTHER_LETTER.search(character + folded))
        self[character] = needs
        return needs


_INVISIBLES, _CLUSTERS, _FOLDS, _LOOK_ALIKES = 1, 2, 4, 8
_NEEDS = _Needs()


def raw_view(text: str) -> View:
    """Return the text as it is; lone surrogates, which no encoding holds, read as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = _SURROGATE.sub("\ufffd", text)
    return View("raw", text)


def unusual(text: str) -> set[str]:
    """Return the characters of ``text`` that are neither plain ASCII nor white space of it."""
    if text.isascii() and text.isprintable():
        return set()
    return set(text.encode("utf-8", "replace").translate(None, _PLAIN).decode())


def canonical(text: str) -> View:
    """Return the canonical view of ``text`` (untrusted): what a reader would take it to say.

    Invisible characters go, compatibility forms and Latin accents fold (NFKC a character),
    look-alike letters in Latin words become Latin, very long white space becomes short.
    """
    return canonicalise(raw_view(text), "canonical")


def canonicalise(view: View, name: str) -> View:
    """Return the canonical form of any view, or the view itself where nothing changes."""
    changed = view
    for stage in _stages(view.text):
        changed = changed.rewritten(stage(changed.text))
    changed = changed.rewritten(_space_edits(changed.text))
    return View(name, changed.text, changed.maps, changed.depth) if changed is not view else view


def _stages(text: str) -> Iterator[Callable[[str], list[Edit]]]:
    """Yield the stages that may change ``text``; for most texts there are none."""
    needs = 0
    for character in unusual(text):
        needs |= _NEEDS[character]
    if needs & _CLUSTERS:
        # What marks compose to may be anything.
        needs |= _FOLDS | _LOOK_ALIKES
    for need, stage in _STAGES.items():
        if needs & need:
            yield stage


def _replacing(
    pattern: re.Pattern[str], text: str, replace: Callable[[str], str], trick: Trick | None
) -> list[Edit]:
    found = ((match, replace(match[0])) for match in pattern.finditer(text))
    return [Edit(m.start(), m.end(), new, trick) for m, new in found if new != m[0]]


def _invisible_edits(text: str) -> list[Edit]:
    return _replacing(_INVISIBLE_RUN, text, lambda _: "", Trick.INVISIBLE)


def _cluster_edits(text: str) -> list[Edit]:
    """Compose letters with their marks; a Latin letter loses them, and two or more are a trick."""
    edits = []
    for match in _CLUSTER.finditer(text):
        composed = unicodedata.normalize("NFC", match[0])
        new = match[0][0] if match[0][0].isascii() else composed
        trick = Trick.STACKED if len(match[0]) > 2 and new.isascii() else None
        if new != match[0]:
            edits.append(Edit(match.start(), match.end(), new, trick))
    return edits


def _fold_edits(text: str) -> list[Edit]:
    edits: list[Edit] = []
    for run in _NON_ASCII_RUN.finditer(text):
        edits.extend(_fold_run(run[0], run.start()))
    return edits


def _fold_run(run: str, start: int) -> Iterable[Edit]:
    for offset, character in enumerate(run, start):
        text, trick = _FOLDED[character]
        if text != character:
            yield Edit(offset, offset + 1, text, trick)


def _homoglyph_edits(text: str) -> list[Edit]:
    """Make look-alikes Latin in words that mix scripts, and in whole words of a Latin text."""
    others = len(_OTHER_LETTER.findall(text))
    if not others:
        return []
    mostly_latin = len(_LATIN.findall(text)) > 2 * others
    edits = []
    for match in _WORD.finditer(text):
        word = match[0]
        if word.isascii() or not (mostly_latin or _LATIN.search(word)):
            continue
        new = word.translate(_CONFUSABLE)
        if new != word and (new.isascii() or _LATIN.search(word)):
            edits.append(Edit(match.start(), match.end(), new, Trick.HOMOGLYPH))
    return edits


def _space_edits(text: str) -> list[Edit]:
    # A run of 64 shows in every eighth character.
    if not _SPACE_SAMPLE.search(text[::8]):
        return []
    return _replacing(_SPACE_RUN, text, lambda run: "\n" if "\n" in run else " ", None)


_STAGES = {
    _INVISIBLES: _invisible_edits,
    _CLUSTERS: _cluster_edits,
    _FOLDS: _fold_edits,
    _LOOK_ALIKES: _homoglyph_edits,
}
