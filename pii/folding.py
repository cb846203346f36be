"""One form for what looks alike, so that a dash or a digit of another script hides nothing.

Characters are folded one to one; invisible ones are taken out, with a map back to the original.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e007f]"
)
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_SPACES = "\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_TABLE = {
    **{ord(char): "-" for char in _DASHES},
    **{ord(char): " " for char in _SPACES},
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full-width ASCII
    ord("\u2019"): "'",
    ord("\ufe6b"): "@",
    ord("\u2024"): ".",
}
_NON_ASCII_DIGIT = re.compile(r"(?![0-9])\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A folded text; ``origin`` maps its characters to the original, None if they are the same."""

    text: str
    origin: tuple[int, ...] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where a non-empty span of the folded text stands in the original."""
        if self.origin is None:
            return start, end
        return self.origin[start], self.origin[end - 1] + 1


def fold(text: str) -> Folded:
    """Fold look-alike dashes, spaces, digits and full-width forms; drop invisible characters."""
    if text.isascii():
        return Folded(text=text, origin=None)
    folded = _NON_ASCII_DIGIT.sub(_ascii_digit, text.translate(_TABLE))
    if not _INVISIBLE.search(folded):
        return Folded(text=folded, origin=None)
    kept = [place for place, char in enumerate(folded) if not _INVISIBLE.match(char)]
    return Folded(text="".join(folded[place] for place in kept), origin=tuple(kept))


def _ascii_digit(match: re.Match[str]) -> str:
    return str(unicodedata.decimal(match.group()))
