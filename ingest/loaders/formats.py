"""The formats that can be loaded, and how the content of a file is checked against its name.

A file is loaded as what its bytes say. Where the name says otherwise and the bytes are certain (a
PDF named ``.txt``), the true type is loaded and ``metadata["declared_type"]`` records the name's
claim; where the name claims a format that the bytes cannot be, the file is refused.
"""

from __future__ import annotations

import io
import re
import zipfile
from enum import StrEnum
from pathlib import PurePosixPath

from ...core.errors import LoadError


class Format(StrEnum):
    """A format with a loader, by its media type."""

    TEXT = "text/plain"
    MARKDOWN = "text/markdown"
    HTML = "text/html"
    CSV = "text/csv"
    JSON = "application/json"
    JSON_LINES = "application/jsonl"
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    EMAIL = "message/rfc822"


EXTENSIONS = {
    ".txt": Format.TEXT,
    ".text": Format.TEXT,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".json": Format.JSON,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".pdf": Format.PDF,
    ".docx": Format.DOCX,
    ".eml": Format.EMAIL,
}
SUPPORTED = "Markdown, text, HTML, PDF, DOCX, e-mail (.eml), CSV, JSON and JSON Lines"

# First bytes of common files without a loader, so that the refusal can name them.
_FOREIGN = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or encrypted Office file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "an MP3 file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"{\\rtf", "a rich text (RTF) file"),
    (b"%!PS", "a PostScript file"),
)
_HTML_START = re.compile(
    rb"\s*(?:<!--.{0,2000}?-->\s*){0,3}<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_MAIL_START = re.compile(
    rb"(?:(?:from|to|subject|date|received|return-path|delivered-to|message-id|mime-version|"
    rb"content-type|x-[a-z0-9-]+):[^\n]*\r?\n(?:[ \t][^\n]*\r?\n)*){2,}",
    re.IGNORECASE,
)
_SNIFFED_BYTES = 4096
_PDF_HEADER_WITHIN = 1024  # ISO 32000-1 annex H.3.4.1: readers accept the header this far in


def declared_format(name: str) -> Format | None:
    """Return the format that the extension of ``name`` claims, or None."""
    return EXTENSIONS.get(PurePosixPath(name.replace("\\", "/")).suffix.lower())


def detect(data: bytes, name: str) -> Format:
    """Return the format of ``data``, or raise `LoadError` if it has no loader.

    >>> detect(b"%PDF-1.7 ...", "notes.txt").name
    'PDF'
    """
    if not data:
        raise LoadError(f"'{name}' refused: the file is empty")
    claimed = declared_format(name)
    certain = _certain(data, name)
    if certain is not None:
        return certain
    head = data[:_SNIFFED_BYTES]
    if claimed is Format.PDF or claimed is Format.DOCX:
        return _true_type_of(claimed, data, name)
    if claimed is not None:
        return claimed
    if _HTML_START.match(head):
        return Format.HTML
    if _MAIL_START.match(head):
        return Format.EMAIL
    if b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LoadError(f"'{name}' refused: a binary file; supported are {SUPPORTED}")
    return Format.TEXT


def _certain(data: bytes, name: str) -> Format | None:
    """Return the format that the first bytes prove; refuse a proven format without a loader."""
    if data.startswith(b"%PDF-"):
        return Format.PDF
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _archive(data, name)
    for magic, what in _FOREIGN:
        if data.startswith(magic):
            raise LoadError(f"'{name}' refused: {what}; supported are {SUPPORTED}")
    if data.startswith(b"RIFF") and data[8:12] in {b"WEBP", b"WAVE", b"AVI "}:
        raise LoadError(f"'{name}' refused: an image, sound or film; supported are {SUPPORTED}")
    return None


def _archive(data: bytes, name: str) -> Format:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise LoadError(
            f"'{name}' refused: a damaged or truncated ZIP container ({error}); save it again"
        ) from error
    if "[Content_Types].xml" in names and any(entry.startswith("word/") for entry in names):
        return Format.DOCX
    raise LoadError(f"'{name}' refused: a ZIP archive that is no DOCX; supported are {SUPPORTED}")


def _true_type_of(claimed: Format, data: bytes, name: str) -> Format:
    """Return what a file that claims a binary format, without its first bytes, is instead."""
    if claimed is Format.PDF and b"%PDF-" in data[:_PDF_HEADER_WITHIN]:
        return Format.PDF
    if _HTML_START.match(data[:_SNIFFED_BYTES]):
        return Format.HTML
    raise LoadError(
        f"'{name}' refused: the name says {claimed.name}, the content is not; "
        "give it its true extension"
    )
