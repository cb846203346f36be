"""A log's entries, nodes and checkpoints, as SQL that both databases run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from ....core.errors import DamagedLogError
from .database import LogDatabase
from .tree import Node, Range, cover, grow, node_at, position, roots_of

_PAGE = 10_000
_LARGEST = 1 << 62


class LogStorage:
    """Reads and writes the tables of one log; append only, but for checkpoints."""

    def __init__(self, database: LogDatabase) -> None:
        self._database = database

    def exclusive(self) -> AbstractContextManager[None]:
        """Run a block as one transaction without other writers."""
        return self._database.exclusive()

    def size(self) -> int:
        """Return how many entries there are, by the last of them; O(log n)."""
        rows = self._database.rows("SELECT idx FROM log_entries ORDER BY idx DESC LIMIT 1")
        return int(rows[0][0]) + 1 if rows else 0

    def nodes(self, wanted: Sequence[Node]) -> dict[Node, bytes]:
        """Return nodes; raise `DamagedLogError` if one is missing."""
        if not wanted:
            return {}
        places = [position(*node) for node in wanted]
        marks = ", ".join("?" * len(places))
        found: dict[int, object] = dict(
            self._database.rows(
                f"SELECT place, hash FROM log_nodes WHERE place IN ({marks})",  # noqa: S608
                places,
            )
        )
        for node, place in zip(wanted, places, strict=True):
            if place not in found:
                raise DamagedLogError(
                    f"the log lacks node {node[1]} of level {node[0]}: run 'ragbastion log "
                    "verify' to see what else is gone, and restore the log from a backup"
                )
        return {node: as_bytes(found[place]) for node, place in zip(wanted, places, strict=True)}

    def roots(self, ranges: Sequence[Range]) -> list[bytes]:
        """Return the roots of ranges of leaves; O(log n) each."""
        return roots_of(ranges, self.nodes)

    def add(
        self, size: int, leaves: Sequence[bytes], entries: Sequence[bytes], subjects: Sequence[str]
    ) -> bytes:
        """Append entries with their leaf hashes to a log of ``size``; return the new root."""
        rows = zip(range(size, size + len(entries)), subjects, entries, strict=True)
        self._database.insert("log_entries", list(rows))
        edge = self.nodes(cover(0, size))
        places: list[tuple[int, bytes]] = []
        for level, first, hashes in grow(size, leaves, edge):
            step, start = 1 << (level + 1), position(level, first)
            places += zip(range(start, start + step * len(hashes), step), hashes, strict=True)
        # In the order of their places, pages of the table fill up one after the other.
        places.sort()
        self._database.insert("log_nodes", places)
        known = {**{position(*node): value for node, value in edge.items()}, **dict(places)}
        ranges = [(0, size + len(entries))]
        return roots_of(ranges, lambda nodes: {n: known[position(*n)] for n in nodes})[0]

    def entry(self, index: int) -> bytes | None:
        """Return an entry's bytes, or None beyond the end."""
        rows = self._database.rows("SELECT entry FROM log_entries WHERE idx = ?", (index,))
        return as_bytes(rows[0][0]) if rows else None

    def last_of(self, subject: str) -> int | None:
        """Return the index of the newest entry about a subject; O(log n)."""
        rows = self._database.rows(
            "SELECT idx FROM log_entries WHERE subject = ? AND subject <> '' "
            "ORDER BY idx DESC LIMIT 1",
            (subject,),
        )
        return int(rows[0][0]) if rows else None

    def entries(self, start: int = 0, stop: int = _LARGEST) -> Iterator[tuple[int, str, bytes]]:
        """Yield (index, subject, entry) of a range, in order, page by page."""
        while start < stop:
            rows = self._database.rows(
                "SELECT idx, subject, entry FROM log_entries WHERE idx >= ? AND idx < ? "
                "ORDER BY idx LIMIT ?",
                (start, stop, _PAGE),
            )
            if not rows:
                return
            for index, subject, entry in rows:
                yield int(index), str(subject), as_bytes(entry)
            start = int(rows[-1][0]) + 1

    def all_nodes(self) -> Iterator[tuple[Node, bytes]]:
        """Yield every stored node in the order of an in-order walk, page by page."""
        last = -1
        while True:
            rows = self._database.rows(
                "SELECT place, hash FROM log_nodes WHERE place > ? ORDER BY place LIMIT ?",
                (last, _PAGE),
            )
            if not rows:
                return
            for place, value in rows:
                yield node_at(int(place)), as_bytes(value)
            last = int(rows[-1][0])

    def checkpoints(self) -> list[tuple[int, str]]:
        """Return (size, note) of every checkpoint that was kept, smallest first."""
        rows = self._database.rows("SELECT size, note FROM log_checkpoints ORDER BY size")
        return [(int(size), str(note)) for size, note in rows]

    def newest_checkpoint(self) -> tuple[int, str] | None:
        """Return (size, note) of the checkpoint of the largest tree, or None before the first."""
        rows = self._database.rows(
            "SELECT size, note FROM log_checkpoints ORDER BY size DESC LIMIT 1"
        )
        return (int(rows[0][0]), str(rows[0][1])) if rows else None

    def put_checkpoint(self, size: int, note: str, *, keep: bool) -> None:
        """Store a checkpoint; smaller ones that were not to be kept go."""
        self._database.rows("DELETE FROM log_checkpoints WHERE kept = 0 AND size < ?", (size,))
        self._database.rows(
            "INSERT INTO log_checkpoints VALUES (?, ?, ?) ON CONFLICT (size) DO UPDATE "
            "SET note = excluded.note, kept = excluded.kept",
            (size, note, int(keep)),
        )

    def meta(self, name: str) -> str | None:
        """Return a named value of the log, or None."""
        rows = self._database.rows("SELECT value FROM log_meta WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def put_meta(self, name: str, value: str) -> None:
        """Keep a named value."""
        self._database.rows(
            "INSERT INTO log_meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
            "SET value = excluded.value",
            (name, value),
        )

    def check(self) -> None:
        """Raise `DamagedLogError` if the database cannot be read in full."""
        self._database.check()

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def as_bytes(value: object) -> bytes:
    """Return a stored value as bytes; SQLite lets whoever writes the file change its type."""
    if type(value) is bytes:
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return bytes(value) if isinstance(value, memoryview) else b""
