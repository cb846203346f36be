"""Whether a reader sees an element's text: the computed style, as far as it can hide.

Thresholds are where text stops being readable on a common screen, not where it stops being drawn:
4 px type, a colour that `colour` calls indistinct, 400 px outside the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from .colour import Colour, is_indistinct, laid_over
from .css import (
    VIEWPORT_HEIGHT_PX,
    VIEWPORT_WIDTH_PX,
    CssNode,
    Tokens,
    flat_tokens,
    parse_colour,
    significant_tokens,
)

TINY_FONT_PX = 4.0
_MIN_ALPHA = 0.05
_FAR_BEFORE_PX = -400.0
_FAR_AFTER_PX = 4_000.0
_UNITS_PX = {
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "in": 96.0,
    "cm": 37.8,
    "mm": 3.78,
    "q": 0.945,
    "rem": 16.0,
    "vw": VIEWPORT_WIDTH_PX / 100,
    "vh": VIEWPORT_HEIGHT_PX / 100,
    "vmin": VIEWPORT_HEIGHT_PX / 100,
    "vmax": VIEWPORT_WIDTH_PX / 100,
}
_RELATIVE_UNITS = {"em": 1.0, "ex": 0.5, "ch": 0.5, "lh": 1.2}
_FONT_KEYWORDS_PX = {
    "xx-small": 9.0,
    "x-small": 10.0,
    "small": 13.0,
    "medium": 16.0,
    "large": 18.0,
    "x-large": 24.0,
    "xx-large": 32.0,
}
_MAX_VAR_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Style:
    """The computed style of an element; a colour of None is one that cannot be known."""

    colour: Colour | None = (0.0, 0.0, 0.0)
    alpha: float = 1.0
    fill: Colour | None = None
    fill_alpha: float | None = None
    background: Colour | None = (1.0, 1.0, 1.0)
    font_px: float = 16.0
    visible: bool = True
    indented_away: bool = False
    removed: str = ""
    custom: Mapping[str, Tokens] = field(default_factory=dict)

    @property
    def hidden_reason(self) -> str:
        """Why the element's own text is not seen, or an empty string."""
        if self.removed:
            return self.removed
        if not self.visible:
            return "css-visibility-hidden"
        if self.font_px < TINY_FONT_PX:
            return "css-tiny-font"
        if self.indented_away:
            return "css-off-screen"
        colour, alpha = self.colour, self.alpha
        if self.fill_alpha is not None:
            colour, alpha = self.fill, self.fill_alpha
        if alpha < _MIN_ALPHA:
            return "css-transparent-text"
        if colour is None or self.background is None:
            return ""
        seen = laid_over(colour, alpha, self.background)
        return "css-text-colour" if is_indistinct(seen, self.background) else ""


def computed(parent: Style, declared: Mapping[str, Tokens]) -> Style:
    """Return an element's style from its parent's and the declarations that won on it."""
    custom = {name: value for name, value in declared.items() if name.startswith("--")}
    if not declared:
        return parent
    known = {**parent.custom, **custom} if custom else parent.custom
    values = {
        name: _substituted(value, known)
        for name, value in declared.items()
        if not name.startswith("--")
    }
    font_px = _font_px(values.get("font-size"), parent.font_px)
    style = replace(parent, custom=known, font_px=font_px)
    style = _coloured(style, parent, values)
    return replace(
        style,
        visible=_visibility(values.get("visibility"), parent.visible),
        indented_away=_indented(values.get("text-indent"), parent, font_px),
        removed=parent.removed or _removal(values, font_px),
    )


def _removal(values: Mapping[str, Tokens], font_px: float) -> str:
    """Return why the whole subtree is not seen, or an empty string."""
    if _keyword(values.get("display")) == "none":
        return "css-display-none"
    if _keyword(values.get("content-visibility")) == "hidden":
        return "css-display-none"
    if _fraction(values.get("opacity")) < _MIN_ALPHA:
        return "css-opacity"
    if any(
        token.type == "function"
        and token.lower_name == "opacity"
        and _fraction(tuple(token.arguments)) < _MIN_ALPHA
        for token in values.get("filter", ())
    ):
        return "css-opacity"
    if _is_clipped(values, font_px):
        return "css-clip"
    if _is_far_off(values, font_px):
        return "css-off-screen"
    if _is_scaled_away(values):
        return "css-zero-size"
    return "css-zero-size" if _is_empty_box(values, font_px) else ""


