"""Take back what was admitted, once a burst of sources in probation shows what it was part of.

The first documents of a burst have nothing to be compared with and are stored. When a later one
completes it, they go to quarantine with it, and out of the store.

- INVARIANT: nothing is taken back of a source that is established or vouched for by now, and no
  version that a person released.
- INVARIANT: the documents of a burst are held in one transaction, those that the store still serves
  marked as such; a run that is killed on the way is finished by the next one of the collection.
- What is taken is the version that was measured: a newer one stays.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from ..core.chunk import ChunkId, Digest, DocumentId
from ..core.store import StoredPoint
from ..core.verdict import Verdict
from .ledger import LedgerEntry, LedgerKey
from .ledger_labels import Label, label_keys
from .prepared import Candidate
from .probation import DAY_S
from .quarantine import Held, QuarantineKey, QuarantineRecord, QuarantineState
from .quarantine.watched import Original
from .run_parts import RunScope
from .signals.burst import Earlier

REBUILT = "text/x-rebuilt"
"""Media type of a held document whose bytes were not kept: its visible text, out of the store."""


class TakingBack:
    """Watches what new sources bring, and takes back what earlier batches and runs let in."""

    def __init__(self, scope: RunScope) -> None:
        self._store = scope.parts.store
        self._info = scope.info
        self._tenant = scope.request.tenant
        self._writer = scope.parts.writer
        self._ledger = scope.parts.ledger
        self._quarantine = scope.parts.quarantine
        self._days = scope.parts.probation_days
        self._probation = scope.probation
        self._known = scope.probation()

    def forget(self) -> None:
        """Drop the originals of documents whose sources' probation is over."""
        before = time.time() - self._days * DAY_S
        self._quarantine.watched.forget(self._tenant, self._info.name, before)

    def watch(self, batch: Sequence[Candidate]) -> None:
        """Keep the bytes of what sources in probation bring, before it is stored."""
        now = time.time()
        new = [e for e in batch if not e.released and self._known.covers(e.source, now)]
        if new:
            self._quarantine.watched.keep([_original(each) for each in new], now)

    def held(self, earlier: Sequence[tuple[Earlier, Verdict]]) -> list[Held]:
        """Return those of a burst's earlier documents that are to be held, to be added at once."""
        if not earlier:
            return []
        now, probation = time.time(), self._probation()
        return [
            self._held(entry, verdict)
            for each, verdict in earlier
            if probation.covers(each.source, now) and (entry := self._entry(each)) is not None
        ]

    def unfinished(self) -> Iterator[QuarantineRecord]:
        """Yield what is held and may be served still; when taken on from, it is no more."""
        for record in self._quarantine.served(self._tenant, self._info.name):
            key = self._key(record.key.source, record.key.document)
            entry = self._ledger.find(key)
            if entry is None:
                self._writer.tidy([key], self._info.name)
            elif entry.digest == record.key.digest and not _is_released(record):
                yield record
                self._writer.withdraw(key, self._info.name)
            self._quarantine.withdrawn(record.id)

    def _entry(self, each: Earlier) -> LedgerEntry | None:
        """Return the ledger's entry of the very version, unless a person released it."""
        entry = self._ledger.find(self._key(each.source, each.document))
        if entry is None or entry.digest != each.digest:
            return None
        record = self._quarantine.find(self._quarantine_key(entry))
        return None if record is not None and _is_released(record) else entry

    def _held(self, entry: LedgerEntry, verdict: Verdict) -> Held:
        key = self._quarantine_key(entry)
        original = self._quarantine.watched.find(key.as_tuple()) or self._rebuilt(entry, key)
        return Held(
            key=key,
            raw=original.raw,
            media_type=original.media_type,
            verdict=verdict,
            label=self._label(entry),
            served=True,
        )

    def _rebuilt(self, entry: LedgerEntry, key: QuarantineKey) -> Original:
        text = _visible(self._points(entry.chunks))
        return Original(
            names=key.as_tuple(), raw=text.encode("utf-8", "replace"), media_type=REBUILT
        )

    def _label(self, entry: LedgerEntry) -> Label:
        """Return the access label; that of a point where the ledger kept none."""
        kept = self._ledger.labels.find(entry.key.as_tuple())
        if kept is not None:
            return kept.label
        points = self._points(entry.chunks[:1])
        return label_keys(points[0].payload) if points else {}

    def _points(self, chunks: Sequence[ChunkId]) -> Sequence[StoredPoint]:
        return self._store.get(self._info.name, self._tenant, list(chunks))

    def _key(self, source: str, document: str) -> LedgerKey:
        return LedgerKey(
            collection=self._info.uid,
            tenant=self._tenant,
            source=source,
            document=DocumentId(document),
        )

    def _quarantine_key(self, entry: LedgerEntry) -> QuarantineKey:
        return QuarantineKey(
            tenant=self._tenant,
            collection=self._info.name,
            source=entry.key.source,
            document=entry.key.document,
            digest=Digest(entry.digest),
        )


def _is_released(record: QuarantineRecord) -> bool:
    return record.state is QuarantineState.RELEASED


def _original(each: Candidate) -> Original:
    return Original(
        names=each.quarantine_key.as_tuple(),
        raw=each.document.raw,
        media_type=each.document.media_type,
    )


def _visible(points: Sequence[StoredPoint]) -> str:
    """Return the text of which the points are chunks; what no chunk has is left out."""
    text, end = "", 0
    for payload in sorted((point.payload for point in points), key=lambda p: p["position"]):
        start, said = int(payload["metadata"]["start"]), str(payload["text"])
        text += said[max(0, end - start) :] if start <= end else "\n" + said
        end = max(end, start + len(said))
    return text
