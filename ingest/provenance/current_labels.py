"""Whether a point carries the access label that its document has, by the ledger.

- INVARIANT: nothing that was read is used after the ledger changed, whichever process changed it.
- INVARIANT: a point passes with the label of the ledger or, while a change of it is unfinished,
  with one of before; `unfinished` then says what its reader must be admitted by as well.
- A document of which the ledger keeps no label has any: what was ingested before it did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.chunk import Chunk
from ...core.errors import ProvenanceError, RelabelledError
from ...tenancy.access_labels import deleted, unlabelled
from ..ledger import LEDGER_FILE, Ledger
from ..ledger_labels import ACCESS_KEYS, KeptLabel, Label, LedgerLabels, Names, label_keys

_MAX_CACHED = 100_000


@dataclass(frozen=True, slots=True)
class _Read:
    """A label as read, and its values in the order of the keys, to be compared at once."""

    kept: KeptLabel
    values: tuple[Any, ...]


class CurrentLabels:
    """Reads which label a document has."""

    def __init__(self, state_dir: Path) -> None:
        self._ledger = Ledger(state_dir / LEDGER_FILE)
        self._version: tuple[int, int] | None = None
        self._read: dict[Names, _Read | None] = {}

    @property
    def ledger(self) -> LedgerLabels:
        """The labels as they are kept, for who writes points past ingestion."""
        return self._ledger.labels

    def refresh(self) -> None:
        """Forget what was read if the ledger has changed since; about 2 µs. Once a query."""
        now = self._ledger.version()
        if now != self._version or len(self._read) >= _MAX_CACHED:
            # Anew, not cleared: another thread may be reading the old one.
            self._version, self._read = now, {}

    def require_current(self, names: Names, payload: Mapping[str, Any]) -> None:
        """Raise `RelabelledError` if a point's payload carries another label than its document has.

        Asked of what is proven to be of the document. The error names no id: the reader may be one
        from whom the document is kept. About 1 µs where the label was read before.
        """
        read = self._find(names)
        # The values as they stand first: all but always they are the very ones.
        if read is None or tuple(map(payload.get, ACCESS_KEYS)) == read.values:
            return
        carried = label_keys(payload)
        if carried == read.kept.label or carried in read.kept.earlier:
            return
        raise RelabelledError(
            f"{_difference(read.kept.label, carried)}; 'ragbastion documents label' writes it again"
        )

    def held(
        self,
        verified: Chunk | ProvenanceError,
        collection_uid: str,
        payload: Mapping[str, Any],
    ) -> Chunk | ProvenanceError:
        """Return what verification said of a point, or why its label does not hold."""
        if isinstance(verified, ProvenanceError):
            return verified
        names = (collection_uid, verified.tenant, verified.source, verified.document)
        try:
            self.require_current(names, payload)
        except RelabelledError as error:
            return error
        return verified

    def unfinished(self, names: Names) -> Label | None:
        """Return the label that a document is being given, None while no change is under way."""
        read = self._find(names)
        return read.kept.label if read is not None and read.kept.earlier else None

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _find(self, names: Names) -> _Read | None:
        known = self._read
        try:
            return known[names]
        except KeyError:
            kept = self.ledger.find(names)
            read = None if kept is None else _Read(kept, tuple(map(kept.label.get, ACCESS_KEYS)))
            known[names] = read
            return read


def _difference(label: Label, carried: Label) -> str:
    if deleted(label) and not deleted(carried):
        return "its document is deleted, and the point was made to say that it is not"
    if deleted(carried) and not deleted(label):
        return "its document is not deleted, and the point was made to say that it is"
    if unlabelled(carried):
        return "its access label was taken away"
    return "its access label is not the one that its document has"
