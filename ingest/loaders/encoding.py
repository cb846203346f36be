"""Bytes to text, in the order: byte order mark, declared charset, strict UTF-8, Windows-1252.

The last step is a guess and is recorded as such by the caller (``metadata["encoding"]``); bytes
that are no text in it either are refused.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from ...core.errors import LoadError

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# What the WHATWG Encoding Standard lets a page declare, less what can smuggle ASCII (utf-7, hz).
_DECLARABLE = re.compile(
    r"(utf-?8|us-?ascii|ascii|iso-?8859-?\d{1,2}|latin-?1|(windows-|cp)125\d|cp866|koi8-[ru]|"
    r"gbk|gb2312|gb18030|big5|euc-jp|shift[_-]jis|sjis|euc-kr|iso-2022-jp)\Z",
    re.IGNORECASE,
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Text with the name of the encoding that gave it."""

    text: str
    encoding: str


def decode(data: bytes, name: str, declared: str | None = None) -> Decoded:
    r"""Decode ``data``, or raise `LoadError` if it is no text.

    >>> decode(b"caf\xe9", "menu.txt")
    Decoded(text='café', encoding='windows-1252')
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], encoding, name)
    if declared and _DECLARABLE.match(declared.strip()):
        decoded = _attempt(data, declared.strip().lower())
        if decoded is not None:
            return _textual(decoded, name)
    for encoding, label in (("utf-8", "utf-8"), ("cp1252", "windows-1252")):
        decoded = _attempt(data, encoding)
        if decoded is not None:
            return _textual(Decoded(text=decoded.text, encoding=label), name)
    raise LoadError(
        f"'{name}' refused: its bytes are text in neither UTF-8 nor Windows-1252; save it as UTF-8"
    )


def decode_utf8(data: bytes, what: str) -> str:
    """Decode strict UTF-8, with or without a byte order mark, or raise `LoadError` on ``what``."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LoadError(
            f"{what} refused: not valid UTF-8 at byte {error.start}; save it as UTF-8"
        ) from None


def _strict(data: bytes, encoding: str, name: str) -> Decoded:
    try:
        return _textual(Decoded(text=data.decode(encoding), encoding=encoding), name)
    except UnicodeDecodeError as error:
        raise LoadError(
            f"'{name}' refused: its byte order mark says {encoding}, and byte {error.start} is not"
        ) from None


def _attempt(data: bytes, encoding: str) -> Decoded | None:
    try:
        return Decoded(text=data.decode(encoding), encoding=encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _textual(decoded: Decoded, name: str) -> Decoded:
    """Refuse what decodes but is not text: a NUL, or more than a few control characters."""
    controls = len(_CONTROLS.findall(decoded.text))
    if "\x00" in decoded.text or controls > 8 + len(decoded.text) // 100:
        raise LoadError(f"'{name}' refused: it holds binary data, not text")
    return decoded
