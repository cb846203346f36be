"""Encodings: the order of guesses, and what is no text."""

import codecs

import pytest
from ragbastion.core.errors import LoadError
from ragbastion.ingest.loaders.encoding import decode, decode_utf8

TEXT = "café – naïve"


@pytest.mark.parametrize(
    ("data", "declared", "encoding"),
    [
        (TEXT.encode(), None, "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), None, "utf-8"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), None, "utf-16-le"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), None, "utf-16-be"),
        (codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"), None, "utf-32-le"),
        (TEXT.encode("cp1252"), None, "windows-1252"),
        (TEXT.encode("cp1250", "replace"), "Windows-1250", "windows-1250"),
        (TEXT.encode(), "utf-7", "utf-8"),
        (TEXT.encode(), "unicode_escape", "utf-8"),
        (TEXT.encode(), "no-such-charset", "utf-8"),
        (TEXT.encode("cp1252"), "utf-8", "windows-1252"),
    ],
)
def test_encoding_is_found(data: bytes, declared: str | None, encoding: str) -> None:
    """Mark, declared charset, UTF-8, Windows-1252; dangerous declared charsets are passed over."""
    decoded = decode(data, "a.txt", declared)
    assert decoded.encoding == encoding
    assert decoded.text.startswith("caf")


@pytest.mark.parametrize(
    "data",
    [
        b"ab\x81\x8dcd",
        b"text\x00with a NUL",
        bytes(range(1, 8)) * 10,
        codecs.BOM_UTF16_LE + b"\x00\xd8",
        codecs.BOM_UTF8 + b"\xff",
    ],
    ids=["no code page", "NUL", "controls", "lone surrogate", "broken after its mark"],
)
def test_binary_data_is_refused(data: bytes) -> None:
    """Bytes that are no text in any of them are a clear error."""
    with pytest.raises(LoadError, match=r"^'a\.txt' refused: "):
        decode(data, "a.txt")


def test_strict_utf8_names_the_byte() -> None:
    """Where only UTF-8 is allowed the first bad byte is named."""
    with pytest.raises(LoadError, match="line 2 refused: not valid UTF-8 at byte 3"):
        decode_utf8(b"abc\xe9", "line 2")
