"""What HTML elements and attributes mean for a reader, style rules aside."""

from __future__ import annotations

from collections.abc import Mapping

from .css import Tokens, parse_colour, parse_value

Attributes = Mapping[str, str | None]

BLOCKS = frozenset(
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset "  # noqa: SIM905
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend main menu "
    "nav ol p pre section summary table ul caption".split()
)
LINES = frozenset({"li", "tr", "option", "optgroup", "br", "tbody", "thead", "tfoot"})
PREFORMATTED = frozenset({"pre", "textarea", "listing"})
# Never shown, or shown only by a browser that lacks what every browser has.
UNSEEN_TAGS = {
    "template": "html-template",
    "noframes": "html-fallback",
    "noembed": "html-fallback",
    "iframe": "html-fallback",
    "object": "html-fallback",
    "video": "html-fallback",
    "audio": "html-fallback",
    "canvas": "html-fallback",
    "datalist": "html-fallback",
    "head": "metadata",
    "metadata": "metadata",
    "desc": "svg-description",
    "annotation": "math-annotation",
    "annotation-xml": "math-annotation",
    "rp": "html-fallback",
}
_TEXT_ATTRIBUTES = {
    "alt": "alt-text",
    "title": "title-attribute",
    "summary": "title-attribute",
    "placeholder": "title-attribute",
    "label": "title-attribute",
    "srcdoc": "iframe-srcdoc",
}
# A value this short and without a blank is an id or a flag; it cannot carry an instruction.
_MIN_DATA_CHARS = 24


def attribute_reason(tag: str, name: str, value: str, attributes: Attributes) -> str:
    """Return the reason under which an attribute's text is kept, or an empty string."""
    if name in _TEXT_ATTRIBUTES:
        return _TEXT_ATTRIBUTES[name]
    if tag == "meta":
        return "metadata" if name == "content" else ""
    if tag == "input" and name == "value":
        return "hidden-input" if (attributes.get("type") or "").lower() == "hidden" else ""
    if name.startswith("aria-") and name not in {"aria-hidden", "aria-expanded"}:
        return "aria-label" if _is_wordy(value) or name == "aria-label" else ""
    if name.startswith("data-") and _is_wordy(value):
        return "data-attribute"
    return ""


def _is_wordy(value: str) -> bool:
    return len(value) >= _MIN_DATA_CHARS or " " in value.strip()


def is_data_script(kind: str | None) -> bool:
    """Return whether a script element holds data, such as JSON-LD or a template, not code."""
    kind = (kind or "").lower()
    return bool(kind) and "javascript" not in kind and kind not in {"module", "importmap"}


def presentational(tag: str, attributes: Attributes) -> dict[str, Tokens]:
    """Return the colours that old attributes set; they rank below every style rule."""
    found: dict[str, Tokens] = {}
    old = {"color": attributes.get("color") if tag == "font" else None}
    if tag == "body":
        old["color"] = attributes.get("text")
    old["background-color"] = attributes.get("bgcolor")
    for name, value in old.items():
        if value:
            for spelled in (value, f"#{value}"):
                tokens = parse_value(spelled.strip())
                if parse_colour(tokens) is not None:
                    found[name] = tokens
                    break
    if attributes.get("background"):
        found["background-image"] = parse_value("url(x)")
    return found
