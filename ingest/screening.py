"""The signals of one run: its collection's baseline, neighbours, and what is learned."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..core.chunk import Matrix
from ..core.embedding import Embedder
from ..core.errors import UnknownTenantError
from ..core.settings_signals import SignalSettings
from ..core.store import CollectionInfo, Hit, VectorStore
from ..core.verdict import Decision, Verdict
from .prepared import Candidate
from .probation import Probation
from .request import IngestRequest
from .signals.baseline import BASELINE_FOLDER, Baseline
from .signals.burst import Earlier, SourceBurst
from .signals.screen import Screen, ScreenOptions
from .signals.signal import SignalInput

Tell = Callable[[str, str, str, dict[str, object]], None]
"""Emits an event of a kind about a subject, with outcome and detail."""


class Screening:
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
        self._settings = settings
        self._probation = probation
        self._tell = tell
        self._baseline = Baseline.open(state_dir / BASELINE_FOLDER, request.tenant, info.uid)
        self._screen = Screen(
            self._baseline,
            self._neighbours,
            embedder,
            ScreenOptions(
                off=frozenset(settings.off),
                flag_only=frozenset(settings.flag_only),
                is_new=lambda source: probation.covers(source, time.time()),
            ),
        )
        self._unsaved = 0
        self._told = False

    def texts(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """Return the verdicts of the signals over texts."""
        self._tell_state()
        return self._screen.texts([self._seen(each) for each in batch])

    def vectors(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """Return the verdicts of the signals over vectors."""
        return self._screen.vectors([self._seen(each) for each in batch])

    @property
    def takes_back(self) -> bool:
        """Whether what is admitted may come to be of a burst that is held."""
        return SourceBurst.name not in (*self._settings.off, *self._settings.flag_only)

    def earlier(self) -> list[tuple[Earlier, Verdict]]:
        """Return what was admitted before and the last `vectors` show to be of a burst."""
        return self._screen.earlier()

    def remember_held(self, batch: Sequence[Candidate]) -> None:
        """Remember of what is held what others may be compared with."""
        self._screen.remember([self._seen(each) for each in batch], [e.verdict for e in batch])
        self._unsaved += len(batch)

    def remember(self, taken: Sequence[Earlier]) -> None:
        """Remember for good what is taken back: the store has it no more to compare with."""
        self._baseline.keep(taken, time.time())
        self._unsaved += 1
        self.save()

    def learn(self, batch: Sequence[Candidate]) -> None:
        """Learn from documents that were written; what a person released was not clean."""
        judged = [
            Verdict(decision=Decision.FLAG) if each.released else each.verdict for each in batch
        ]
        self._screen.learn([self._seen(each) for each in batch], judged)
        self._unsaved += len(batch)
        if self._unsaved >= self._settings.save_every_documents:
            self.save()

    def save(self) -> None:
        """Write the baseline; a disk that cannot take it is told of and stops nothing."""
        if not self._unsaved:
            return
        try:
            self._baseline.save()
        except OSError as error:
            self._tell(
                "ingest.baseline", self._info.name, "unsaved", {"error": type(error).__name__}
            )
        self._unsaved = 0

    def _seen(self, each: Candidate) -> SignalInput:
        now = time.time()
        return replace(
            each.signal_input(), at=now, probation=self._probation.covers(each.source, now)
        )

    def _tell_state(self) -> None:
        """Say once a run that there is nothing to compare with, or why no more."""
        if self._told:
            return
        self._told = True
        if self._baseline.damaged or self._baseline.observed.damaged:
            detail: dict[str, object] = {
                "why": self._baseline.cold,
                "observed": self._baseline.observed.damaged,
            }
            self._tell("ingest.baseline", self._info.name, "damaged", detail)
        elif self._baseline.cold:
            self._tell("ingest.baseline", self._info.name, "cold", {"why": self._baseline.cold})

    def _neighbours(self, vectors: Matrix, count: int) -> list[Sequence[Hit]]:
        return [self._nearest(np.asarray(vector), count) for vector in vectors]

    def _nearest(self, vector: Matrix, count: int) -> Sequence[Hit]:
        try:
            return self._store.search(self._info.name, self._tenant, vector, count)
        except UnknownTenantError:
            return ()  # nothing of the tenant is stored yet
