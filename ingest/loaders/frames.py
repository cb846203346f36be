"""The messages between the process that loads and the child that parses.

A frame is a 4-byte big-endian length and that many bytes. A request is a JSON frame (format, name,
limits) and a frame of the file's bytes. A response is JSON frames, each for one document (followed
by a frame of its bytes when they are not the file's) or one failure, then ``{"end": true}``.

The parent trusts nothing that the child says, since the child runs parsers over hostile bytes:
only JSON is read, every field is checked, lengths are bounded before they are allocated, and the
digest is computed again from the bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import IO

from ...core.errors import InputError, LimitError, LoadError
from .document import HiddenText, Json, LoadedDocument, LoadFailure, Origin, make_document

_LENGTH = struct.Struct(">I")
_ERRORS: dict[str, type[InputError]] = {"LoadError": LoadError, "LimitError": LimitError}
_MAX_MESSAGE_CHARS = 600


class FrameError(Exception):
    """The other side closed the pipe, or sent what is no message."""


class FrameLimitError(FrameError):
    """The other side sent more than was agreed."""


def write_frame(stream: IO[bytes], payload: bytes) -> None:
    """Write one frame; the caller flushes."""
    stream.write(_LENGTH.pack(len(payload)))
    stream.write(payload)


def read_frame(stream: IO[bytes], max_bytes: int) -> bytes:
    """Read one frame, or raise `FrameError` at the end of the stream or past ``max_bytes``."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise FrameError("closed")
    (length,) = _LENGTH.unpack(header)
    if length > max_bytes:
        raise FrameLimitError("too long")
    payload = stream.read(length)
    if len(payload) < length:
        raise FrameError("cut short")
    return payload


def write_json(stream: IO[bytes], message: Mapping[str, Json]) -> None:
    """Write one JSON object as a frame."""
    write_frame(stream, json.dumps(message, ensure_ascii=True).encode("ascii"))


def read_json(stream: IO[bytes], max_bytes: int) -> dict[str, Json]:
    """Read a frame that is a JSON object, or raise `FrameError`."""
    try:
        message = json.loads(read_frame(stream, max_bytes))
    except (ValueError, RecursionError) as error:
        raise FrameError("not JSON") from error
    if not isinstance(message, dict):
        raise FrameError("not an object")
    return message


def write_item(stream: IO[bytes], item: LoadedDocument | LoadFailure, data: bytes) -> None:
    """Write one document or failure; ``data`` is the file's bytes, which are not sent back."""
    if isinstance(item, LoadFailure):
        write_json(stream, {"failure": failure_message(item)})
        return
    own_bytes = item.raw is not data
    write_json(
        stream,
        {
            "document": item.document,
            "text": item.text,
            "hidden": [[h.text, h.reason, h.where] for h in item.hidden],
            "media_type": item.media_type,
            "title": item.title,
            "metadata": dict(item.metadata),
            "own_bytes": own_bytes,
        },
    )
    if own_bytes:
        write_frame(stream, item.raw)


def failure_message(failure: LoadFailure) -> dict[str, Json]:
    """Return the JSON form of a failure."""
    kind = type(failure.error).__name__
    return {
        "path": failure.path,
        "where": failure.where,
        "kind": kind if kind in _ERRORS else "LoadError",
        "message": str(failure.error)[:_MAX_MESSAGE_CHARS],
    }


def read_item(
    stream: IO[bytes], origin: Origin, max_bytes: int
) -> LoadedDocument | LoadFailure | None:
    """Read one item of the response, or None at its end; raises `FrameError` and `LimitError`."""
    message = read_json(stream, max_bytes)
    if message.get("end") is True:
        return None
    if "failure" in message:
        return _failure(_mapping(message["failure"]), origin)
    raw = read_frame(stream, max_bytes) if message.get("own_bytes") is True else origin.raw
    name = _string(message, "document")
    if not name.startswith(origin.name):
        raise FrameError("a document of another file")
    return make_document(
        replace(origin, name=name, raw=raw, media_type=_string(message, "media_type")),
        _string(message, "text"),
        _hidden(message.get("hidden")),
        title=_string(message, "title"),
        metadata=_mapping(message.get("metadata")),
    )


def _failure(message: dict[str, Json], origin: Origin) -> LoadFailure:
    path = _string(message, "path")
    if not path.startswith(origin.name):
        raise FrameError("a failure of another file")
    error = _ERRORS.get(_string(message, "kind"), LoadError)
    text = _string(message, "message")[:_MAX_MESSAGE_CHARS]
    return LoadFailure(path=path, where=_string(message, "where"), error=error(text))


def _hidden(items: Json) -> list[HiddenText]:
    if not isinstance(items, list):
        raise FrameError("no list of hidden text")
    found = []
    for item in items:
        match item:
            case [str(text), str(reason), str(where)]:
                found.append(HiddenText(text=text, reason=reason, where=where))
            case _:
                raise FrameError("no hidden text")
    return found


def _string(message: dict[str, Json], field: str) -> str:
    value = message.get(field)
    if not isinstance(value, str):
        raise FrameError(f"no string '{field}'")
    return value


def _mapping(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise FrameError("no object")
    return value
