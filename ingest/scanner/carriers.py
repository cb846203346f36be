"""Hidden payloads: text carried by characters that draw nothing.

Read on the RAW text: canonicalising removes these characters, and they are the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...core.verdict import Severity
from ..canonical import unusual

VERSION = "carriers@1"

_CARRIERS = frozenset(
    chr(code)
    for first, last in (
        (0x00AD, 0x00AD),
        (0x034F, 0x034F),
        (0x180E, 0x180E),
        (0x200B, 0x200F),
        (0x202D, 0x202E),
        (0x2060, 0x2064),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xE0000, 0xE01EF),
    )
    for code in range(first, last + 1)
)
_TAGS = re.compile("(\U0001f3f4?)([\U000e0000-\U000e007f]+)")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_ZERO_WIDTH = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u180e]{8,}")
_SPLIT_WORD = re.compile("(?:[A-Za-z][\u200b-\u200f\u2060-\u2064\ufeff\u00ad\u034f]+){3,}[A-Za-z]")
_OVERRIDE = re.compile("[\u202d\u202e][^\u202c\n]{4,}")
_CANCEL_TAG = 0xE007F
_LONGEST_FLAG = 8
"""Tags of a regional flag, with the cancel tag (Unicode UTS 51): gbeng, gbsct, gbwls, usca."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A stretch of invisible characters, and what it says if it says anything."""

    detector: str
    description: str
    severity: Severity
    weight: float
    start: int
    end: int
    text: str = ""


def hidden_payloads(text: str) -> Iterator[Payload]:
    """Yield every stretch of ``text`` (untrusted) that hides something; linear."""
    if not _CARRIERS.intersection(unusual(text)):
        return
    yield from _tag_payloads(text)
    yield from _selector_payloads(text)
    yield from _zero_width_payloads(text)
    yield from _split_words(text)
    yield from _bidi_overrides(text)


def _tag_payloads(text: str) -> Iterator[Payload]:
    for match in _TAGS.finditer(text):
        tags = match[2]
        if match[1] and len(tags) <= _LONGEST_FLAG and ord(tags[-1]) == _CANCEL_TAG:
            continue
        decoded = "".join(chr(ord(c) - 0xE0000) for c in tags if 0xE0020 <= ord(c) < _CANCEL_TAG)
        yield Payload(
            detector="carrier.unicode_tags",
            description="invisible Unicode tag characters spell a text",
            severity=Severity.CRITICAL,
            weight=1.0 if len(decoded) >= 4 else 0.5,
            start=match.start(2),
            end=match.end(2),
            text=decoded,
        )


def _selector_payloads(text: str) -> Iterator[Payload]:
    for match in _SELECTORS.finditer(text):
        codes = (ord(c) for c in match[0])
        data = bytes(c - 0xFE00 if c < 0xE0000 else c - 0xE0100 + 16 for c in codes)
        yield Payload(
            detector="carrier.variation_selectors",
            description="a run of variation selectors carries bytes",
            severity=Severity.CRITICAL,
            weight=1.0,
            start=match.start(),
            end=match.end(),
            text=_printable(data),
        )


def _zero_width_payloads(text: str) -> Iterator[Payload]:
    for match in _ZERO_WIDTH.finditer(text):
        yield Payload(
            detector="carrier.zero_width",
            description="a long run of zero-width characters carries bits",
            severity=Severity.HIGH,
            weight=0.8,
            start=match.start(),
            end=match.end(),
            text=_bits(match[0]),
        )


def _split_words(text: str) -> Iterator[Payload]:
    for match in _SPLIT_WORD.finditer(text):
        soft = match[0].count("\u00ad")
        letters = sum(c.isalpha() for c in match[0])
        # Soft hyphens mark syllables in honest text; between all letters they do not.
        if soft and soft * 2 < letters:
            continue
        yield Payload(
            detector="carrier.split_word",
            description="zero-width characters split the letters of a word",
            severity=Severity.MEDIUM,
            weight=0.5,
            start=match.start(),
            end=match.end(),
        )


def _bidi_overrides(text: str) -> Iterator[Payload]:
    for match in _OVERRIDE.finditer(text):
        yield Payload(
            detector="carrier.bidi_override",
            description="a bidirectional override shows text in another order than it is read",
            severity=Severity.MEDIUM,
            weight=0.5,
            start=match.start(),
            end=match.end(),
            text=match[0][:0:-1],
        )


def _bits(run: str) -> str:
    """Return the text that two zero-width characters spell in bits, either way round, if any."""
    kinds = sorted(set(run), key=run.count, reverse=True)[:2]
    if len(kinds) < 2:
        return ""
    bits = "".join(str(kinds.index(c)) for c in run if c in kinds)
    for flipped in (bits, bits.translate(str.maketrans("01", "10"))):
        data = bytes(int(flipped[i : i + 8], 2) for i in range(0, len(flipped) - 7, 8))
        if text := _printable(data):
            return text
    return ""


def _printable(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() or "\n" in text else ""
