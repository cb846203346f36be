"""The Qdrant Edge adapter: a shard of the engine, in process.

Beside it only `edge_conditions` imports the engine.

Search is exact: on two idle cores a tenant of 20,000 points of 384 dimensions took 2 ms, where
building an approximate index took 10 s.

The binding (0.9) holds the interpreter's lock for the whole of each call: no other thread of the
process runs while it loads (3 to 100 ms), flushes (50 ms) or optimises (0.3 s and far more). So
nothing here calls `optimize` in the process that serves; `edge_optimizer` has a child do it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from ..core.chunk import Vector
from ..core.errors import MissingExtraError, StoreError, StoreFullError
from .access_rules import Rule
from .edge_conditions import ACCESS_INDEXES, filter_of
from .point_records import as_vector
from .store_files import allocated_bytes

try:
    import qdrant_edge as edge
except ImportError as missing:
    raise MissingExtraError(
        "the embedded store needs qdrant-edge-py: pip install 'ragbastion[qdrant]'"
    ) from missing

# An indexing threshold (kB of vectors) that no shard reaches: `optimize` then only vacuums.
_NEVER_INDEX = 2**40
# When to vacuum is decided by `edge_optimizer`; the engine shall then do it whatever is deleted.
_VACUUM_FRACTION = 0.001
_VACUUM_POINTS = 1
_PAGE = 256
# What an open shard takes beside its pages: handles, tables, a search thread; measured by
# benchmarks/embedded, whose 1,000 tenants took 0.50 MiB each where this estimate said 0.76.
_OPEN_BYTES = 640 * 1024

Record = tuple[UUID, list[float], dict[str, Any]]
"""A stored id, a vector and a payload."""


class EdgeShard:
    """The points of one tenant in one folder; safe to call from several threads."""

    def __init__(self, shard: edge.EdgeShard, folder: Path) -> None:
        self.folder = folder
        self._shard = shard
        self._log_bytes = allocated_bytes(folder / "wal")
        self._indexing = threading.Lock()
        self._indexed = False

    @classmethod
    def create(cls, folder: Path, dimension: int) -> EdgeShard:
        """Create a shard for unit vectors of that dimension in a folder that does not exist."""
        with _translated(folder):
            folder.mkdir(mode=0o700)
            return cls(edge.EdgeShard.create(str(folder), _config(dimension)), folder)

    @classmethod
    def load(cls, folder: Path) -> EdgeShard:
        """Open a shard; what the engine had logged and not yet applied is applied first."""
        with _translated(folder):
            return cls(edge.EdgeShard.load(str(folder)), folder)

    @staticmethod
    def optimize(folder: Path, dimension: int) -> bool:
        """Rewrite a shard that nobody has open without its deleted points; tell if that was due.

        Blocks every thread of the process until it is done, and writes through memory maps: a full
        disk kills the process.
        """
        with _translated(folder):
            shard = edge.EdgeShard.load(str(folder), _config(dimension))
            try:
                return bool(shard.optimize())
            finally:
                shard.close()

    def upsert(self, records: Sequence[Record]) -> None:
        """Write records and flush, so that they survive a kill and a loss of power."""
        points = [edge.Point(id_, vector, payload) for id_, vector, payload in records]
        with _translated(self.folder):
            self._shard.update(edge.UpdateOperation.upsert_points(points))
            self._shard.flush()

    def set_payloads(
        self, changes: Iterable[tuple[UUID, Mapping[str, Any], tuple[str, str | None]]]
    ) -> None:
        """Set payload keys of points that exist and whose field still has a value, and flush.

        A change is (id, keys to set, (path of the field, its value)); None means any value.
        """
        with _translated(self.folder):
            for id_, payload, (field, was) in changes:
                must: list[Any] = [edge.HasIdCondition({id_})]
                if was is not None:
                    must.append(edge.FieldCondition(field, match=edge.MatchValue(was)))
                condition = edge.Filter(must=must)
                self._shard.update(
                    edge.UpdateOperation.set_payload_by_filter(condition, dict(payload))
                )
            self._shard.flush()

    def set_payload(
        self, ids: Sequence[UUID], payload: Mapping[str, Any], where: Rule | None
    ) -> None:
        """Set payload keys of those of the ids for which the rule, if any, holds, and flush."""
        held = [] if where is None else [filter_of(where)]
        chosen = edge.Filter(must=[edge.HasIdCondition(set(ids)), *held])
        with _translated(self.folder):
            self._shard.update(edge.UpdateOperation.set_payload_by_filter(chosen, dict(payload)))
            self._shard.flush()

    def search(
        self, vector: Vector, limit: int, readable: Rule | None = None
    ) -> tuple[list[tuple[UUID, Vector, Any]], list[float]]:
        """Return id, vector and payload of the nearest points, best first, and their cosines.

        With a rule only points for which it holds; the first such search makes payload indexes.
        """
        if readable is not None:
            self._index()
        request = edge.SearchRequest(
            query=edge.Query.Nearest(vector.tolist()),
            limit=limit,
            filter=None if readable is None else filter_of(readable),
            with_payload=True,
            with_vector=True,
        )
        with _translated(self.folder):
            found = self._shard.search(request)
        # Each list of numbers goes before the next is made, so all use the same few cache lines.
        rows = [(_uuid(hit.id), as_vector(hit.vector), hit.payload) for hit in found]
        return rows, [hit.score for hit in found]

    def _index(self) -> None:
        """Make the payload indexes that are missing, once: 0.2 to 1.6 s for 4,000 points."""
        with self._indexing, _translated(self.folder):
            if self._indexed:
                return
            known = self._shard.info().payload_schema
            missing = [key for key in ACCESS_INDEXES if key not in known]
            for key in missing:
                made = edge.UpdateOperation.create_field_index(key, ACCESS_INDEXES[key])
                self._shard.update(made)
            if missing:
                self._shard.flush()
            self._indexed = True

    def get(self, ids: Sequence[UUID]) -> dict[UUID, tuple[Any, Any]]:
        """Return vector and payload of those of the ids that exist."""
        with _translated(self.folder):
            found = self._shard.retrieve(list(ids), with_payload=True, with_vector=True)
        return {_uuid(record.id): (record.vector, record.payload) for record in found}

    def page(self, offset: UUID | None) -> tuple[list[tuple[UUID, Any, Any]], UUID | None]:
        """Return up to 256 points from ``offset`` in the order of ids, and the next offset."""
        request = edge.ScrollRequest(
            offset=offset, limit=_PAGE, with_payload=True, with_vector=True
        )
        with _translated(self.folder):
            found, following = self._shard.scroll(request)
        page = [(_uuid(record.id), record.vector, record.payload) for record in found]
        return page, None if following is None else _uuid(following)

    def delete(self, ids: Sequence[UUID]) -> None:
        """Delete those of the ids that exist; their bytes stay until the shard is optimised."""
        with _translated(self.folder):
            self._shard.update(edge.UpdateOperation.delete_points(list(ids)))
            self._shard.flush()

    def resident_bytes(self) -> int:
        """Return at most how much memory the open shard holds, estimated from its files.

        The engine maps its files, so their allocated bytes bound the pages that can be resident;
        of its log only what was written since the shard was opened is.
        """
        log = allocated_bytes(self.folder / "wal") - self._log_bytes
        return _OPEN_BYTES + allocated_bytes(self.folder / "segments") + max(0, log)

    def count(self) -> int:
        """Return the exact number of points."""
        with _translated(self.folder):
            return int(self._shard.count(edge.CountRequest(exact=True)))

    def close(self) -> None:
        """Flush and release the engine's files."""
        with _translated(self.folder):
            self._shard.close()


