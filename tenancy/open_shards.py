"""The shards of an embedded store that are open: opened on use, closed least recently used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import StoreError
from .edge_folders import discard, shard_folder
from .edge_shard import EdgeShard


@dataclass(slots=True)
class _Open:
    shard: EdgeShard
    size: int
    users: int = 0
    writing: threading.Lock = field(default_factory=threading.Lock)


class _Use:
    """One use of a shard; a class, since a generator would take each query longer."""

    __slots__ = ("_entry", "_folder", "_shards")

    def __init__(self, shards: OpenShards, folder: Path) -> None:
        self._shards = shards
        self._folder = folder
        self._entry: _Open | None = None

    def __enter__(self) -> EdgeShard | None:
        self._entry = self._shards._enter(self._folder)
        return self._entry.shard if self._entry else None

    def __exit__(self, *_: object) -> None:
        if self._entry:
            self._shards._leave(self._entry)


class OpenShards:
    """Keeps at most ``max_shards`` open that take at most ``max_bytes`` by their own estimate.

    Both bounds are passed only by what is in use at that moment.

    - INVARIANT: a shard is closed, replaced or discarded only while nobody uses it.
    - INVARIANT: of one tenant's folder at most one shard object is open.
    """

    def __init__(self, max_shards: int, max_bytes: int) -> None:
        self._max_shards = max_shards
        self._max_bytes = max_bytes
        self._open: OrderedDict[Path, _Open] = OrderedDict()
        self._size = 0
        self._alone: set[Path] = set()
        self._closed = False
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)

    @property
    def count(self) -> int:
        """How many shards are open."""
        with self._changed:
            return len(self._open)

    @property
    def size(self) -> int:
        """How many bytes the open shards take, as they estimate it themselves."""
        with self._changed:
            return self._size

    def using(self, folder: Path) -> AbstractContextManager[EdgeShard | None]:
        """Yield the shard of a tenant's folder, or None if there is none."""
        return _Use(self, folder)

    @contextmanager
    def writing(self, folder: Path) -> Iterator[EdgeShard | None]:
        """Yield the shard as `using` does, with no other writer of this tenant beside."""
        entry = self._enter(folder)
        if entry is None:
            yield None
            return
        try:
            with entry.writing:
                yield entry.shard
        finally:
            size = entry.shard.resident_bytes()
            with self._changed:
                self._size += size - entry.size
                entry.size = size
            self._leave(entry)

    @contextmanager
    def exclusive(self, folder: Path) -> Iterator[None]:
        """Close the tenant's shard once nobody uses it, and let nobody open it in the block."""
        with self._waited(folder):
            self._close(folder)
            yield

    def discard_if_empty(self, folder: Path) -> None:
        """Remove the folder of a tenant that has no point left."""
        with self._waited(folder):
            with self._changed:
                entry = self._open.get(folder) or self._load(folder)
            if entry is not None and not entry.shard.count():
                self._close(folder)
                discard(folder)

    def close(self) -> None:
        """Wait for the calls that run, and close every shard; nothing opens after it."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._alone and not self._used())
            for folder in list(self._open):
                self._close(folder)

    def _used(self) -> bool:
        return any(entry.users for entry in self._open.values())

    def _enter(self, folder: Path) -> _Open | None:
        with self._lock:
            while folder in self._alone:
                self._changed.wait()
            self._require_open()
            entry = self._open.get(folder) or self._load(folder)
            if entry is None:
                return None
            self._open.move_to_end(folder)
            entry.users += 1
            self._trim()
            return entry

    def _leave(self, entry: _Open) -> None:
        with self._lock:
            entry.users -= 1
            self._trim()
            if self._alone or self._closed:  # nobody else waits for users to leave
                self._changed.notify_all()

    def _load(self, folder: Path) -> _Open | None:
        # The engine lets no other thread run while it loads, so holding the lock costs nothing.
        place = shard_folder(folder)
        if place is None:
            return None
        shard = EdgeShard.load(place)
        entry = self._open[folder] = _Open(shard, shard.resident_bytes())
        self._size += entry.size
        return entry

    def _trim(self) -> None:
        """Close the least recently used shards, idle ones only, until both bounds hold."""
        if not self._over():
            return
        for folder, entry in list(self._open.items()):
            if not entry.users and folder not in self._alone:
                self._close(folder)
                if not self._over():
                    return

    def _over(self) -> bool:
        return len(self._open) > self._max_shards or self._size > self._max_bytes

    @contextmanager
    def _waited(self, folder: Path) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: folder not in self._alone)
            self._require_open()
            self._alone.add(folder)
        try:
            with self._changed:
                self._changed.wait_for(lambda: not self._users(folder))
            yield
        finally:
            with self._changed:
                self._alone.discard(folder)
                self._changed.notify_all()

    def _users(self, folder: Path) -> int:
        entry = self._open.get(folder)
        return entry.users if entry else 0

    def _close(self, folder: Path) -> None:
        with self._changed:
            entry = self._open.pop(folder, None)
            if entry is not None:
                self._size -= entry.size
                entry.shard.close()

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed: open it again")
