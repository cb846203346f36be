"""Formats: content decides, the name is checked against it."""

import io
import zipfile

import pytest
from ragbastion.core.errors import LoadError
from ragbastion.ingest.loaders.formats import Format, detect


def archive(*names: str) -> bytes:
    """Return a ZIP container with empty entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as container:
        for name in names:
            container.writestr(name, b"")
    return out.getvalue()


DOCX = archive("[Content_Types].xml", "word/document.xml")


@pytest.mark.parametrize(
    ("data", "name", "format_"),
    [
        (b"# a", "a.md", Format.MARKDOWN),
        (b"a", "a.TXT", Format.TEXT),
        (b"a", "dir/a.Html", Format.HTML),
        (b"a\tb", "a.tsv", Format.CSV),
        (b"{}", "a.ndjson", Format.JSON_LINES),
        (b"%PDF-1.7", "a.pdf", Format.PDF),
        (b"\n\n%PDF-1.7", "a.pdf", Format.PDF),
        (b"%PDF-1.7", "a.txt", Format.PDF),
        (DOCX, "a.docx", Format.DOCX),
        (DOCX, "a.pdf", Format.DOCX),
        (DOCX, "no-extension", Format.DOCX),
        (b"<!DOCTYPE html><p>a", "a.pdf", Format.HTML),
        (b"<!-- x --><html>", "page", Format.HTML),
        (b"From: a\r\nSubject: b\r\n\r\nc", "message", Format.EMAIL),
        (b"plain words", "README", Format.TEXT),
        (b"key: value", "a.yaml", Format.TEXT),
        ("\ufeffwords".encode("utf-16-le"), "notes", Format.TEXT),
    ],
)
def test_format_is_that_of_the_content(data: bytes, name: str, format_: Format) -> None:
    """Certain content wins over the name; otherwise the name decides."""
    assert detect(data, name) is format_


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "a.txt", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n", "a.png", "a PNG image; supported are Markdown"),
        (b"\x89PNG\r\n\x1a\n", "a.txt", "a PNG image"),
        (b"\xff\xd8\xff\xe0", "a.jpg", "a JPEG image"),
        (b"RIFF\x00\x00\x00\x00WEBP", "a.webp", "an image, sound or film"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc", "an old or encrypted Office file"),
        (archive("xl/workbook.xml"), "a.xlsx", "a ZIP archive that is no DOCX"),
        (b"PK\x03\x04 cut", "a.docx", "a damaged or truncated ZIP container"),
        (b"words", "a.pdf", "the name says PDF, the content is not"),
        (b"words", "a.docx", "the name says DOCX, the content is not"),
        (b"\x01\x02\x00\x03", "a.bin", "a binary file; supported are Markdown"),
    ],
)
def test_what_has_no_loader_is_refused(data: bytes, name: str, message: str) -> None:
    """The refusal names the file and what it is."""
    with pytest.raises(LoadError) as caught:
        detect(data, name)
    assert str(caught.value).startswith(f"'{name}' refused: ")
    assert message in str(caught.value)
