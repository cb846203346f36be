"""Style rules of a page: which declarations win on each element, as a browser would decide.

The only module that imports tinycss2. It keeps the properties that can hide text, drops invalid
values (a browser falls back to the next rule there) and orders by importance, specificity and
position (CSS Cascading and Inheritance Level 4). External style sheets are not fetched. Media
queries are judged for a light desktop screen of 1280 by 800 pixels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tinycss2
import tinycss2.color4

from ...core.errors import LimitError

CssNode = Any
"""A node of tinycss2, whose kinds share a `type` and little else."""

Tokens = tuple[CssNode, ...]
Specificity = tuple[int, int, int]
Priority = tuple[bool, bool, Specificity, int]

VIEWPORT_WIDTH_PX = 1280.0
VIEWPORT_HEIGHT_PX = 800.0

_PROPERTIES = frozenset(
    "display visibility opacity font-size color background-color background-image position "  # noqa: SIM905
    "left right top bottom text-indent clip clip-path width height max-width max-height "
    "overflow transform filter content-visibility -webkit-text-fill-color margin-left "
    "margin-top background-clip scale content".split()
)
_SHORTHANDS = {
    "background": ("background-color", "background-image", "background-clip"),
    "font": ("font-size",),
    "overflow-x": ("overflow",),
    "overflow-y": ("overflow",),
    "-webkit-background-clip": ("background-clip",),
    "-webkit-transform": ("transform",),
    "-webkit-clip-path": ("clip-path",),
    "inset-inline-start": ("left",),
    "margin-inline-start": ("margin-left",),
}
_KEYWORDS = {
    "visibility": frozenset({"visible", "hidden", "collapse"}),
    "display": frozenset(
        "none block inline inline-block flex inline-flex grid inline-grid table inline- "  # noqa: SIM905
        "table table-row table-cell table-column table-caption table-row-group table- "
        "header-group table-footer-group table-column-group contents list-item flow flow- "
        "root run-in ruby -webkit-box -webkit-inline-box -webkit-flex -ms-flexbox -moz- "
        "box".split()
    ),
}
_GLOBAL = frozenset({"inherit", "initial", "unset", "revert", "revert-layer"})
_COLOURS = frozenset({"color", "background-color", "-webkit-text-fill-color"})
_GENERATED = re.compile(r"::?(before|after|marker)\s*$", re.IGNORECASE)
_PSEUDO_ELEMENT = re.compile(r"::|:(before|after|first-line|first-letter)\b", re.IGNORECASE)
_GROUPING = frozenset({"media", "supports", "layer", "container", "scope", "starting-style"})
_FEATURE = re.compile(r"\(\s*(min|max)-(width|height)\s*:\s*([\d.]+)(px|em|rem)?\s*\)")
# What a light desktop screen with a mouse does not match.
_OTHER_DEVICE = re.compile(
    r"\b(print|speech)\b|prefers-color-scheme\s*:\s*dark|orientation\s*:\s*portrait|"
    r"prefers-reduced-motion\s*:\s*reduce|(hover\s*:\s*none)|pointer\s*:\s*coarse|forced-colors"
)
_COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
_MAX_RULES = 50_000
_MAX_NESTED_SELECTORS = 64


@dataclass(frozen=True, slots=True)
class Declaration:
    """One property with its value and whether it is ``!important``."""

    name: str
    value: Tokens
    important: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """Declarations for the elements that one selector matches."""

    selector: str
    specificity: Specificity
    declarations: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a style sheet says: its rules, and the texts of comments and generated content."""

    rules: tuple[Rule, ...]
    comments: tuple[str, ...]
    generated: tuple[tuple[str, str], ...]


class Cascade:
    """The declarations that apply to each element, by an element's key."""

    def __init__(self, rules: Iterable[Rule], select: Callable[[str], Iterable[int]]) -> None:
        self._matched: dict[int, list[tuple[Priority, Declaration]]] = {}
        for order, rule in enumerate(rules):
            for key in select(rule.selector):
                self._matched.setdefault(key, []).extend(
                    ((d.important, False, rule.specificity, order), d) for d in rule.declarations
                )

    def declared(self, key: int, inline: str | None) -> Mapping[str, Tokens]:
        """Return the winning value of each declared property, with the ``style`` attribute."""
        matched = self._matched.get(key, [])
        if inline:
            own = parse_declarations(inline)
            matched = matched + [((d.important, True, (0, 0, 0), 0), d) for d in own]
        ordered = sorted(matched, key=lambda item: item[0])
        return {declaration.name: declaration.value for _, declaration in ordered}


