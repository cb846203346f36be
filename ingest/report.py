"""What an ingest did: counts, what was held back or refused, and the time each layer took."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..core.errors import RagbastionError
from .request import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedItem:
    """A document that was held back; ``id`` names it to `Quarantine`.

    ``known`` is true if it was in quarantine before this run, ``taken_back`` if it was admitted by
    an earlier batch or run, and served since.
    """

    id: str
    document: str
    source: str
    reasons: tuple[str, ...]
    known: bool = False
    taken_back: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "document": self.document,
            "source": self.source,
            "reasons": list(self.reasons),
            "known": self.known,
            "taken_back": self.taken_back,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestFailure:
    """A file, or a part of it, that was refused; ``error`` is the name of the error's class."""

    path: str
    where: str
    error: str
    message: str

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "path": self.path,
            "where": self.where,
            "error": self.error,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """The outcome of one run.

    ``documents`` were loaded; each is ingested, unchanged, quarantined, or among ``failed``, which
    also counts what could not be loaded. ``replaced`` of the ingested had an older version.
    ``taken_back`` are held now and were admitted by an earlier run, or by an earlier batch of this
    one, which counted them as ingested; ``quarantined_items`` has them too. ``timings_ms`` maps
    layers to wall time.
    """

    documents: int
    ingested: int
    unchanged: int
    quarantined: int
    failed: int
    replaced: int
    chunks: int
    seconds: float
    timings_ms: Mapping[str, float]
    quarantined_items: tuple[QuarantinedItem, ...]
    failures: tuple[IngestFailure, ...]
    taken_back: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "documents": self.documents,
            "ingested": self.ingested,
            "unchanged": self.unchanged,
            "quarantined": self.quarantined,
            "taken_back": self.taken_back,
            "failed": self.failed,
            "replaced": self.replaced,
            "chunks": self.chunks,
            "seconds": round(self.seconds, 3),
            "timings_ms": {layer: round(ms, 1) for layer, ms in self.timings_ms.items()},
            "quarantined_items": [item.as_dict() for item in self.quarantined_items],
            "failures": [failure.as_dict() for failure in self.failures],
        }


class Tally:
    """Counts while a run goes on; `report` freezes it."""

    def __init__(self) -> None:
        self.documents = 0
        self.ingested = 0
        self.unchanged = 0
        self.replaced = 0
        self.chunks = 0
        self.current = ""
        self.quarantined: list[QuarantinedItem] = []
        self.taken_back: list[QuarantinedItem] = []
        self.failures: list[IngestFailure] = []
        self._timings_ms: dict[str, float] = defaultdict(float)
        self._started = time.perf_counter()

    @contextmanager
    def timed(self, layer: str) -> Iterator[None]:
        """Add the block's wall time to a layer."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._timings_ms[layer] += (time.perf_counter() - started) * 1000

    def fail(self, path: str, where: str, error: RagbastionError) -> IngestFailure:
        """Note a refusal and return it."""
        failure = IngestFailure(
            path=path, where=where, error=type(error).__name__, message=str(error)
        )
        self.failures.append(failure)
        return failure

    def progress(self) -> Progress:
        """Return the counts so far."""
        return Progress(
            documents=self.documents,
            ingested=self.ingested,
            unchanged=self.unchanged,
            quarantined=len(self.quarantined),
            failed=len(self.failures),
            chunks=self.chunks,
            current=self.current,
        )

    def report(self) -> IngestReport:
        """Return the outcome."""
        return IngestReport(
            documents=self.documents,
            ingested=self.ingested,
            unchanged=self.unchanged,
            quarantined=len(self.quarantined),
            failed=len(self.failures),
            replaced=self.replaced,
            chunks=self.chunks,
            seconds=time.perf_counter() - self._started,
            timings_ms=dict(self._timings_ms),
            quarantined_items=(*self.quarantined, *self.taken_back),
            taken_back=len(self.taken_back),
            failures=tuple(self.failures),
        )
