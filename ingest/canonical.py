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
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple


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


class Edit(NamedTuple):
    """One replacement: ``start`` and ``end`` in the text before, and what stands there after."""

    start: int
    end: int
    text: str
    trick: Trick | None = None


class OffsetMap:
    """Maps positions of a rewritten text to the text before it, by its sorted list of edits."""

    __slots__ = ("_edits", "_make", "_shifts", "_size", "_starts")

    def __init__(self, make: Callable[[], list[Edit]], size: int) -> None:
        # All is worked out on first use: most views hold no match.
        self._make = make
        self._size = size
        self._edits: list[Edit] | None = None
        self._starts: list[int] | None = None
        self._shifts: list[int] = []

    @property
    def edits(self) -> list[Edit]:
        """The edits, in the order of the text."""
        if self._edits is None:
            self._edits = self._make()
        return self._edits

    @property
    def starts(self) -> list[int]:
        """Where each edit begins in the text after all of them."""
        if self._starts is None:
            growth = (len(text) - end + start for start, end, text, _ in self.edits)
            self._shifts = list(accumulate(growth, initial=0))
            self._starts = [
                edit[0] + shift for edit, shift in zip(self.edits, self._shifts, strict=False)
            ]
        return self._starts

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the smallest span before the edits that made ``start:end``."""
        low, high = self._position(start, ends=False), self._position(end, ends=True)
        return min(low, high), max(low, high)

    def tricks(self, start: int, end: int) -> set[Trick]:
        """Return the tricks that the edits inside ``start:end`` of the rewritten text undid."""
        starts = self.starts
        first, last = bisect_right(starts, start), bisect_left(starts, end)
        found = {edit[3] for edit in self.edits[first:last]}
        # An edit that begins at or before the start may reach into the stretch.
        if first and starts[first - 1] + len(self.edits[first - 1].text) > start:
            found.add(self.edits[first - 1].trick)
        found.discard(None)
        return found  # type: ignore[return-value]

    def _position(self, position: int, *, ends: bool) -> int:
        # An end is looked up by the character before it, so that it stays inside that edit.
        starts = self.starts
        index = bisect_right(starts, position - 1 if ends else position) - 1
        if index < 0:
            return min(position, self._size)
        edit, start = self.edits[index], starts[index]
        inside = start + len(edit.text)
        if position <= inside if ends else position < inside:
            return edit.end if ends else edit.start
        return min(position - self._shifts[index + 1], self._size)


class _Aligned:
    """Maps positions of a text in which characters were replaced one by one: none moves."""

    __slots__ = ("_after", "_before", "_trick")

    def __init__(self, before: str, after: str, trick: Callable[[str], Trick | None]) -> None:
        self._before = before
        self._after = after
        self._trick = trick

    def span(self, start: int, end: int) -> tuple[int, int]:
        return start, end

    def tricks(self, start: int, end: int) -> set[Trick]:
        pairs = zip(self._before[start:end], self._after[start:end], strict=True)
        tricks = {self._trick(before) for before, after in pairs if before != after}
        return {trick for trick in tricks if trick is not None}


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
    maps: tuple[OffsetMap | _Aligned | _Reversal, ...] = ()
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
        for start, end, text, _ in edits:
            pieces += (self.text[last:start], text)
            last = end
        pieces.append(self.text[last:])
        return View(
            name=self.name if name is None else name,
            text="".join(pieces),
            maps=(*self.maps, OffsetMap(lambda: edits, len(self.text))),
            depth=self.depth + deeper,
        )

    def substituted(
        self,
        pattern: re.Pattern[str],
        replace: Callable[[re.Match[str]], str] | str,
        trick: Callable[[re.Match[str]], Trick | None],
    ) -> View:
        """Return the view after ``pattern.sub(replace)``; ``trick`` tells the disguise of a match.

        A ``replace`` that is a string stands for itself.
        """
        before = self.text
        after = pattern.sub(replace, before)
        if after == before:
            return self

        def edits() -> list[Edit]:
            if isinstance(replace, str):
                return [Edit(*m.span(), replace, trick(m)) for m in pattern.finditer(before)]
            found = ((m, replace(m)) for m in pattern.finditer(before))
            return [Edit(*m.span(), new, trick(m)) for m, new in found if new != m[0]]

        return View(self.name, after, (*self.maps, OffsetMap(edits, len(before))), self.depth)

    def aligned(self, text: str, trick: Callable[[str], Trick | None]) -> View:
        """Return the view with ``text``, which replaces characters one by one.

        ``trick`` says of a replaced character how it was a disguise.
        """
        if text == self.text:
            return self
        maps = (*self.maps, _Aligned(self.text, text, trick))
        return View(self.name, text, maps, self.depth)

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
MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_SURROGATE = re.compile("[\ud800-\udfff]")
_INVISIBLE_RUN = re.compile(f"[{INVISIBLE}]+")
_CLUSTER = re.compile(f"[^{MARKS}\\s][{MARKS}]+|[\u1100-\u115e][\u1161-\u11ff]+")
_JOINING = re.compile(f"[{MARKS}\u1161-\u11ff]")
_PLAIN = bytes(range(32, 127)) + b"\t\n\v\f\r"
# Longer than any layout needs; a rule's separators match shorter runs themselves.
_SPACE_RUN = re.compile(r"\s{64,}")
_SPACE_SAMPLE = re.compile(r"\s{8}")
_OTHER_SCRIPTS = "\u0370-\u03ff\u0400-\u052f\u0531-\u058f\u13a0-\u13f5\u2c80-\u2cff\ua4d0-\ua4ff"
_OTHER_LETTER = re.compile(f"[{_OTHER_SCRIPTS}]")
_OTHER_WORD = re.compile(f"(?<![A-Za-z])[A-Za-z]*+[{_OTHER_SCRIPTS}][A-Za-z{_OTHER_SCRIPTS}]*+")
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


class _FoldTable(dict[int, int]):
    """Canonical forms that are one character, by code point, for `str.translate`."""

    def __missing__(self, code: int) -> int:
        text = _FOLDED[chr(code)][0]
        self[code] = new = ord(text) if len(text) == 1 else code
        return new


_FOLD_TABLE = _FoldTable()


class _Needs(dict[str, int]):
    """The stages of canonicalising that a single character calls for, as bits."""

    def __missing__(self, character: str) -> int:
        folded = _FOLDED[character][0]
        needs = _INVISIBLES * bool(_INVISIBLE_RUN.match(character))
        needs |= _CLUSTERS * bool(_JOINING.match(character))
        needs |= _FOLDS * (folded != character and len(folded) == 1)
        needs |= _EXPANDS * (len(folded) != 1)
        needs |= _LOOK_ALIKES * bool(_OTHER_LETTER.search(character + folded))
        self[character] = needs
        return needs


_INVISIBLES, _CLUSTERS, _FOLDS, _EXPANDS, _LOOK_ALIKES = 1, 2, 4, 8, 16
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
        changed = stage(changed)
    changed = _short_spaces(changed)
    return View(name, changed.text, changed.maps, changed.depth) if changed is not view else view


def _stages(text: str) -> Iterator[Callable[[View], View]]:
    """Yield the stages that may change ``text``; for most texts there are none."""
    needs = 0
    for character in unusual(text):
        needs |= _NEEDS[character]
    if needs & _CLUSTERS:
        # What marks compose to may be anything.
        needs |= _FOLDS | _EXPANDS | _LOOK_ALIKES
    for need, stage in _STAGES.items():
        if needs & need:
            yield stage


def _without_invisibles(view: View) -> View:
    return view.substituted(_INVISIBLE_RUN, "", lambda _: Trick.INVISIBLE)


def _composed(view: View) -> View:
    """Compose letters with their marks; a Latin letter loses them, and two or more are a trick."""
    return view.substituted(_CLUSTER, _composition, _stacking)


def _composition(match: re.Match[str]) -> str:
    first: str = match[0][0]
    return first if first.isascii() else unicodedata.normalize("NFC", match[0])


def _stacking(match: re.Match[str]) -> Trick | None:
    return Trick.STACKED if len(match[0]) > 2 and _composition(match).isascii() else None


def _folded(view: View) -> View:
    return view.aligned(view.text.translate(_FOLD_TABLE), lambda character: _FOLDED[character][1])


def _expanded(view: View) -> View:
    """Fold the characters whose canonical form is none or several."""
    moving = [c for c in unusual(view.text) if len(_FOLDED[c][0]) != 1]
    if not moving:
        return view
    pattern = re.compile(f"[{re.escape(''.join(sorted(moving)))}]")
    return view.substituted(
        pattern, lambda match: _FOLDED[match[0]][0], lambda match: _FOLDED[match[0]][1]
    )


def _without_look_alikes(view: View) -> View:
    """Make look-alikes Latin in words that mix scripts, and in whole words of a Latin text."""
    text = view.text
    others = len(_OTHER_LETTER.findall(text))
    if not others:
        return view
    mostly_latin = len(_LATIN.findall(text)) > 2 * others

    def latin(match: re.Match[str]) -> str:
        word: str = match[0]
        mixed = _LATIN.search(word) is not None
        if not (mostly_latin or mixed):
            return word
        new = word.translate(_CONFUSABLE)
        return new if new.isascii() or mixed else word

    return view.aligned(_OTHER_WORD.sub(latin, text), lambda _: Trick.HOMOGLYPH)


def _short_spaces(view: View) -> View:
    # A run of 64 shows in every eighth character.
    if not _SPACE_SAMPLE.search(view.text[::8]):
        return view
    return view.substituted(
        _SPACE_RUN, lambda match: "\n" if "\n" in match[0] else " ", lambda _: None
    )


_STAGES = {
    _INVISIBLES: _without_invisibles,
    _CLUSTERS: _composed,
    _FOLDS: _folded,
    _EXPANDS: _expanded,
    _LOOK_ALIKES: _without_look_alikes,
}
