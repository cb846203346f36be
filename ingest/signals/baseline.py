"""What a tenant's collection usually takes in, learned in bounded memory and kept between runs.

>>> import tempfile
>>> from pathlib import Path
>>> from ragbastion.ingest.signals import Baseline
>>> baseline = Baseline.open(Path(tempfile.mkdtemp()), "acme", "c0ffee")
>>> baseline.documents, baseline.cold
(0, 'it is new: nothing was learned yet')

- INVARIANT: only what was admitted without a flag is learned, and what comes from sources in
  probation counts as one source.
- INVARIANT: a file that is damaged or of another version is put aside and said so (`cold`); it
  neither stops ingestion nor passes for a baseline.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from ...core.chunk import Vector
from .observed import ObservedQueries
from .signal import SignalInput
from .state_file import Arrays, DamagedStateError, read_state, write_state

BASELINE_FOLDER = "baselines"
"""Inside the state folder."""


class Baseline:
    """The learned state of one collection of one tenant; make it with `open`."""

    def __init__(self, path: Path, observed: ObservedQueries) -> None:
        self._path = path
        self.observed = observed
        self.documents = 0
        self.cold = "it is new: nothing was learned yet"
        self.damaged = ""

    @classmethod
    def open(cls, folder: Path, tenant: str, uid: str) -> Self:
        """Return the baseline kept in ``folder`` for a collection, or a cold one."""
        name = hashlib.sha256(json.dumps([tenant, uid]).encode()).hexdigest()[:32]
        path = folder / f"{name}.baseline"
        baseline = cls(path, ObservedQueries.open(folder, name))
        try:
            arrays = read_state(path)
            if arrays is not None:
                baseline._restore(arrays)
        except (DamagedStateError, KeyError, ValueError, TypeError) as error:
            baseline = cls(path, baseline.observed)
            baseline._put_aside(str(error))
        return baseline

    def learn(self, batch: Sequence[SignalInput]) -> None:
        """Take in documents that were admitted and that no signal flagged."""
        self.documents += len(batch)
        if batch:
            self.cold = ""

    def observe(self, query: str, vector: Vector) -> None:
        """Take note of a query that was asked; its text is kept as keyed hashes only."""
        self.observed.add(query, vector)

    def save(self) -> None:
        """Write the file; raise `OSError` if it cannot be."""
        write_state(self._path, self._state())

    @property
    def bytes_held(self) -> int:
        """Memory of the learned arrays."""
        return self.observed.bytes_held

    def _state(self) -> Arrays:
        return {"documents": np.array([self.documents], dtype=np.int64)}

    def _restore(self, arrays: Arrays) -> None:
        self.documents = int(arrays["documents"][0])
        self.cold = "" if self.documents else self.cold

    def _put_aside(self, why: str) -> None:
        self.damaged = why
        self.cold = f"its file was damaged ({why}) and put aside: it starts again"
        try:
            self._path.replace(self._path.with_suffix(".damaged"))
        except OSError:
            self.cold = f"its file was damaged ({why}): it starts again"
