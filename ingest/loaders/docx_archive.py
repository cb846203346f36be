"""Limits on the ZIP container of a DOCX, checked before any of it is parsed.

What the directory declares is checked first, then what the entries really unpack to, in a stream,
since the declared sizes are the author's claim.
"""

from __future__ import annotations

import io
import zipfile
import zlib

from ...core.errors import LimitError, LoadError
from ...core.settings import LoadSettings

_MAX_ENTRIES = 5_000
# Real documents unpack to about 5 to 20 times their size; deflate's bound is 1,032.
_MAX_RATIO = 150
_RATIO_FROM_BYTES = 20_000_000
_STEP_BYTES = 1 << 20


def check_archive(data: bytes, name: str, settings: LoadSettings) -> None:
    """Raise `LimitError` for a ZIP bomb, `LoadError` for a damaged container."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_declared(entries, len(data), name, settings)
            _check_actual(archive, entries, name, settings)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise LoadError(
            f"'{name}' refused: a damaged or encrypted ZIP container; save it again"
        ) from error


def _check_declared(
    entries: list[zipfile.ZipInfo], size: int, name: str, settings: LoadSettings
) -> None:
    if len(entries) > _MAX_ENTRIES:
        raise LimitError(f"'{name}' refused: {len(entries)} entries in its container")
    if len({entry.filename for entry in entries}) < len(entries):
        raise LoadError(f"'{name}' refused: its container holds two entries of one name")
    declared = sum(entry.file_size for entry in entries)
    if declared > settings.max_unpacked_bytes:
        raise _bomb(name, settings)
    if declared > _RATIO_FROM_BYTES and declared > size * _MAX_RATIO:
        raise LimitError(
            f"'{name}' refused: it unpacks to {declared // size} times its size, a ZIP bomb"
        )


def _check_actual(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], name: str, settings: LoadSettings
) -> None:
    total = 0
    for entry in entries:
        with archive.open(entry) as stream:
            while part := stream.read(_STEP_BYTES):
                total += len(part)
                if total > settings.max_unpacked_bytes:
                    raise _bomb(name, settings)


def _bomb(name: str, settings: LoadSettings) -> LimitError:
    return LimitError(
        f"'{name}' refused: it unpacks to more than {settings.max_unpacked_bytes} bytes "
        "(load.max_unpacked_bytes)"
    )
