r"""Load files, folders and bytes into documents.

>>> from ragbastion.core.settings import LoadSettings
>>> from ragbastion.ingest.loaders import load_bytes
>>> [document] = load_bytes(b"name;port\nAda;6", "berths.csv", LoadSettings())
>>> print(document.text)
name: Ada
port: 6
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...core.errors import InputError
from ...core.settings import LoadSettings
from .dispatch import ISOLATED, check_size, parse
from .document import LoadedDocument, LoadFailure, clean_text
from .files import FoundFile, SkippedPath, find_files, open_regular, unopenable
from .formats import Format, declared_format, detect
from .isolation import POOL
from .json_lines import load_lines

_PEEKED_BYTES = 64


def load_paths(
    paths: Sequence[Path], settings: LoadSettings
) -> Iterator[LoadedDocument | LoadFailure]:
    """Yield the documents of files and folders, in sorted order; a bad file is a `LoadFailure`.

    A document's id is the file's path relative to the folder that was named, or the file's name.
    """
    for path in paths:
        for found in find_files(Path(path)):
            if isinstance(found, SkippedPath):
                yield LoadFailure(path=found.name, where="", error=found.error)
            else:
                yield from load_found(found, settings)


def load_bytes(
    data: bytes, name: str, settings: LoadSettings
) -> Iterator[LoadedDocument | LoadFailure]:
    """Yield the documents of bytes (untrusted) with a file's name; never raises for bad content."""
    name = clean_text(name)
    try:
        format_ = detect(data, name)
        if format_ is not Format.JSON_LINES:
            check_size(len(data), name, settings)
    except InputError as error:
        yield LoadFailure(path=name, where="", error=error)
        return
    if format_ in ISOLATED:
        yield from POOL.load(format_, data, name, settings)
    else:
        yield from parse(format_, data, name, settings)


def load_found(found: FoundFile, settings: LoadSettings) -> Iterator[LoadedDocument | LoadFailure]:
    """Yield the documents of one file that `find_files` found; a bad file is a `LoadFailure`."""
    try:
        with open_regular(found) as stream:
            if _is_json_lines(stream.peek(_PEEKED_BYTES), found.name):
                yield from load_lines(stream, found.name, settings)
                return
            check_size(os.fstat(stream.fileno()).st_size, found.name, settings)
            # One byte more than allowed: a file that grew since fstat is still refused.
            data = stream.read(settings.max_file_bytes + 1)
    except InputError as error:
        yield LoadFailure(path=found.name, where="", error=error)
        return
    except OSError as error:
        yield LoadFailure(path=found.name, where="", error=unopenable(found.name, error))
        return
    yield from load_bytes(data, found.name, settings)


def _is_json_lines(head: bytes, name: str) -> bool:
    """Return whether a file is to be read by lines: named so, and not plainly something else."""
    if declared_format(name) is not Format.JSON_LINES or not head:
        return False
    return not head.startswith((b"%PDF-", b"PK\x03\x04"))
