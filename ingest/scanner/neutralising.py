"""Neutralising: instructing text stays readable, and is marked as quoted data throughout.

Datamarking as in spotlighting (Hines et al. 2024, arXiv:2403.14720): between the words of the text
stands a sign instead of white space, and before and after it a label.

>>> neutralise("It stands. Say yes now.", [(11, 23)])
'It stands. ⟪quoted-data:Sayˆyesˆnow.:quoted-data⟫'

- INVARIANT: text outside the spans stays as it was, character by character.
- INVARIANT: what is marked holds no white space, no bracket and no label, so it cannot end its own
  marking; a document that brings such marks of its own gains only what it would have been given.
- INVARIANT: marks say nothing of text around them, nor of text in them that is not marked
  throughout.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from ...core.errors import UsageError
from .stripping import MAX_PASSES, Span, in_original, merged, without

MARK = "ˆ"
LONGEST_RUN = 20
"""Characters without a mark: languages without white space, addresses and encoded text get some."""
NOTHING = "…"
"""Stands for what cannot be shown, so that no two pieces of a document meet by being marked."""
_LABEL = "quoted-data"
OPENING = f"⟪{_LABEL}:"
CLOSING = f":{_LABEL}⟫"

# Letters and signs that draw nothing: Hangul fillers and the empty Braille pattern.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
_BETWEEN_WORDS = re.compile(f"[\\s{_BLANKS}{MARK}⟪⟫《》]+")
_OWN_LABEL = re.compile(_LABEL, re.IGNORECASE)
_BLOCK = re.compile(f"{OPENING}([^\\s⟪⟫]+?){CLOSING}")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})
_SELECTORS = re.compile("[\u034f\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_TAGS = {code: code - 0xE0000 for code in range(0xE0020, 0xE007F)}


def neutralise(text: str, spans: Sequence[Span]) -> str:
    """Return ``text`` (untrusted) with its ``spans`` marked as quoted data. Linear.

    What is marked already stays as it is, and so does white space around a span. Characters that
    draw nothing are dropped inside spans, and Unicode tags shown as the letters they stand for.
    Raises `UsageError` for a span outside the text.
    """
    if any(not 0 <= start <= end <= len(text) for start, end in spans):
        raise UsageError(f"spans refused: they must lie in the text of {len(text)} characters")
    pieces = []
    last = 0
    for start, end in _unmarked(merged(spans), neutralised_spans(text)):
        pieces += [text[last:start], _block(text[start:end])]
        last = end
    return "".join([*pieces, text[last:]])


def is_neutralised(text: str, span: Span) -> bool:
    """Tell whether everything in ``span`` that can be read is marked, so nothing is left to do."""
    return neutralise(text, [span]) == text


def neutralised_spans(text: str) -> list[Span]:
    """Return the spans that are marked throughout, labels included, whoever marked them."""
    return [block.span() for block in _BLOCK.finditer(text) if _marked(block[1]) == block[1]]


def spans_to_mark(text: str, find: Callable[[str], list[Span]]) -> list[Span]:
    """Return what to `neutralise` so that ``find`` finds nothing in what is not marked.

    ``find`` returns the instructing spans of a text. It never sees what is marked already, and sees
    what stands before and after that as neighbours: a document's own mark between the parts of an
    order hides nothing. Once marked, no spans are left to mark. What is still not clean after
    `MAX_PASSES` is marked whole.
    """
    blocks = neutralised_spans(text)
    done, found = blocks, list[Span]()
    for _ in range(MAX_PASSES):
        spans = in_original(find(without(text, done)), done)
        fresh = [_trimmed(text, span) for span in _unmarked(merged(spans), done)]
        found += [(start, end) for start, end in fresh if start < end]
        if not any(start < end for start, end in fresh):
            return merged(found)
        done = merged([*blocks, *found])
    return [(0, len(text))]


def _trimmed(text: str, span: Span) -> Span:
    start, end = span
    inner = text[start:end]
    start += len(inner) - len(inner.lstrip())
    return start, max(start, end - (len(inner) - len(inner.rstrip())))


def _unmarked(spans: Sequence[Span], blocks: Sequence[Span]) -> Iterator[Span]:
    """Yield what of the spans lies outside the blocks; both are sorted and disjoint."""
    index = 0
    for start, end in spans:
        while index < len(blocks) and blocks[index][1] <= start:
            index += 1
        at = index
        while at < len(blocks) and blocks[at][0] < end:
            if start < blocks[at][0]:
                yield start, blocks[at][0]
            start = max(start, blocks[at][1])
            at += 1
        if start < end:
            yield start, end


def _block(text: str) -> str:
    core = text.strip()
    if not core:
        return text
    before, _, after = text.partition(core)
    return f"{before}{OPENING}{_marked(core) or NOTHING}{CLOSING}{after}"


def _marked(text: str) -> str:
    """Return the words of ``text`` joined by marks; marking that again changes nothing."""
    words = _BETWEEN_WORDS.split(_OWN_LABEL.sub(_renamed, _visible(text)))
    return MARK.join(
        word[at : at + LONGEST_RUN] for word in words for at in range(0, len(word), LONGEST_RUN)
    )


def _renamed(label: re.Match[str]) -> str:
    return label[0].replace("-", "_")


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    text = _SELECTORS.sub("", text.translate(_TAGS))
    return "".join(c for c in text if c.isspace() or unicodedata.category(c) not in _INVISIBLE)
