"""Files and folders that a kill, or a loss of power, leaves as they were or as they should be."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

from ..core.errors import StoreError, StoreFullError

_BLOCK_BYTES = 512
"""The unit of ``st_blocks``, whatever the file system's own (POSIX <sys/stat.h>)."""
_COPY_BYTES = 2**20


def write_json(path: Path, value: object) -> None:
    """Write ``value`` so that the file holds the old content or the new one, never a part."""
    staged = path.with_name(f".{path.name}.new")
    with staged.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
    sync_folder(path.parent)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object in the file, or None if there is no file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise os_error(error, path) from error
    except (ValueError, RecursionError) as error:
        raise damaged(path) from error
    if not isinstance(value, dict):
        raise damaged(path)
    return value


def sync_folder(folder: Path) -> None:
    """Make renames in the folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(root: Path) -> None:
    """Make every file and folder under ``root`` survive a loss of power."""
    for folder, _, names in os.walk(root):
        for name in names:
            with (Path(folder) / name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(folder))


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder and leave its holes out: of 136 MB of a new shard 0.3 MB are written."""
    for folder, _, names in os.walk(source):
        inside = target / Path(folder).relative_to(source)
        inside.mkdir(mode=0o700)
        for name in names:
            _copy_file(Path(folder) / name, inside / name)


def allocated_bytes(root: Path) -> int:
    """Return what the files under ``root`` take on the disk; holes in them take nothing."""
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                total += os.lstat(Path(folder) / name).st_blocks
            except FileNotFoundError:  # the engine removes files of its log as it goes
                continue
    return total * _BLOCK_BYTES


def remove_tree(root: Path) -> None:
    """Remove a folder and everything in it, if it exists; raise `StoreError` if that fails."""
    try:
        shutil.rmtree(root)
    except FileNotFoundError:
        return
    except OSError as error:
        raise os_error(error, root) from error


def os_error(error: OSError, path: Path) -> StoreError:
    """Translate an operating system error into one that says what to do."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return StoreFullError(
            f"store '{path}' was not written: no space is left; free some and run again"
        )
    return StoreError(f"store '{path}' cannot be used: {error.strerror or error}")


def damaged(path: Path) -> StoreError:
    """Return the error for a record that cannot be read."""
    return StoreError(f"file '{path}' is damaged: restore it from a backup, or ingest again")


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        size = os.fstat(reader.fileno()).st_size
        writer.truncate(size)
        position = 0
        while position < size:
            try:
                position = os.lseek(reader.fileno(), position, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # only a hole is left
                    break
                raise
            end = os.lseek(reader.fileno(), position, os.SEEK_HOLE)
            position = _copy_range(reader.fileno(), writer.fileno(), position, end)


def _copy_range(reader: int, writer: int, start: int, end: int) -> int:
    while start < end:
        data = os.pread(reader, min(_COPY_BYTES, end - start), start)
        if not data:
            return end
        start += os.pwrite(writer, data, start)
    return end
