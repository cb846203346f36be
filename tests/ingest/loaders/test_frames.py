"""Frames: the parent takes nothing from a child that it has not checked."""

import io
import json

import pytest
from ragbastion.core.errors import LimitError, LoadError
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders.document import HiddenText, LoadFailure, Origin, make_document
from ragbastion.ingest.loaders.frames import (
    FrameError,
    FrameLimitError,
    Json,
    read_frame,
    read_item,
    write_frame,
    write_item,
    write_json,
)

DATA = b"the file"
ORIGIN = Origin(name="a.eml", raw=DATA, media_type="message/rfc822", settings=LoadSettings())
DOCUMENT: dict[str, Json] = {
    "document": "a.eml",
    "text": "t",
    "hidden": [],
    "media_type": "message/rfc822",
    "title": "",
    "metadata": {},
    "own_bytes": False,
}


def answer(message: dict[str, Json]) -> io.BytesIO:
    """Return a stream with one message."""
    stream = io.BytesIO()
    write_json(stream, message)
    stream.seek(0)
    return stream


def test_documents_and_failures_survive_the_way() -> None:
    """What the child wrote is what the parent reads."""
    hidden = (HiddenText(text="x", reason="comment", where="here"),)
    document = make_document(ORIGIN, "text – é", hidden, title="T", metadata={"k": [1, None]})
    failure = LoadFailure(path="a.eml/b", where="w", error=LimitError("too long"))
    stream = io.BytesIO()
    write_item(stream, document, DATA)
    write_item(stream, failure, DATA)
    write_json(stream, {"end": True})
    stream.seek(0)
    assert read_item(stream, ORIGIN, 10_000) == document
    again = read_item(stream, ORIGIN, 10_000)
    assert isinstance(again, LoadFailure)
    assert (again.path, again.where, repr(again.error)) == ("a.eml/b", "w", repr(failure.error))
    assert read_item(stream, ORIGIN, 10_000) is None


def test_surrogates_are_cleaned_and_digest_is_ours() -> None:
    """Text and digest are made again from what arrived."""
    forged = {**DOCUMENT, "text": "a\ud800\x00", "digest": "f" * 64}
    item = read_item(answer(forged), ORIGIN, 10_000)
    assert item is not None
    assert not isinstance(item, LoadFailure)
    assert (item.text, item.raw) == ("a\ufffd\ufffd", DATA)
    assert item.digest != "f" * 64


@pytest.mark.parametrize(
    "change",
    [
        {"document": "other.pdf"},
        {"document": 5},
        {"text": None},
        {"hidden": "x"},
        {"hidden": [["a", "b"]]},
        {"hidden": [["a", "b", 3]]},
        {"metadata": []},
        {"failure": []},
        {"failure": {"path": "other.pdf", "where": "", "kind": "LoadError", "message": ""}},
    ],
)
def test_malformed_answers_are_refused(change: dict[str, Json]) -> None:
    """A field of another type, or a name of another file, ends the exchange."""
    with pytest.raises(FrameError):
        read_item(answer({**DOCUMENT, **change}), ORIGIN, 10_000)


def test_unknown_error_kinds_become_load_errors() -> None:
    """A child cannot name an error class outside its two."""
    failure: dict[str, Json] = {"path": "a.eml", "where": "", "kind": "SystemExit", "message": "m"}
    item = read_item(answer({"failure": failure}), ORIGIN, 10_000)
    assert isinstance(item, LoadFailure)
    assert type(item.error) is LoadError


@pytest.mark.parametrize("payload", [b"", b"\x00\x00", b"\x00\x00\x00\x05ab", b"\x00\x00\x00\x01{"])
def test_cut_frames_are_refused(payload: bytes) -> None:
    """The end of the stream, or what is no JSON, is an error and never a hang."""
    with pytest.raises(FrameError):
        read_item(io.BytesIO(payload), ORIGIN, 10_000)


def test_long_frames_are_refused_before_they_are_read() -> None:
    """A length past the budget allocates nothing."""
    with pytest.raises(FrameLimitError):
        read_frame(io.BytesIO(b"\xff\xff\xff\xff"), 1_000)


def test_deep_json_is_refused() -> None:
    """Nesting in an answer cannot exhaust our stack."""
    stream = io.BytesIO()
    write_frame(stream, b'{"a":' + b"[" * 200_000)
    stream.seek(0)
    with pytest.raises(FrameError, match="not JSON"):
        read_item(stream, ORIGIN, 10_000_000)


def test_frames_are_plain_json() -> None:
    """Nothing in a frame needs unpickling."""
    stream = answer(DOCUMENT)
    assert json.loads(stream.getvalue()[4:]) == DOCUMENT
