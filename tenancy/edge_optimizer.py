"""Optimising shards in the background: a child process rewrites a copy, which then takes over.

What the engine's ``optimize`` does here is to vacuum: it writes a new segment without the deleted
points and drops the old one; no index is built, search stays exact. It holds the interpreter's lock
until it is done, and a full disk kills the process that runs it: both fall on the child alone.

- INVARIANT: the copy replaces the shard only if nothing was written to it since it was copied.
- One child at a time, on one core, at low priority, for at most ``_TIMEOUT_S``; a shard is taken up
  when it was not written to for ``_QUIET_S``, and given up after ``_ATTEMPTS`` copies out of date.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from ..core.errors import RagbastionError, StoreError
from .edge_folders import replace_shard, staging_in
from .edge_vacuum import EXIT_NOTHING
from .open_shards import OpenShards
from .store_files import allocated_bytes, copy_tree, remove_tree

_LOGGER = logging.getLogger("ragbastion.tenancy")
# A fifth of a shard deleted, and at least this many points: a vacuum of 20,000 points took 0.2 s.
_VACUUM_FRACTION = 0.2
_VACUUM_POINTS = 1000
_QUIET_S = 0.5
_TIMEOUT_S = 600.0
_ATTEMPTS = 3
_COPIES = 2
"""The copy and the segment that the child writes."""


class _Outcome(Enum):
    REWRITTEN = auto()
    NOTHING_TO_DO = auto()
    OUTDATED = auto()
    """Something was written to the shard, or takes its place, while its copy was worked on."""


@dataclass(slots=True)
class _Due:
    dimension: int
    deleted: int = 0
    attempts: int = 0
    quiet_at: float | None = None
    """When it may be taken up, monotonic; None while too little is deleted."""


class ShardOptimizer:
    """Rewrites shards whose deleted points are worth it; ``require_space`` raises if none is."""

    def __init__(
        self,
        shards: OpenShards,
        require_space: Callable[[int], None],
        *,
        in_background: bool,
    ) -> None:
        self._shards = shards
        self._require_space = require_space
        self._in_background = in_background
        self._changed = threading.Condition()
        self._due: dict[Path, _Due] = {}
        self._current: Path | None = None
        self._outdated = False
        self._child: subprocess.Popen[bytes] | None = None
        self._held: set[Path] = set()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def wrote(self, folder: Path) -> None:
        """Note a write, before it is made and while no other writer of the shard runs."""
        with self._changed:
            if folder == self._current:
                self._outdated = True
                self._kill()

    def deleted(self, folder: Path, dimension: int, points: int, left: int) -> None:
        """Note that ``points`` were deleted and how many are left."""
        if not self._in_background or not points:
            return
        with self._changed:
            due = self._due.setdefault(folder, _Due(dimension))
            due.deleted += points
            due.attempts = 0
            if due.deleted > max(_VACUUM_POINTS, _VACUUM_FRACTION * (left + due.deleted)):
                due.quiet_at = time.monotonic() + _QUIET_S
                self._start()

    def optimize(self, folder: Path, dimension: int) -> bool:
        """Optimise now, in the caller's time; tell if the shard was rewritten."""
        for _ in range(_ATTEMPTS):
            outcome = self._once(folder, dimension)
            if outcome is not _Outcome.OUTDATED:
                return outcome is _Outcome.REWRITTEN
        return False

    @contextmanager
    def holding_off(self, folder: Path) -> Iterator[None]:
        """Give up work on a shard, and begin none until the block ends."""
        with self._changed:
            self._changed.wait_for(lambda: folder not in self._held)
            self._due.pop(folder, None)
            self._held.add(folder)
            if folder == self._current:
                self._kill()
            self._changed.wait_for(lambda: folder != self._current)
        try:
            yield
        finally:
            with self._changed:
                self._held.discard(folder)
                self._changed.notify_all()

    def stop(self) -> None:
        """Kill the child, drop its copy and end the thread; nothing begins after it."""
        with self._changed:
            self._stopped = True
            self._kill()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._current is None)
            thread = self._thread
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        if self._thread is None and not self._stopped:
            self._thread = threading.Thread(target=self._run, name="edge-optimizer", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        while (taken := self._next()) is not None:
            folder, due = taken
            try:
                outcome = self._once(folder, due.dimension)
            except (RagbastionError, OSError) as error:
                # It costs space and no data; the next delete of the tenant tries again.
                _LOGGER.warning("shard '%s' was not optimised: %s", folder, error)
                continue
            with self._changed:
                again = outcome is _Outcome.OUTDATED and due.attempts + 1 < _ATTEMPTS
                if again and folder not in self._due:
                    due.attempts += 1
                    due.quiet_at = time.monotonic() + _QUIET_S * 2**due.attempts
                    self._due[folder] = due

    def _next(self) -> tuple[Path, _Due] | None:
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                waits = {f: due.quiet_at - now for f, due in self._due.items() if due.quiet_at}
                if waits and min(waits.values()) <= 0:
                    folder = min(waits, key=lambda each: waits[each])
                    return folder, self._due.pop(folder)
                self._changed.wait(min(waits.values(), default=None))
            return None

    def _once(self, folder: Path, dimension: int) -> _Outcome:
        """Copy the shard, have the copy optimised and put it in place."""
        with self._changed:
            self._changed.wait_for(lambda: self._current is None or self._stopped)
            if self._stopped or folder in self._held:
                return _Outcome.OUTDATED
            self._current, self._outdated = folder, False
        copy = staging_in(folder)
        try:
            if not self._copied(folder, copy):
                return _Outcome.NOTHING_TO_DO
            code = self._child_code(copy, dimension)
            return self._settled(folder, copy, code)
        finally:
            with suppress(StoreError):  # the next opening removes it
                remove_tree(copy)
            with self._changed:
                self._current = None
                self._changed.notify_all()

    def _copied(self, folder: Path, copy: Path) -> bool:
        with self._shards.writing(folder) as shard:
            if shard is None:
                return False
            self._require_space(_COPIES * allocated_bytes(shard.folder))
            copy_tree(shard.folder, copy)
            with self._changed:
                self._outdated = False
            return True

    def _child_code(self, copy: Path, dimension: int) -> int:
        # -P: a module of that name in the working directory is not ours.
        command = [sys.executable, "-P", "-m", f"{__package__}.edge_vacuum"]
        with self._changed:
            if self._dropped():
                return EXIT_NOTHING
            quiet = subprocess.DEVNULL
            self._child = subprocess.Popen(
                [*command, str(copy), str(dimension), str(os.getpid())],
                stdin=quiet,
                stdout=quiet,
                stderr=quiet,
            )
        try:
            return self._child.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()
        finally:
            with self._changed:
                self._child = None

    def _settled(self, folder: Path, copy: Path, code: int) -> _Outcome:
        with self._changed:
            if self._dropped():
                return _Outcome.OUTDATED
        if code == EXIT_NOTHING:
            return _Outcome.NOTHING_TO_DO
        if code:
            raise StoreError(f"the child that optimises it failed with exit code {code}")
        with self._shards.exclusive(folder):
            with self._changed:
                if self._dropped():
                    return _Outcome.OUTDATED
            replace_shard(folder, copy)
            return _Outcome.REWRITTEN

    def _dropped(self) -> bool:
        return self._outdated or self._stopped or self._current in self._held

    def _kill(self) -> None:
        if self._child is not None:
            self._child.kill()
