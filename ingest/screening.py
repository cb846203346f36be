"""The signals of one run of ingestion: its collection's baseline, and neighbours in its store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.chunk import Matrix
from ..core.embedding import Embedder
from ..core.errors import UnknownTenantError
from ..core.settings_signals import SignalSettings
from ..core.store import CollectionInfo, Hit, VectorStore
from .collection_screening import CollectionScreening, ScreenedCollection, Tell
from .probation import Probation
from .request import IngestRequest
from .signals.baseline import BASELINE_FOLDER, Baseline


class Screening(CollectionScreening):
    """Measures the candidates of one run and learns those that were written."""

    def __init__(
        self,
        *,
        store: VectorStore,
        embedder: Embedder,
        info: CollectionInfo,
        request: IngestRequest,
        state_dir: Path,
        settings: SignalSettings,
        probation: Probation,
        tell: Tell,
    ) -> None:
        self._store = store
        self._info = info
        self._tenant = request.tenant
        collection = ScreenedCollection(
            name=info.name,
            baseline=Baseline.open(state_dir / BASELINE_FOLDER, request.tenant, info.uid),
            neighbours=self._neighbours,
            is_new=lambda source: probation.covers(source, time.time()),
        )
        super().__init__(collection, settings, tell, embedder)

    def _neighbours(self, vectors: Matrix, count: int) -> list[Sequence[Hit]]:
        return [self._nearest(np.asarray(vector), count) for vector in vectors]

    def _nearest(self, vector: Matrix, count: int) -> Sequence[Hit]:
        try:
            return self._store.search(self._info.name, self._tenant, vector, count)
        except UnknownTenantError:
            return ()  # nothing of the tenant is stored yet
