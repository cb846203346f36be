"""What is done to the source of a page before it is parsed: its charset, depth and noscript."""

from __future__ import annotations

import re

from ...core.errors import LimitError
from ...core.settings import LoadSettings
from .document import HiddenCollector

_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{2,20})", re.IGNORECASE
)
_CHARSET_WITHIN = 1024  # HTML Standard 13.2.3.2: the prescan stops here

_NOSCRIPT = re.compile(r"<noscript\b[^>]*>", re.IGNORECASE)
_NOSCRIPT_END = re.compile(r"</noscript\b[^>]*>", re.IGNORECASE)

# The parser takes quadratic time in depth (25 s at 100,000 levels), so depth is bounded before it
# runs: generously, since tags in scripts count too. The true depth is checked on the tree.
_MAX_OPEN_TAGS = 5_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,40})")
# Void, or closed by the next of their kind: these do not nest however many there are.
_FLAT_TAGS = frozenset(
    "area base br col embed hr img input link meta param source track wbr p li dt dd option "  # noqa: SIM905
    "optgroup tr td th thead tbody tfoot colgroup rt rp frame basefont bgsound keygen".split()
)


def declared_charset(data: bytes) -> str | None:
    """Return the charset that a page's ``<meta>`` declares, or None."""
    declared = _CHARSET.search(data[:_CHARSET_WITHIN])
    return declared[1].decode("ascii") if declared else None


def without_noscript(markup: str, hidden: HiddenCollector) -> str:
    """Cut ``<noscript>`` elements out as raw text, which is what a browser with scripts sees.

    The parser reads their content as elements instead, and could be made to end them early.
    """
    parts = []
    at = 0
    while opening := _NOSCRIPT.search(markup, at):
        closing = _NOSCRIPT_END.search(markup, opening.end())
        inner_end = closing.start() if closing else len(markup)
        hidden.add(markup[opening.end() : inner_end], "html-noscript", "noscript")
        parts.append(markup[at : opening.start()])
        at = closing.end() if closing else len(markup)
    return "".join([*parts, markup[at:]])


def check_nesting(markup: str, name: str, settings: LoadSettings) -> None:
    """Raise `LimitError` for markup that would nest so deep that parsing it takes long."""
    open_tags: dict[str, int] = {}
    depth = 0
    for closing, tag in _TAG.findall(markup):
        kind = tag.lower()
        if kind in _FLAT_TAGS:
            continue
        count = open_tags.get(kind, 0)
        if closing and count:
            open_tags[kind] = count - 1
            depth -= 1
        elif not closing:
            open_tags[kind] = count + 1
            depth += 1
            if depth > _MAX_OPEN_TAGS:
                raise too_deep(name, settings)


def too_deep(name: str, settings: LoadSettings) -> LimitError:
    """Return the error for a page that is nested too deep."""
    return LimitError(
        f"'{name}' refused: nested deeper than {settings.max_depth} levels (load.max_depth)"
    )
