"""One file of arrays, written whole or not at all, that tells when it was damaged.

A line with the format and its version, a line with the SHA-256 of the rest, then an ``npz`` archive
without pickles. Owner-only.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.files import open_regular

Arrays = dict[str, NDArray[Any]]

_FORMAT = b"ragbastion-baseline 1\n"
MAX_FILE_BYTES = 128_000_000
"""No baseline is larger; a file that is was not written here."""


class DamagedStateError(Exception):
    """Internal: the file is not one that was written here whole; says why."""


def read_state(path: Path) -> Arrays | None:
    """Return the file's arrays, None if there is no file; raise `DamagedStateError`."""
    try:
        with open_regular(path) as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedStateError(f"it cannot be read ({error.strerror})") from error
    return _unpacked(data)


def _unpacked(data: bytes) -> Arrays:
    if len(data) > MAX_FILE_BYTES:
        raise DamagedStateError("it is too large")
    if not data.startswith(_FORMAT):
        raise DamagedStateError("it has another format or version")
    digest, _, body = data[len(_FORMAT) :].partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise DamagedStateError("its checksum is wrong")
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DamagedStateError("its arrays cannot be read") from error


def write_state(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Replace the file; a kill at any point leaves the old one or the new one."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(arrays))
    body = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".baseline-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_FORMAT + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
