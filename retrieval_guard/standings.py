"""The standing of sources, read from the provenance registry through the verifier.

What the collection is like is worked out again when the registry changed, and each minute, since
sources grow older; who a source is, at every query.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..core.chunk import Chunk, Integrity
from ..core.settings_retrieval import RetrievalSettings
from ..ingest.provenance import ChunkVerifier
from ..ingest.provenance.source_records import SourceRecord, TrustTier
from .corroboration import CollectionFacts, Standing
from .corroboration.voices import established_of, heads_of

_FRESH_S = 60.0
_MAX_CACHED = 10_000

_Mark = tuple[int, int]


class Standings:
    """Tells who says a chunk, and how many others there are.

    A source that the registry does not know, or not any more, stands as one opened just now.
    """

    def __init__(
        self,
        verifier: ChunkVerifier,
        settings: RetrievalSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._verifier = verifier
        self._settings = settings
        self._clock = clock
        self._facts: dict[tuple[str, str], tuple[_Mark, CollectionFacts, frozenset[str]]] = {}

    def facts(self, tenant: str, collection_uid: str) -> CollectionFacts:
        """Return what is known of a tenant's collection now."""
        return self._known(tenant, collection_uid)[0]

    def established(self, tenant: str, collection_uid: str) -> frozenset[str]:
        """Return the names of a collection's established sources, those of one voice apart."""
        return self._known(tenant, collection_uid)[1]

    def _known(self, tenant: str, collection_uid: str) -> tuple[CollectionFacts, frozenset[str]]:
        scope, mark, now = (tenant, collection_uid), self._verifier.change_mark(), self._clock()
        kept = self._facts.get(scope)
        if kept is not None and kept[0] == mark and 0 <= now - kept[1].now < _FRESH_S:
            return kept[1:]
        facts, names = self._read(tenant, collection_uid, now)
        if len(self._facts) >= _MAX_CACHED:
            self._facts.clear()
        self._facts[scope] = (mark, facts, names)
        return facts, names

    def of(self, chunk: Chunk) -> Standing:
        """Return who says a chunk that was verified, or let through without a proof."""
        if chunk.integrity is Integrity.UNVERIFIED:
            return Standing("", verified=False)
        record = self._verifier.source(chunk.tenant, chunk.source)
        untrusted = chunk.integrity is Integrity.UNTRUSTED
        return _standing(chunk.source, record, _signals(chunk.metadata), untrusted=untrusted)

    def _read(
        self, tenant: str, collection_uid: str, now: float
    ) -> tuple[CollectionFacts, frozenset[str]]:
        arrivals = self._verifier.first_arrivals(tenant, collection_uid)
        facts = CollectionFacts(
            now=now, founded=min(arrivals.values(), default=None), sources=len(arrivals)
        )
        speaking = (
            _standing(name, self._verifier.source(tenant, name))
            for name in arrivals
            if not self._verifier.is_revoked(tenant, name)
        )
        known = established_of(speaking, facts, self._settings)
        names = frozenset(each.source for each in known)
        return replace(facts, established=len(set(heads_of(known).values()))), names


def _standing(
    name: str,
    record: SourceRecord | None,
    signals: tuple[str, ...] = (),
    *,
    untrusted: bool = False,
) -> Standing:
    if record is None:
        return Standing(name, tier=TrustTier.UNTRUSTED, opened_at=math.inf, signals=signals)
    return Standing(
        name,
        owner=record.owner,
        domain=" ".join(record.domains),
        tier=TrustTier.UNTRUSTED if untrusted else record.tier,
        opened_at=record.opened_at,
        vouched=bool(record.opened_by),
        signals=signals,
    )


def _signals(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the signals that ingestion signed into a chunk's metadata.

    LlamaIndex's nodes have them as one text.
    """
    found = metadata.get("signals")
    if not found:
        return ()
    if isinstance(found, str):
        return tuple(found.split(","))
    return tuple(map(str, found)) if isinstance(found, list | tuple) else ("signals",)
