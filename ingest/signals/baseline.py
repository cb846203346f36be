"""What a tenant's collection usually takes in, learned in bounded memory and kept between runs.

>>> import tempfile
>>> from pathlib import Path
>>> from ragbastion.ingest.signals import Baseline
>>> baseline = Baseline.open(Path(tempfile.mkdtemp()), "acme", "c0ffee")
>>> baseline.documents, baseline.cold
(0, 'it is new: nothing was learned yet')

- INVARIANT: the measures of what is usual learn from admitted documents that nothing flagged, and
  not from sources in probation; what one source may teach is bounded by what the others did.
- INVARIANT: what was brought lately is remembered of every admitted document, since it only ever
  makes a later document more suspect.
- INVARIANT: a file that is damaged or of another version is put aside and said so (`damaged`); it
  neither stops ingestion nor passes for a baseline.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from ...core.chunk import Matrix, Vector
from .burst import Earlier, passages_of, ring_of
from .language import shipped
from .novelty import Centres
from .observed import ObservedQueries, collection_name
from .probes import ProbeScores
from .recent import PROBATION, Passage, RecentPassages
from .signal import SignalInput
from .state_file import Arrays, DamagedStateError, read_state, write_state
from .word_pairs import WordPairs

BASELINE_FOLDER = "baselines"
"""Inside the state folder."""

FREELY_TAUGHT = 200
"""Documents that a source may teach whatever the others did."""

_TAUGHT_SOURCES = 1_024
_TEXT_CHARS = 20_000
_PIECES = 16


class Baseline:
    """The learned state of one collection of one tenant; make it with `open`."""

    def __init__(self, path: Path, observed: ObservedQueries) -> None:
        self._path = path
        self.observed = observed
        self.documents = 0
        self.damaged = ""
        self.recent = RecentPassages()
        self.pairs = WordPairs()
        self.probes = ProbeScores("probes")
        self.asked = ProbeScores("asked")
        self.centres = Centres()
        self._taught: Counter[str] = Counter()

    @classmethod
    def open(cls, folder: Path, tenant: str, uid: str) -> Self:
        """Return the baseline kept in ``folder`` for a collection, or a cold one."""
        name = collection_name(tenant, uid)
        path = folder / f"{name}.baseline"
        baseline = cls(path, ObservedQueries.open(folder, name))
        try:
            arrays = read_state(path)
            if arrays is not None:
                baseline._restore(arrays)
        except (DamagedStateError, KeyError, ValueError, TypeError, IndexError) as error:
            baseline = cls(path, baseline.observed)
            lacking = isinstance(error, KeyError)
            baseline._put_aside(f"it lacks {error}" if lacking else str(error))
        return baseline

    @property
    def cold(self) -> str:
        """Why nothing is flagged by comparison with what is usual; empty once something is."""
        if self.documents:
            return ""
        if self.damaged:
            return f"its file was damaged ({self.damaged}): it starts again"
        return "it is new: nothing was learned yet"

    @property
    def dimension(self) -> int:
        """Of the collection's vectors, as far as it is known: 0 where nothing tells it yet."""
        known = self.probes.vectors if len(self.probes.vectors) else self.centres.means
        return int(known.shape[1])

    def remember(self, batch: Sequence[SignalInput]) -> None:
        """Note what admitted documents brought, flagged or not."""
        rings: dict[str, list[Passage]] = defaultdict(list)
        for each in batch:
            rings[ring_of(each)].extend(passages_of(each))
        for ring, passages in rings.items():
            self.recent.add(ring, passages)

    def keep(self, taken: Sequence[Earlier], now: float) -> None:
        """Note what is taken back of sources in probation, where it was forgotten meanwhile."""
        known = {(p.document, p.content) for p in self.recent.of(PROBATION)}
        lost = [p for each in taken for p in each.passages if (p.document, p.content) not in known]
        self.recent.add(PROBATION, [replace(each, at=now) for each in lost])

    def learn(self, batch: Sequence[SignalInput]) -> None:
        """Take in documents that were admitted and that no signal flagged."""
        for each in batch:
            if each.probation or not self._may_teach(each.source):
                continue
            self._taught[each.source] += 1
            self.documents += 1
            codes, _, _ = shipped().tokens(each.text[:_TEXT_CHARS])
            self.pairs.learn(codes[:-1] * shipped().size + codes[1:])
            if each.vectors is not None and len(each.vectors):
                self._learn_vectors(np.asarray(each.vectors[:_PIECES], dtype=np.float32))

    def observe(self, query: str, vector: Vector) -> None:
        """Take note of a query that was asked; its text is kept as keyed hashes only."""
        self.observed.add(query, vector)

    def save(self) -> None:
        """Write the file; raise `OSError` if it cannot be."""
        write_state(self._path, self._state())

    @property
    def bytes_held(self) -> int:
        """Memory of the learned arrays; bounded whatever comes (docs/signals.md)."""
        parts = (self.observed, self.recent, self.pairs, self.probes, self.asked, self.centres)
        return sum(part.bytes_held for part in parts)

    def _may_teach(self, source: str) -> bool:
        """Tell whether a source may teach more: half of all at most, once it has taught much."""
        if len(self._taught) >= _TAUGHT_SOURCES and source not in self._taught:
            return False
        own = self._taught[source]
        others = self.documents - own
        return own < FREELY_TAUGHT or len(self._taught) <= 1 or own <= others

    def _learn_vectors(self, vectors: Matrix) -> None:
        self.probes.learn(vectors)
        self.asked.learn(vectors)
        self.centres.learn(vectors, 1.0)

    def _state(self) -> Arrays:
        arrays: Arrays = {
            "documents": np.array([self.documents], dtype=np.int64),
            "taught": np.frombuffer(json.dumps(self._taught).encode(), dtype=np.uint8),
        }
        for part in (self.recent, self.pairs, self.probes, self.asked, self.centres):
            arrays |= part.state()
        return arrays

    def _restore(self, arrays: Arrays) -> None:
        self.documents = int(arrays["documents"][0])
        self._taught = Counter(json.loads(arrays["taught"].tobytes().decode()))
        for part in (self.recent, self.pairs, self.probes, self.asked, self.centres):
            part.restore(arrays)

    def _put_aside(self, why: str) -> None:
        kept = self._path.with_suffix(".damaged")
        try:
            self._path.replace(kept)
            left = f"put aside as {kept.name}"
        except OSError:
            left = f"it could not be put aside, remove {self._path.name} by hand"
        self.damaged = f"{why or 'it cannot be read'}; {left}"
