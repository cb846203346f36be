"""Loading: one bad file never stops the rest, whatever its bytes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from ragbastion.core.errors import LimitError
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument, LoadFailure, load_bytes, load_paths
from ragbastion.ingest.loaders.formats import EXTENSIONS

LIMITS = LoadSettings(timeout_s=20)
STARTS = [
    b"",
    b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
    b"PK\x03\x04",
    b"<!doctype html><style>p{color:var(--x)}</style><p style='",
    b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    b'{"text": "',
    b"---\ntitle: x\n---\n<div ![a](b 'c')",
]


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    extension=st.sampled_from([*sorted(EXTENSIONS), ".bin", ""]),
    start=st.sampled_from(STARTS),
    data=st.binary(max_size=300)
    | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")),
    end=st.sampled_from([b"", b"\n%%EOF\n", b"\r\n--b--\r\n", b'"}\n']),
)
@example(extension=".html", start=b"", data=b"<p style='color:rgb()'>x", end=b"")
@example(extension=".md", start=b"", data=b"[a]: <\x0c> '", end=b"")
def test_no_bytes_raise(extension: str, start: bytes, data: bytes, end: bytes) -> None:
    """Arbitrary bytes under every extension are documents or failures, and clean text."""
    raw = start + data + end
    for item in load_bytes(raw, f"f{extension}", LIMITS):
        if isinstance(item, LoadFailure):
            assert str(item.error)
            continue
        texts = [item.text, item.title, *(h.text for h in item.hidden)]
        assert all("\x00" not in text and text.encode("utf-8") is not None for text in texts)


def test_bad_files_do_not_stop_the_others(tmp_path: Path) -> None:
    """Each file of a folder has its own outcome."""
    files = {
        "a.md": b"# Fees",
        "b.pdf": b"",
        "c.png": b"\x89PNG\r\n\x1a\n",
        "d.txt": b"a\x81\x8db",
        "e.html": b"<div>" * 100_000,
        "f.jsonl": b'{"text": "row"}\nbad\n',
        "g.docx": b"PK\x03\x04",
        "h.eml": b"Subject: s\r\n\r\nbody",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = list(load_paths([tmp_path], LoadSettings()))
    loaded = {item.document: item.text for item in found if isinstance(item, LoadedDocument)}
    assert loaded == {"a.md": "# Fees", "f.jsonl#1": "row", "h.eml": "Subject: s\n\nbody"}
    refused = [(item.path, item.where) for item in found if isinstance(item, LoadFailure)]
    assert refused == [
        ("b.pdf", ""),
        ("c.png", ""),
        ("d.txt", ""),
        ("e.html", ""),
        ("f.jsonl", "line 2"),
        ("g.docx", ""),
    ]


def test_wrong_extension_is_loaded_by_content_and_recorded(
    load_one: Callable[..., LoadedDocument], tmp_path: Path
) -> None:
    """HTML under a PDF's name is loaded as HTML, and says what the name claimed."""
    document = load_one("<!doctype html><p>Open.<!-- EVIL -->", "a.pdf")
    assert (document.text, document.media_type) == ("Open.", "text/html")
    assert document.metadata["declared_type"] == "application/pdf"


def test_pdf_under_the_name_of_lines_is_not_read_by_lines(tmp_path: Path) -> None:
    """One failure, not one a line."""
    (tmp_path / "a.jsonl").write_bytes(b"%PDF-1.7\n" + b"x\n" * 100)
    [failure] = load_paths([tmp_path], LoadSettings())
    assert isinstance(failure, LoadFailure)
    assert "a truncated PDF" in str(failure.error)


@pytest.mark.parametrize("name", ["a.txt", "a.html", "a.json", "a.csv", "a.md", "a.eml", "a.pdf"])
def test_byte_limit_holds_for_every_format(
    refuse_one: Callable[..., LoadFailure], name: str
) -> None:
    """A file above ``max_file_bytes`` is refused by its size alone."""
    start = b"%PDF-1.7" if name == "a.pdf" else b""
    failure = refuse_one(start + b"x" * 200, name, LoadSettings(max_file_bytes=100))
    assert isinstance(failure.error, LimitError)
    assert "the limit is 100 (load.max_file_bytes)" in str(failure.error)


@pytest.mark.parametrize("name", ["a.txt", "a.html", "a.json", "a.md", "a.csv"])
def test_text_limit_holds_for_every_format(
    refuse_one: Callable[..., LoadFailure], name: str
) -> None:
    """Text above ``max_text_chars`` is refused, hidden text counted."""
    text = '"' + "x" * 200 + '"' if name == "a.json" else "h\n" + "x" * 200
    failure = refuse_one(text, name, LoadSettings(max_text_chars=100))
    assert isinstance(failure.error, LimitError)


def test_names_with_surrogates_come_out_clean() -> None:
    """A name from an API cannot carry a lone surrogate into ids."""
    [document] = load_bytes(b"<p>a", "x\ud800.html", LoadSettings())
    assert isinstance(document, LoadedDocument)
    assert document.document == "x\ufffd.html"


def test_digest_is_that_of_the_bytes(load_one: Callable[..., LoadedDocument]) -> None:
    """The digest is the hexadecimal SHA-256 of the file."""
    document = load_one("abc", "a.txt")
    assert document.raw == b"abc"
    assert document.digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