def _coloured(style: Style, parent: Style, values: Mapping[str, Tokens]) -> Style:
    if "color" in values:
        colour, alpha = _colour(values["color"], parent.colour, parent.alpha)
        style = replace(style, colour=colour, alpha=alpha)
    if "-webkit-text-fill-color" in values:
        fill, fill_alpha = _colour(values["-webkit-text-fill-color"], style.colour, style.alpha)
        style = replace(style, fill=fill, fill_alpha=fill_alpha)
    if _keyword(values.get("background-clip")) == "text":
        # The background shows through the letters: their own colour does not matter.
        return replace(style, colour=None, alpha=1.0, fill=None, fill_alpha=None, background=None)
    if "background-color" in values:
        behind, alpha = _colour(values["background-color"], style.colour, style.alpha, own=True)
        style = replace(style, background=_layered(behind, alpha, parent.background))
    if "background-image" in values and _keyword(values["background-image"]) != "none":
        style = replace(style, background=_image_colour(values["background-image"]))
    return style


def _layered(colour: Colour | None, alpha: float, behind: Colour | None) -> Colour | None:
    if colour is None or alpha >= 1:
        return colour
    if alpha <= 0:
        return behind
    return None if behind is None else laid_over(colour, alpha, behind)


def _image_colour(tokens: Tokens) -> Colour | None:
    """Return the one colour of a gradient of near equal colours; of other images, None."""
    found: list[Colour] = []
    for token in flat_tokens(tokens):
        if token.type == "url":
            return None
        colour = parse_colour((token,))
        if colour is not None:
            found.append(colour[:3])
    alike = all(is_indistinct(one, other) for one, other in pairwise(found))
    return found[0] if found and alike else None


def _colour(
    tokens: Tokens, current: Colour | None, alpha: float, *, own: bool = False
) -> tuple[Colour | None, float]:
    """Return a colour and its alpha; ``own`` is a property that does not inherit."""
    keyword = _keyword(tokens)
    if keyword in {"currentcolor", "inherit", "unset", "revert"} and not own:
        return current, alpha
    if keyword == "currentcolor":
        return current, alpha
    if keyword == "initial" and not own:
        return (0.0, 0.0, 0.0), 1.0
    if own and keyword in {"initial", "unset", "inherit", "revert"}:
        return (0.0, 0.0, 0.0), 0.0
    colour = parse_colour(tokens)
    return (None, 1.0) if colour is None else (colour[:3], colour[3])


def _is_clipped(values: Mapping[str, Tokens], font_px: float) -> bool:
    for token in values.get("clip", ()):
        if token.type == "function" and token.lower_name == "rect":
            edges = [_length(t, font_px, 0.0) for t in significant_tokens(token.arguments)]
            sizes = [edge for edge in edges if edge is not None]
            if len(sizes) == 4 and (sizes[2] - sizes[0] <= 1 or sizes[1] - sizes[3] <= 1):
                return True
    for token in values.get("clip-path", ()):
        if token.type != "function":
            continue
        lengths = [_length(t, font_px, 100.0) for t in significant_tokens(token.arguments)]
        known = [length for length in lengths if length is not None]
        if token.lower_name == "inset" and known and min(known) >= 50:
            return True
        if token.lower_name in {"circle", "ellipse"} and known and known[0] <= 1:
            return True
        if token.lower_name == "polygon" and known and max(known) <= 1:
            return True
    return False


def _is_far_off(values: Mapping[str, Tokens], font_px: float) -> bool:
    moved = ["margin-left", "margin-top"]
    if _keyword(values.get("position")) in {"absolute", "fixed", "relative", "sticky"}:
        moved += ["left", "right", "top", "bottom"]
    for name in moved:
        base = VIEWPORT_HEIGHT_PX if name in {"top", "bottom"} else VIEWPORT_WIDTH_PX
        if any(_is_far(length) for length in _lengths(values.get(name), font_px, base)):
            return True
    return any(
        token.lower_name.startswith("translate")
        and any(_is_far(x) for x in _lengths(tuple(token.arguments), font_px, 0.0))
        for token in values.get("transform", ())
        if token.type == "function"
    )