def parse_declarations(css: str) -> list[Declaration]:
    """Return the valid declarations of a ``style`` attribute that can bear on visibility."""
    return list(_declarations(tinycss2.parse_blocks_contents(css)))


def parse_sheet(css: str) -> Sheet:
    """Return the rules of a style sheet that can bear on visibility; raises `LimitError`."""
    rules: list[Rule] = []
    generated: list[tuple[str, str]] = []
    nodes = tinycss2.parse_stylesheet(css, skip_whitespace=True)
    stack: list[tuple[CssNode, tuple[str, ...]]] = [(node, ()) for node in reversed(nodes)]
    while stack:
        node, parents = stack.pop()
        if node.type == "at-rule" and node.content is not None:
            if node.lower_at_keyword in _GROUPING and _applies(node):
                stack.extend((n, parents) for n in reversed(_contents(node)))
        elif node.type == "qualified-rule":
            selectors = _nested(parents, _selectors(node.prelude))
            contents = _contents(node)
            nested = [n for n in contents if n.type in {"qualified-rule", "at-rule"}]
            stack.extend((n, tuple(text for text, _ in selectors)) for n in reversed(nested))
            declared = tuple(_declarations(contents))
            for text, specificity in selectors if declared else ():
                if _PSEUDO_ELEMENT.search(text):
                    generated.extend(_generated(text, declared))
                else:
                    rules.append(Rule(text, specificity, declared))
            if len(rules) > _MAX_RULES:
                raise LimitError(f"style sheet refused: more than {_MAX_RULES} rules")
    return Sheet(tuple(rules), tuple(_COMMENT.findall(css)), tuple(generated))


def parse_colour(tokens: Tokens) -> tuple[float, float, float, float] | None:
    """Return (red, green, blue, alpha) in [0, 1] of a one-token colour, or None."""
    significant = significant_tokens(tokens)
    if len(significant) != 1:
        return None
    try:
        colour: Any = tinycss2.color4.parse_color(significant[0])
        if colour is None or colour == "currentcolor":
            return None
        red, green, blue = colour.to("srgb").coordinates
    except (NotImplementedError, ValueError, TypeError):
        return None
    return (red or 0.0, green or 0.0, blue or 0.0, float(colour.alpha))


def significant_tokens(tokens: Iterable[CssNode]) -> list[CssNode]:
    """Return the tokens without blanks and comments."""
    return [token for token in tokens if token.type not in {"whitespace", "comment"}]


def flat_tokens(tokens: Iterable[CssNode]) -> Iterator[CssNode]:
    """Yield the significant tokens, those inside functions and brackets included."""
    stack = list(reversed(significant_tokens(tokens)))
    while stack:
        token = stack.pop()
        yield token
        inner = getattr(token, "arguments", None) or getattr(token, "content", None) or []
        if token.type not in {"comment", "whitespace"}:
            stack.extend(reversed(significant_tokens(inner)))


def parse_value(css: str) -> Tokens:
    """Return the tokens of one value."""
    return tuple(tinycss2.parse_component_value_list(css, skip_comments=True))


def _contents(node: CssNode) -> list[CssNode]:
    return list(tinycss2.parse_blocks_contents(node.content, skip_comments=True))


def _declarations(nodes: Iterable[CssNode]) -> Iterator[Declaration]:
    for node in nodes:
        if node.type != "declaration":
            continue
        name = node.lower_name if not node.name.startswith("--") else node.name
        value = tuple(significant_tokens(node.value))
        for target in _SHORTHANDS.get(name, (name,)):
            if name.startswith("--"):
                yield Declaration(name, value, node.important)
            elif target in _PROPERTIES:
                longhand = _longhand(name, target, value)
                if longhand and _is_valid(target, longhand):
                    yield Declaration(target, longhand, node.important)


