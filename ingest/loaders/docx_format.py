"""The effective format of a run of a DOCX, as far as it can hide text.

Properties are looked up as WordprocessingML defines (ECMA-376 part 1, 17.7.2): document defaults,
paragraph style and its bases, character style and its bases, the run's own. A table style's shading
depends on the cell's place and is not resolved: a colour inside such a table is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .colour import Colour, is_indistinct

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"

TINY_HALF_POINTS = 6.0
WHITE: Colour = (1.0, 1.0, 1.0)
_MIN_SCALE_PERCENT = 5.0
_MAX_BASES = 20
_OFF = frozenset({"0", "false", "off"})
_HIGHLIGHTS: dict[str, Colour] = {
    "white": WHITE,
    "black": (0.0, 0.0, 0.0),
    "yellow": (1.0, 1.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "cyan": (0.0, 1.0, 1.0),
    "magenta": (1.0, 0.0, 1.0),
    "blue": (0.0, 0.0, 1.0),
    "red": (1.0, 0.0, 0.0),
    "darkBlue": (0.0, 0.0, 0.5),
    "darkCyan": (0.0, 0.5, 0.5),
    "darkGreen": (0.0, 0.5, 0.0),
    "darkMagenta": (0.5, 0.0, 0.5),
    "darkRed": (0.5, 0.0, 0.0),
    "darkYellow": (0.5, 0.5, 0.0),
    "darkGray": (0.5, 0.5, 0.5),
    "lightGray": (0.75, 0.75, 0.75),
}


@dataclass(frozen=True, slots=True)
class RunFormat:
    """What decides whether a run is seen; a colour of None is automatic, a shade of None unset."""

    vanish: bool = False
    colour: Colour | None = None
    half_points: float = 22.0
    scale_percent: float = 100.0
    shade: Colour | None = None
    unfilled: bool = False

    def reason(self, background: Colour | None) -> str:
        """Return why the run is not seen on ``background`` (None: unknown), or an empty string."""
        behind = self.shade if self.shade is not None else background
        if self.vanish:
            return "vanished-run"
        if self.half_points < TINY_HALF_POINTS or self.scale_percent <= _MIN_SCALE_PERCENT:
            return "docx-tiny-font"
        if self.unfilled:
            return "docx-transparent"
        if self.colour is not None and behind is not None and is_indistinct(self.colour, behind):
            return "docx-text-colour"
        return ""

    def overlaid(self, properties: Any | None) -> RunFormat:
        """Return this format with the run properties (``w:rPr``) of a nearer level."""
        if properties is None:
            return self
        changed = self
        for item in properties:
            changed = changed._with(item)
        return changed

    def _with(self, item: Any) -> RunFormat:
        value = item.get(f"{W}val")
        match item.tag:
            case tag if tag in {f"{W}vanish", f"{W}specVanish"}:
                return replace(self, vanish=_is_on(value))
            case tag if tag == f"{W}color":
                return replace(self, colour=hex_colour(value))
            case tag if tag == f"{W}sz":
                return replace(self, half_points=number(value, self.half_points))
            case tag if tag == f"{W}w":
                return replace(self, scale_percent=number(value, self.scale_percent))
            case tag if tag == f"{W}shd":
                return replace(self, shade=hex_colour(item.get(f"{W}fill")) or self.shade)
            case tag if tag == f"{W}highlight":
                return replace(self, shade=_HIGHLIGHTS.get(value or "", self.shade))
            case tag if tag == f"{W14}textFill":
                return replace(self, unfilled=_is_unfilled(item))
        return self


class Styles:
    """The style part of a document, resolved on demand."""

    def __init__(self, styles: Any | None) -> None:
        self._by_id: dict[str, Any] = {}
        self._resolved: dict[tuple[str, str], RunFormat] = {}
        self._defaults = RunFormat()
        if styles is None:
            return
        self._by_id = {style.get(f"{W}styleId"): style for style in styles.iter(f"{W}style")}
        self._defaults = RunFormat().overlaid(styles.find(f"{W}docDefaults/{W}rPrDefault/{W}rPr"))

    def of_run(self, run: Any, paragraph_style: str) -> RunFormat:
        """Return the effective format of a run (``w:r``) in a paragraph of that style."""
        properties = run.find(f"{W}rPr")
        character = None if properties is None else properties.find(f"{W}rStyle")
        name = "" if character is None else character.get(f"{W}val", "")
        key = (paragraph_style, name)
        if key not in self._resolved:
            base = self._defaults
            for style in (*self._chain(paragraph_style), *self._chain(name)):
                base = base.overlaid(style.find(f"{W}rPr"))
            self._resolved[key] = base
        return self._resolved[key].overlaid(properties)

    def shades(self, table_style: str) -> bool:
        """Return whether a table style sets any shading."""
        return any(
            hex_colour(shade.get(f"{W}fill")) is not None
            for style in self._chain(table_style)
            for shade in style.iter(f"{W}shd")
        )

    def _chain(self, name: str) -> Iterator[Any]:
        """Yield a style's bases and the style itself, the farthest base first."""
        chain: list[Any] = []
        while name in self._by_id and len(chain) < _MAX_BASES:
            style = self._by_id[name]
            chain.append(style)
            based = style.find(f"{W}basedOn")
            name = "" if based is None else based.get(f"{W}val", "")
        yield from reversed(chain)


def hex_colour(value: str | None) -> Colour | None:
    """Return the colour of six hexadecimal digits; None for ``auto`` and what is no colour."""
    if value is None or len(value) != 6:
        return None
    try:
        red, green, blue = bytes.fromhex(value)
    except ValueError:
        return None
    return (red / 255, green / 255, blue / 255)


def number(value: str | None, default: float) -> float:
    """Return a decimal attribute, or ``default`` if it is none."""
    try:
        return float(value) if value is not None else default
    except ValueError:
        return default


def _is_on(value: str | None) -> bool:
    return value is None or value.lower() not in _OFF


def _is_unfilled(fill: Any) -> bool:
    if fill.find(f"{W14}noFill") is not None:
        return True
    # w14:alpha counts transparency, in thousandths of a percent.
    return any(number(a.get(f"{W14}val"), 0.0) >= 95_000 for a in fill.iter(f"{W14}alpha"))
