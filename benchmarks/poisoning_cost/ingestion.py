"""What the signals cost a document, beside collections of several sizes and a scan of all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ragbastion.core.chunk import Matrix
from ragbastion.core.store import Hit
from ragbastion.core.verdict import Decision
from ragbastion.ingest.signals import Baseline, Screen, SignalInput
from ragbastion.ingest.signals.surroundings import NEAREST

from .collection import BATCH, Collection, batch_of
from .texts import WordVectors

TAUGHT = 20_000
"""Documents that a baseline learns at most: its rings are full then, and nothing else grows."""

FRESH = 10**9
"""Numbers from here on are in no collection."""

_SCANNED = 20_000
_SCORED = 20
Row = dict[str, Any]


class Watched:
    """A collection with its baseline and screen, and what batches took."""

    def __init__(self, collection: Collection, folder: Path) -> None:
        self.collection = collection
        self.baseline = Baseline.open(folder, "bench", str(collection.count))
        self._near: Sequence[Sequence[Hit]] = ()
        self.screen = Screen(self.baseline, self._neighbours, WordVectors())
        self.screen.vectors([])  # embeds the probes
        self.taken: dict[str, list[float]] = {}
        self._teach()

    def take(self, batch: Sequence[SignalInput], kind: str) -> None:
        """Screen and learn a batch as ingestion does; keep ms of the processor a document."""
        vectors = np.concatenate([each.vectors for each in batch])
        self._near = self.collection.nearest(vectors, NEAREST)
        search = _cpu_s(lambda: self.collection.neighbours(vectors, NEAREST))
        started = time.process_time()
        verdicts = [
            one.merge(other)
            for one, other in zip(self.screen.texts(batch), self.screen.vectors(batch), strict=True)
        ]
        looked = time.process_time()
        kept = [
            (e, v) for e, v in zip(batch, verdicts, strict=True) if v.decision < Decision.QUARANTINE
        ]
        self.screen.learn([e for e, _ in kept], [v for _, v in kept])
        ended = time.process_time()
        for name, spent in (
            (f"signals, {kind}", looked - started),
            (f"learning, {kind}", ended - looked),
            ("search", search),
        ):
            self.taken.setdefault(name, []).append(1000 * spent / len(batch))

    def _neighbours(self, vectors: Matrix, count: int) -> Sequence[Sequence[Hit]]:
        """Return what was found before the batch was timed; any other search is a scan."""
        if len(vectors) == len(self._near):
            return self._near
        return self.collection.nearest(vectors, count)

    def _teach(self) -> None:
        """Teach documents from all over the collection, a few of each of many sources."""
        collection = self.collection
        step = max(1, collection.count // TAUGHT)
        numbers = range(0, collection.count, step)
        for start in range(0, len(numbers) - len(numbers) % BATCH, BATCH):
            first = numbers[start]
            self.screen.learn(batch_of(collection.texts, first, collection.source(first // BATCH)))


def measure_documents(watched: Sequence[Watched], batches: int) -> list[Row]:
    """Give the same documents to each size in turn; the order moves on with each batch."""
    texts = watched[0].collection.texts
    for at in range(batches + 1):
        for kind in ("established", "in probation"):
            first = FRESH + 1_000_000 * (kind != "established") + BATCH * at
            batch = batch_of(texts, first, f"s{at}", probation=kind != "established")
            for which in range(len(watched)):
                watched[(at + which) % len(watched)].take(batch, kind)
    return [_row(each) for each in watched]


def _row(each: Watched) -> Row:
    # The first batch fills caches that every later one finds.
    ms = {name: statistics.median(taken[1:]) for name, taken in each.taken.items()}
    saves = [_cpu_s(each.baseline.save) for _ in range(5)]
    path = each.baseline._path
    return {
        "vectors": each.collection.count,
        **{f"{name}, ms": value for name, value in sorted(ms.items())},
        "baseline in memory, MB": each.baseline.bytes_held / 1e6,
        "baseline on disk, MB": path.stat().st_size / 1e6,
        "save, ms": 1000 * statistics.median(saves),
    }


def _cpu_s(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


def scan_ms(matrix: Matrix, vectors: Matrix) -> float:
    """Return what the distance to the 20 nearest costs a document by a scan of everything."""
    started = time.process_time()
    best = np.full((len(vectors), _SCORED), -1.0, dtype=np.float32)
    for start in range(0, len(matrix), _SCANNED):
        scores = np.concatenate([best, vectors @ matrix[start : start + _SCANNED].T], axis=1)
        best = np.partition(scores, -_SCORED, axis=1)[:, -_SCORED:]
    assert best.mean() <= 1.0 + 1e-3
    return 1000 * (time.process_time() - started) / len(vectors)


def store_ms(search: Callable[[Matrix], object], vectors: Matrix) -> float:
    """Return the median of what one search costs, in ms of the processor."""
    taken = []
    for vector in vectors:
        started = time.process_time()
        search(vector)
        taken.append(1000 * (time.process_time() - started))
    return statistics.median(taken)
