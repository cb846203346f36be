"""The signals over what goes into one collection: its baseline, and what is learned.

Whoever ingests gives documents as they come (`Measured`) and what is stored as a function: the
guard's own runs do it in `screening`, LlamaIndex's in `retrieval_guard`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..core.embedding import Embedder
from ..core.settings_signals import SignalSettings
from ..core.verdict import Decision, Verdict
from .signals.baseline import Baseline
from .signals.burst import Earlier, SourceBurst
from .signals.screen import Screen, ScreenOptions
from .signals.signal import SignalInput
from .signals.surroundings import IsNew, Neighbours

Tell = Callable[[str, str, str, dict[str, object]], None]
"""Emits an event of a kind about a subject, with outcome and detail."""


class Measured(Protocol):
    """A document on its way in; ``released`` is the id under which a person let it in."""

    @property
    def source(self) -> str:
        """Who brought it."""
        ...

    @property
    def released(self) -> str:
        """Empty, or the id of its quarantine record."""
        ...

    @property
    def verdict(self) -> Verdict:
        """What was found out about it so far."""
        ...

    def signal_input(self) -> SignalInput:
        """Return the document as the signals see it."""
        ...


def is_held(document: Measured) -> bool:
    """Tell whether a document is to be held back: what a person released is held by nothing."""
    return document.verdict.decision >= Decision.QUARANTINE and not document.released


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenedCollection:
    """What stands around a document of a collection.

    ``name`` is for events; ``neighbours`` gives stored passages, None where none can be asked for,
    ``is_new`` tells of a source whether it is in probation now.
    """

    name: str
    baseline: Baseline
    neighbours: Neighbours | None
    is_new: IsNew


class CollectionScreening:
    """Measures documents of one collection and learns those that are admitted."""

    def __init__(
        self,
        collection: ScreenedCollection,
        settings: SignalSettings,
        tell: Tell,
        embedder: Embedder | None = None,
    ) -> None:
        self._name = collection.name
        self._baseline = collection.baseline
        self._is_new = collection.is_new
        self._settings = settings
        self._tell = tell
        self._screen = Screen(
            collection.baseline,
            collection.neighbours,
            embedder,
            ScreenOptions(
                off=frozenset(settings.off),
                flag_only=frozenset(settings.flag_only),
                is_new=collection.is_new,
            ),
        )
        self._unsaved = 0
        self._told = False

    def texts(self, batch: Sequence[Measured]) -> list[Verdict]:
        """Return the verdicts of the signals over texts."""
        self._tell_state()
        return self._screen.texts([self._seen(each) for each in batch])

    def vectors(self, batch: Sequence[Measured]) -> list[Verdict]:
        """Return the verdicts of the signals over vectors."""
        return self._screen.vectors([self._seen(each) for each in batch])

    @property
    def takes_back(self) -> bool:
        """Whether what is admitted may come to be of a burst that is held."""
        return SourceBurst.name not in (*self._settings.off, *self._settings.flag_only)

    def earlier(self) -> list[tuple[Earlier, Verdict]]:
        """Return what was admitted before and the last `vectors` show to be of a burst."""
        return self._screen.earlier()

    def remember_held(self, batch: Sequence[Measured]) -> None:
        """Remember of what is held what others may be compared with."""
        self._screen.remember([self._seen(each) for each in batch], [e.verdict for e in batch])
        self._unsaved += len(batch)

    def remember(self, taken: Sequence[Earlier]) -> None:
        """Remember for good what is taken back: the store has it no more to compare with."""
        self._baseline.keep(taken, time.time())
        self._unsaved += 1
        self.save()

    def learn(self, batch: Sequence[Measured]) -> None:
        """Learn from documents that were admitted; what a person released was not clean."""
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
            self._tell("ingest.baseline", self._name, "unsaved", {"error": type(error).__name__})
        self._unsaved = 0

    def _seen(self, each: Measured) -> SignalInput:
        return replace(each.signal_input(), at=time.time(), probation=self._is_new(each.source))

    def _tell_state(self) -> None:
        """Say once that there is nothing to compare with, or why no more."""
        if self._told:
            return
        self._told = True
        if self._baseline.damaged or self._baseline.observed.damaged:
            detail: dict[str, object] = {
                "why": self._baseline.cold,
                "observed": self._baseline.observed.damaged,
            }
            self._tell("ingest.baseline", self._name, "damaged", detail)
        elif self._baseline.cold:
            self._tell("ingest.baseline", self._name, "cold", {"why": self._baseline.cold})
