"""The plain text loader: everything in the file is visible."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.settings import LoadSettings
from .document import LoadedDocument, Origin, make_document
from .encoding import decode
from .formats import Format


def load(data: bytes, name: str, settings: LoadSettings) -> Iterator[LoadedDocument]:
    """Yield the decoded text; raises `LoadError` if the bytes are no text."""
    decoded = decode(data, name)
    origin = Origin(name=name, raw=data, media_type=Format.TEXT, settings=settings)
    yield make_document(origin, decoded.text, metadata={"encoding": decoded.encoding})
