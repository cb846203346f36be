"""Takes note of what is asked, for the signals at ingestion: a bounded sample, without any text.

`signals.observe_queries` switches it off. What cannot be written is lost and told in the log: a
query is answered all the same, since the sample only helps to judge later documents.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from pathlib import Path

from ..core.chunk import Vector
from ..ingest.signals.observed import ObservedQueries, collection_name

_LOGGER = logging.getLogger("ragbastion.signals")
_COLLECTIONS = 64
_QUERIES_A_SAVE = 16


class QueryObserver:
    """Keeps the samples of the collections that are asked, and writes them now and then."""

    def __init__(self, folder: Path, *, enabled: bool = True) -> None:
        self._folder = folder
        self._enabled = enabled
        self._lock = threading.Lock()
        self._samples: OrderedDict[str, ObservedQueries] = OrderedDict()
        self._unsaved: dict[str, int] = {}

    def note(self, tenant: str, uid: str, query: str, vector: Vector) -> None:
        """Take a query (untrusted) of a tenant's collection into its sample, by chance."""
        if not self._enabled:
            return
        name = collection_name(tenant, uid)
        try:
            with self._lock:
                sample = self._sample(name)
                sample.add(query, vector)
                self._unsaved[name] = self._unsaved.get(name, 0) + 1
                if self._unsaved[name] >= _QUERIES_A_SAVE:
                    self._save(name)
        except OSError as error:
            _LOGGER.warning("a query was not noted: %s", type(error).__name__)

    def close(self) -> None:
        """Write what was not written yet."""
        with self._lock:
            for name in list(self._samples):
                try:
                    self._save(name)
                except OSError as error:
                    _LOGGER.warning("queries were not noted: %s", type(error).__name__)

    def _sample(self, name: str) -> ObservedQueries:
        if name not in self._samples:
            self._samples[name] = ObservedQueries.open(self._folder, name)
            while len(self._samples) > _COLLECTIONS:
                self._save(next(iter(self._samples)))
                oldest, _ = self._samples.popitem(last=False)
                self._unsaved.pop(oldest, None)
        self._samples.move_to_end(name)
        return self._samples[name]

    def _save(self, name: str) -> None:
        if self._unsaved.get(name):
            self._samples[name].save()
            self._unsaved[name] = 0
