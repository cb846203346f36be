"""Finds the files under the paths that a caller names, and reads them without being led astray.

- INVARIANT: inside a named folder no symbolic link is followed out of it, and no hidden (dot) entry
  is read.
- INVARIANT: only regular files are opened, so no FIFO or device can block or feed the reader; what
  is opened is checked again on the open file, not by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from ...core.errors import LoadError
from ...core.files import open_regular as open_file


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file to load, and the name that its documents get."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedPath:
    """A path that is not loaded, and why."""

    name: str
    error: LoadError


def find_files(path: Path) -> Iterator[FoundFile | SkippedPath]:
    """Yield the file that ``path`` names, or those under the folder, sorted, recursively.

    A file that is named itself may be a link or a dot file; inside a folder these are held back.
    """
    try:
        if not path.is_dir():
            yield FoundFile(path=path, name=_printable(path.name))
            return
        root = path.resolve()
    except (OSError, ValueError) as error:
        yield SkippedPath(name=_printable(str(path)), error=unopenable(str(path), error))
        return
    yield from _walk(root)


@contextmanager
def open_regular(found: FoundFile) -> Iterator[BufferedReader]:
    """Open a regular file for reading, or raise `LoadError`."""
    try:
        stream = open_file(found.path)
    except (OSError, ValueError) as error:
        raise unopenable(found.name, error) from error
    with stream:
        yield stream


def _walk(root: Path) -> Iterator[FoundFile | SkippedPath]:
    refused: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=refused.append, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files + [name for name in folders if _is_link(folder, name)]):
            if not name.startswith("."):
                found = _inside(Path(folder) / name, root)
                if found is not None:
                    yield found
    for error in refused:
        name = _relative(Path(str(error.filename or root)), root)
        yield SkippedPath(name=name, error=unopenable(name, error))


def _inside(path: Path, root: Path) -> FoundFile | SkippedPath | None:
    """Return the entry, or why not; None for a link to what the walk meets anyway."""
    name = _relative(path, root)
    if not path.is_symlink():
        return FoundFile(path=path, name=name)
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        return SkippedPath(name=name, error=unopenable(name, error))
    if not target.is_relative_to(root):
        return SkippedPath(
            name=name,
            error=LoadError(
                f"'{name}' refused: a link that leaves the folder; name its target to load it"
            ),
        )
    return None


def _is_link(folder: str, name: str) -> bool:
    return os.path.islink(os.path.join(folder, name))


def _relative(path: Path, root: Path) -> str:
    try:
        return _printable(path.relative_to(root).as_posix())
    except ValueError:
        return _printable(path.name)


def _printable(name: str) -> str:
    """Return a file name with bytes that are not UTF-8 (lone surrogates in Python) escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def unopenable(name: str, error: Exception) -> LoadError:
    """Return the error for a path that the operating system does not open."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return LoadError(f"'{_printable(name)}' refused: it cannot be opened ({why})")