def _config(dimension: int) -> edge.EdgeConfig:
    return edge.EdgeConfig(
        vectors=edge.EdgeVectorParams(
            size=dimension,
            distance=edge.Distance.Cosine,
            # Not "cached", the default: it reads the whole 32 MB that the engine reserves for the
            # first vectors, 33 MB resident for each open tenant however small, against 0.5 MB.
            memory=edge.Memory.Cold,
        ),
        payload_memory=edge.Memory.Cold,
        optimizers=edge.EdgeOptimizersConfig(
            deleted_threshold=_VACUUM_FRACTION,
            vacuum_min_vector_number=_VACUUM_POINTS,
            default_segment_number=1,
            indexing_threshold=_NEVER_INDEX,
        ),
        max_search_threads=1,
    )


def _uuid(id_: object) -> UUID:
    """Return an id as the UUID that every id here is."""
    return id_ if isinstance(id_, UUID) else UUID(str(id_))


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Turn what the engine raises, bare `Exception` or a Rust panic, into `StoreError`."""
    try:
        yield
    except StoreError:
        raise
    except BaseException as error:
        panicked = type(error).__name__ == "PanicException"
        if not isinstance(error, Exception) and not panicked:
            raise
        text = str(error)
        if "No space left" in text or "os error 28" in text:
            raise StoreFullError(
                f"store '{folder}' was not written: no space is left; free some and run again"
            ) from error
        # The engine's text can quote payloads, so only its kind is passed on.
        raise StoreError(
            f"store '{folder}' cannot serve the call ({type(error).__name__} of the engine): "
            "check the folder, or restore it from a backup"
        ) from error