def _longhand(name: str, target: str, value: Tokens) -> Tokens:
    """Return what a shorthand's value says of one property."""
    if name == "background" and target == "background-color":
        colours = [t for t in value if tinycss2.color4.parse_color(t) is not None]
        if any(_is_function(token, "var") for token in value) and len(value) == 1:
            return value
        return (colours[-1],) if colours else parse_value("transparent")
    if name == "background" and target == "background-clip":
        return tuple(t for t in value if t.type == "ident" and t.lower_value == "text")
    if name == "background":
        images = tuple(t for t in value if t.type == "url" or _is_image(t))
        return images or parse_value("none")
    if name == "font":
        sizes = [t for t in value if t.type in {"dimension", "percentage"} or _is_zero(t)]
        return tuple(sizes[:1])
    return value


def _is_image(token: CssNode) -> bool:
    return token.type == "function" and (
        token.lower_name.endswith("gradient") or token.lower_name in {"url", "image-set", "image"}
    )


def _is_zero(token: CssNode) -> bool:
    return bool(token.type == "number" and token.value == 0)


def _is_function(token: CssNode, name: str) -> bool:
    return bool(token.type == "function" and token.lower_name == name)


def _is_valid(name: str, value: Tokens) -> bool:
    """Return whether a browser would take the value, for the properties where it matters most."""
    first = value[0]
    if any(_is_function(token, "var") for token in value):
        return True
    if len(value) == 1 and first.type == "ident" and first.lower_value in _GLOBAL:
        return True
    if name in _KEYWORDS:
        return all(t.type == "ident" and t.lower_value in _KEYWORDS[name] for t in value)
    if name in _COLOURS:
        return len(value) == 1 and (
            first.type == "function" or tinycss2.color4.parse_color(first) is not None
        )
    if name == "opacity":
        return len(value) == 1 and first.type in {"number", "percentage", "function"}
    return True


def _selectors(prelude: Sequence[CssNode]) -> list[tuple[str, Specificity]]:
    parts: list[list[CssNode]] = [[]]
    for token in prelude:
        if token == ",":  # noqa: S105 - a CSS token
            parts.append([])
        elif token.type != "comment":
            parts[-1].append(token)
    return [(tinycss2.serialize(part).strip(), _specificity(part)) for part in parts if part]


def _nested(
    parents: Sequence[str], selectors: Sequence[tuple[str, Specificity]]
) -> list[tuple[str, Specificity]]:
    """Return the selectors of a nested rule spelled out from the root."""
    if not parents:
        return list(selectors)
    spelled = [
        (text.replace("&", f":is({parent})") if "&" in text else f"{parent} {text}", specificity)
        for parent in parents
        for text, specificity in selectors
    ]
    return spelled[:_MAX_NESTED_SELECTORS]


def _specificity(tokens: Sequence[CssNode]) -> Specificity:
    """Return (ids, classes, types) of a selector, Selectors Level 4 section 17."""
    ids = classes = types = 0
    before = ""
    for token in tokens:
        if token.type == "hash":
            ids += 1
        elif token.type == "[] block" or (token.type == "ident" and before in {".", ":"}):
            classes += 1
        elif token.type == "ident":
            types += 1
        elif token.type == "function" and token.lower_name in {"is", "not", "has"}:
            inner = max((s for _, s in _selectors(token.arguments)), default=(0, 0, 0))
            ids, classes, types = ids + inner[0], classes + inner[1], types + inner[2]
        elif token.type == "function" and token.lower_name != "where":
            classes += 1
        before = token.value if token.type == "literal" else ""
    return (ids, classes, types)


def _generated(selector: str, declared: Sequence[Declaration]) -> Iterator[tuple[str, str]]:
    if _GENERATED.search(selector):
        for declaration in declared:
            if declaration.name == "content":
                text = " ".join(t.value for t in declaration.value if t.type == "string")
                yield selector, text


def _applies(rule: CssNode) -> bool:
    """Return whether a grouping rule holds on the screen that the module's docstring names."""
    if rule.lower_at_keyword != "media":
        return True
    queries = tinycss2.serialize(rule.prelude).lower().split(",")
    return any(_query_applies(query.strip()) for query in queries)


def _query_applies(query: str) -> bool:
    negated = query.startswith("not ")
    holds = _OTHER_DEVICE.search(query) is None
    for bound, axis, number, unit in _FEATURE.findall(query):
        try:
            limit = float(number) * (16 if unit in {"em", "rem"} else 1)
        except ValueError:
            continue
        size = VIEWPORT_WIDTH_PX if axis == "width" else VIEWPORT_HEIGHT_PX
        holds = holds and (size >= limit if bound == "min" else size <= limit)
    return holds != negated