def _is_scaled_away(values: Mapping[str, Tokens]) -> bool:
    scales = [
        t
        for token in values.get("transform", ())
        if token.type == "function" and token.lower_name.startswith("scale")
        for t in significant_tokens(token.arguments)
    ]
    scales += [*values.get("scale", ())]
    return any(t.type == "number" and abs(t.value) < _MIN_ALPHA for t in scales)


def _is_empty_box(values: Mapping[str, Tokens], font_px: float) -> bool:
    if _keyword(values.get("overflow")) not in {"hidden", "clip", "scroll", "auto"}:
        return False
    sizes = (
        length
        for name in ("width", "height", "max-width", "max-height")
        for length in _lengths(values.get(name), font_px, VIEWPORT_WIDTH_PX)
    )
    return any(size <= 1 for size in sizes)


def _font_px(tokens: Tokens | None, inherited: float) -> float:
    if not tokens:
        return inherited
    keyword = _keyword(tokens)
    if keyword in _FONT_KEYWORDS_PX:
        return _FONT_KEYWORDS_PX[keyword]
    if keyword in {"smaller", "larger"}:
        return inherited * (0.83 if keyword == "smaller" else 1.2)
    if keyword == "initial":
        return 16.0
    size = _length(tokens[0], inherited, inherited)
    return inherited if size is None else max(size, 0.0)


def _indented(tokens: Tokens | None, parent: Style, font_px: float) -> bool:
    if not tokens:
        return parent.indented_away
    return any(_is_far(length) for length in _lengths(tokens, font_px, VIEWPORT_WIDTH_PX))


def _visibility(tokens: Tokens | None, inherited: bool) -> bool:
    keyword = _keyword(tokens)
    if keyword in {"hidden", "collapse"}:
        return False
    return True if keyword in {"visible", "initial"} else inherited


def _is_far(length: float) -> bool:
    return length <= _FAR_BEFORE_PX or length >= _FAR_AFTER_PX


def _lengths(tokens: Tokens | None, font_px: float, base: float) -> Iterator[float]:
    """Yield every length in a value, those inside ``calc()`` too."""
    for token in flat_tokens(tokens or ()):
        length = _length(token, font_px, base)
        if length is not None:
            yield length


def _length(token: CssNode, font_px: float, base: float) -> float | None:
    """Return a length in pixels; a percentage is one of ``base``."""
    if token.type == "number":
        return float(token.value) if token.value == 0 else None
    if token.type == "percentage":
        return float(token.value) * base / 100
    if token.type != "dimension":
        return None
    unit = token.lower_unit
    if unit in _RELATIVE_UNITS:
        return float(token.value) * _RELATIVE_UNITS[unit] * font_px
    return float(token.value) * _UNITS_PX[unit] if unit in _UNITS_PX else None


def _fraction(tokens: Tokens | None) -> float:
    """Return a number or percentage as a fraction; 1 if there is none."""
    for token in tokens or ():
        if token.type == "number":
            return float(token.value)
        if token.type == "percentage":
            return float(token.value) / 100
    return 1.0


def _keyword(tokens: Tokens | None) -> str:
    if tokens and tokens[0].type == "ident":
        return str(tokens[0].lower_value)
    return ""


def _substituted(tokens: Tokens, custom: Mapping[str, Tokens], depth: int = 0) -> Tokens:
    """Return the value with each ``var()`` replaced by what it names, or by its fallback."""
    if depth > _MAX_VAR_DEPTH or not any(t.type == "function" for t in tokens):
        return tokens
    result: list[CssNode] = []
    for token in tokens:
        if token.type != "function" or token.lower_name != "var":
            result.append(token)
            continue
        arguments = significant_tokens(token.arguments)
        name = str(arguments[0].value) if arguments and arguments[0].type == "ident" else ""
        value = custom.get(name, tuple(arguments[2:]))
        result.extend(_substituted(value, custom, depth + 1))
        if len(result) > 100:
            break
    return tuple(result)
