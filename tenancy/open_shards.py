"""The shards of an embedded store that are open: opened on use, closed least recently used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .edge_folders import SHARD, discard, read_tenant
from .edge_shard import EdgeShard


@dataclass(slots=True)
class _Open:
    shard: EdgeShard
    users: int = 0


class OpenShards:
    """Keeps at most ``limit`` shards open, more only while that many are in use at once.

    - INVARIANT: a shard is closed or discarded only while nobody uses it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: OrderedDict[Path, _Open] = OrderedDict()
        self.lock = threading.RLock()

    @contextmanager
    def using(self, folder: Path) -> Iterator[EdgeShard | None]:
        """Yield the shard of a tenant's folder, or None if there is none."""
        entry = self._enter(folder)
        try:
            yield entry.shard if entry else None
        finally:
            if entry:
                with self.lock:
                    entry.users -= 1

    def discard_if_empty(self, folder: Path) -> None:
        """Remove the folder of a tenant that has no point left, unless somebody uses it."""
        with self.lock:
            entry = self._open.get(folder)
            if entry is None or entry.users or entry.shard.count():
                return
            del self._open[folder]
            entry.shard.close()
            discard(folder)

    def close(self) -> None:
        """Close every shard."""
        with self.lock:
            while self._open:
                self._open.popitem()[1].shard.close()

    def _enter(self, folder: Path) -> _Open | None:
        with self.lock:
            entry = self._open.get(folder)
            if entry is None:
                if read_tenant(folder) is None:
                    return None
                entry = self._open[folder] = _Open(EdgeShard.load(folder / SHARD))
                self._close_oldest()
            self._open.move_to_end(folder)
            entry.users += 1
            return entry

    def _close_oldest(self) -> None:
        idle = [folder for folder, entry in self._open.items() if not entry.users]
        for folder in idle[: max(0, len(self._open) - self._limit)]:
            self._open.pop(folder).shard.close()
