"""Which files a scan reads: those of the named paths, less what globs leave out.

- INVARIANT: a path is told relative to the root, whatever folder was named on the way to it, so
  that baselines and code hosts know a file again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pathspec import GitIgnoreSpec

from ..core.errors import UsageError
from ..ingest.loaders import FoundFile, SkippedPath, find_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A file to scan; ``path`` is relative to the root, with slashes, absolute if outside it."""

    found: FoundFile
    path: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A path that is not read, and why."""

    skipped: SkippedPath
    path: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is to be scanned. ``own`` are files that the command itself reads and writes."""

    paths: Sequence[Path]
    root: Path
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    own: Sequence[Path] = ()

    def __iter__(self) -> Iterator[Target | Refused]:
        """Yield every file once, in the order of the paths, sorted inside a folder."""
        include, exclude = _spec(self.include, "include"), _spec(self.exclude, "exclude")
        root = self.root.resolve()
        seen = {path.resolve() for path in self.own}
        for path in self.paths:
            for item in find_files(path):
                where = _where(item, path)
                told = _told(where, root)
                if (self.include and not include.match_file(told)) or exclude.match_file(told):
                    continue
                if isinstance(item, SkippedPath):
                    yield Refused(skipped=item, path=told, uri=_uri(where, root))
                elif where not in seen:
                    seen.add(where)
                    yield Target(found=item, path=told, uri=_uri(where, root))


def read_globs(paths: Sequence[Path]) -> list[str]:
    """Return the lines of files of globs; raise `UsageError` for one that cannot be read."""
    globs: list[str] = []
    for path in paths:
        try:
            globs += path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(f"--exclude-from '{path}' cannot be read: {why}") from None
    return globs


def _spec(patterns: Sequence[str], option: str) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError as error:
        raise UsageError(f"--{option} refused: {error}") from None


def _where(item: FoundFile | SkippedPath, named: Path) -> Path:
    """Return where an entry lies; its folder resolved, its own name as it is."""
    path = item.path if isinstance(item, FoundFile) else named / item.name
    try:
        return path.parent.resolve() / path.name
    except (OSError, RuntimeError, ValueError):
        return Path(os.path.abspath(path))


def _told(path: Path, root: Path) -> str:
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return inside.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def _uri(path: Path, root: Path) -> str:
    """Return an escaped URI; bytes of a name that are not UTF-8 stay what they are."""
    if not path.is_relative_to(root):
        return "file://" + quote(os.fsencode(path))
    return quote(os.fsencode(path.relative_to(root)))
