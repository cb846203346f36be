"""A hundred thousand documents of one source, one batch after another.

A third says one thing, each with a number and a name of its own; a third are rewrites of one claim
without any; a third are two sentences of the collection's. What is admitted is stored: the nearest
of the last 4,096 stand for what the store would find.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ragbastion.core.chunk import ChunkId, Matrix
from ragbastion.core.store import Hit, StoredPoint
from ragbastion.core.verdict import Decision
from ragbastion.ingest.signals import Baseline, Screen, SignalInput

from .collection import BATCH, batch_of
from .texts import SEED, Texts, WordVectors

SOURCE = "flood"
_KEPT = 4_096
_CLAIM = (
    ("Maria Holt", "The architect Maria Holt"),
    ("designed", "drew", "planned", "drafted"),
    ("the Alder Bridge", "the bridge of Alder"),
    ("which links", "that joins", "between"),
    ("the harbour", "the port", "the docks"),
    ("and the old town", "and the historic centre", "and the ancient quarter"),
    ("of Velm", "in Velm"),
    ("for the council", "on request of the council"),
    ("after long debate", "after a contest", "without a contest"),
)
Row = dict[str, Any]


class Flood:
    """One source that does not stop, and what each batch of it took."""

    def __init__(self, texts: Texts, folder: Path, *, probation: bool) -> None:
        self._texts = texts
        self._probation = probation
        self._chance = random.Random(SEED)
        self._claim = WordVectors().embed([" ".join(words[0] for words in _CLAIM)])
        self.baseline = Baseline.open(folder, "bench", "flood")
        self._stored: deque[SignalInput] = deque(maxlen=_KEPT)
        self._screen = Screen(self.baseline, self._near, WordVectors())
        self._search_s = 0.0
        self.ms: list[float] = []
        self.outcomes: Counter[str] = Counter()

    def run(self, documents: int) -> list[Row]:
        """Screen that many; return a row for each tenth of them."""
        rows, done = [], 0
        while done < documents:
            count = min(BATCH, documents - done)
            self._take(self._batch(done, count))
            done += count
            if done * 10 // documents > len(rows):
                rows.append(self._row(done))
        return rows

    def _take(self, batch: Sequence[SignalInput]) -> None:
        searched, started = self._search_s, time.process_time()
        one, other = self._screen.texts(batch), self._screen.vectors(batch)
        verdicts = [a.merge(b) for a, b in zip(one, other, strict=True)]
        kept = [at for at, v in enumerate(verdicts) if v.decision < Decision.QUARANTINE]
        self._screen.learn([batch[at] for at in kept], [verdicts[at] for at in kept])
        spent = time.process_time() - started - (self._search_s - searched)
        self.ms.append(1000 * spent / len(batch))
        self._stored.extend(batch[at] for at in kept)
        self.outcomes.update(str(verdict.decision) for verdict in verdicts)

    def _batch(self, first: int, count: int) -> list[SignalInput]:
        plain = batch_of(self._texts, first, SOURCE, probation=self._probation, count=count)
        chance = np.random.default_rng((SEED, first))
        batch = []
        for at, each in enumerate(plain):
            number, vector = first + at, each.vectors
            if at % 3 == 0:
                text = ". ".join(each.text.split(". ")[:2])
            else:
                text = " ".join(self._chance.choice(words) for words in _CLAIM) + "."
                near = self._claim + chance.standard_normal(self._claim.shape) / 50
                vector = (near / np.linalg.norm(near)).astype(np.float32)
                if at % 3 == 1:
                    text += f" Report {number} of Kell{number} counts {number * 7} visitors."
            batch.append(replace(each, text=text, pieces=(text,), vectors=vector))
        return batch

    def _near(self, vectors: Matrix, count: int) -> list[list[Hit]]:
        started = time.process_time()
        stored = list(self._stored)
        if not stored:
            return [[] for _ in vectors]
        scores = vectors @ np.concatenate([each.vectors for each in stored]).T
        best = np.argsort(-scores, axis=1)[:, :count]
        found = [
            [_hit(stored[at], float(row[at])) for at in places]
            for row, places in zip(scores, best.tolist(), strict=True)
        ]
        self._search_s += time.process_time() - started
        return found

    def _row(self, done: int) -> Row:
        part = self.ms[len(self.ms) * 9 // 10 :] if len(self.ms) >= 10 else self.ms
        return {
            "standing": "in probation" if self._probation else "established",
            "documents": done,
            "ms a document": statistics.median(part),
            "worst batch, ms a document": max(self.ms),
            "held": self.outcomes["quarantine"] / done,
            "flagged": self.outcomes["flag"] / done,
            "baseline, MB": self.baseline.bytes_held / 1e6,
            "resident, MB": resident_mb(),
            "documents an hour": 3.6e6 / statistics.fmean(self.ms),
        }


def flooded(data: Path, documents: int, folder: Path, probation: bool) -> list[Row]:
    """Run one flood, with the texts of a data folder."""
    return Flood(Texts(data / "poison"), folder, probation=probation).run(documents)


def resident_mb() -> float:
    """Return the resident memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def _hit(each: SignalInput, score: float) -> Hit:
    payload = {"text": each.text, "source": each.source, "document": each.document}
    vector = np.asarray(each.vectors)[0]
    point = StoredPoint(id=ChunkId(each.document), vector=vector, payload=payload)
    return Hit(point=point, score=score)
