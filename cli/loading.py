"""Loads files for a scan: what is text, but not of the form that its name claims, is read as text.

Ingestion refuses such files. A scan must not: repositories hold JSON with comments and JSON Lines
that are no documents, and what is not read is not scanned.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.errors import InputError, LoadError
from ..core.settings import LoadSettings
from ..ingest.loaders import LoadedDocument, LoadFailure, load_found, plain_text
from ..ingest.loaders.formats import Format, declared_format
from .selection import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAsText:
    """Why a file was read as text and not as its name claims."""

    why: str


def load_target(
    target: Target, settings: LoadSettings
) -> Iterator[LoadedDocument | LoadFailure | ReadAsText]:
    """Yield the documents and failures of a file, and a note where it is read as text."""
    claimed = declared_format(target.found.name)
    if claimed is Format.JSON_LINES and _holds_other_rows(target, settings):
        failure = LoadFailure(
            path=target.found.name,
            where="",
            error=LoadError(f"'{target.found.name}': its rows have no field 'text'"),
        )
        yield from _as_text(target, failure, settings)
        return
    for loaded in load_found(target.found, settings):
        is_broken = isinstance(loaded, LoadFailure) and type(loaded.error) is LoadError
        if is_broken and claimed in (Format.JSON, Format.CSV):
            assert isinstance(loaded, LoadFailure)  # noqa: S101 - the line above
            yield from _as_text(target, loaded, settings)
        else:
            yield loaded


def _as_text(
    target: Target, failure: LoadFailure, settings: LoadSettings
) -> Iterator[LoadedDocument | LoadFailure | ReadAsText]:
    """Yield the file as one text, or the failure if it is none, or too long."""
    try:
        with target.found.path.open("rb") as stream:
            data = stream.read(settings.max_file_bytes + 1)
        if len(data) > settings.max_file_bytes:
            yield failure
            return
        documents = list(plain_text.load(data, target.found.name, settings))
    except (InputError, OSError):
        yield failure
        return
    yield ReadAsText(why=str(failure.error))
    yield from documents


def _holds_other_rows(target: Target, settings: LoadSettings) -> bool:
    """Return whether the first row is JSON, but no document: another use of the format."""
    try:
        if not target.found.path.is_file():
            return False
        with target.found.path.open("rb") as stream:
            while (line := stream.readline(settings.max_line_bytes + 2)) and not line.strip():
                pass
        row = json.loads(line)
    except (OSError, ValueError, RecursionError):
        return False
    return not isinstance(row, dict) or "text" not in row
