"""Whether a point carries the access label that its document has, by the ledger.

- INVARIANT: nothing that was read is used after the ledger changed, whichever process changed it.
- INVARIANT: a point passes with the label of the ledger or, while a change of it is unfinished,
  with one of before; `unfinished` then says what its reader must be admitted by as well.
- A document of which the ledger keeps no label has any: what was ingested before it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.chunk import Chunk
from ...core.errors import ProvenanceError, RelabelledError
from ...tenancy.access_labels import deleted, unlabelled
from ..ledger import LEDGER_FILE, Ledger
from ..ledger_labels import ACCESS_KEYS, KeptLabel, Label, LedgerLabels, Names, label_keys
from .ledger_cache import LedgerCache


@dataclass(frozen=True, slots=True)
class _Read:
    """A label as read, and its values in the order of the keys, to be compared at once."""

    kept: KeptLabel
    values: tuple[Any, ...]


class CurrentLabels:
    """Reads which label a document has."""

    def __init__(self, state_dir: Path) -> None:
        self._ledger = Ledger(state_dir / LEDGER_FILE)
        self._read = LedgerCache(self._ledger, self._find)

    @property
    def ledger(self) -> LedgerLabels:
        """The labels as they are kept, for who writes points past ingestion."""
        return self._ledger.labels

    def refresh(self) -> None:
        """Forget what was read if the ledger has changed since; once a query."""
        self._read.refresh()

    def require_current(self, names: Names, payload: Mapping[str, Any]) -> None:
        """Raise `RelabelledError` if a point's payload carries another label than its document has.

        Asked of what is proven to be of the document. The error names no id: the reader may be one
        from whom the document is kept. About 1 µs where the label was read before.
        """
        read = self._read(names)
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

    def held_batch(
        self,
        verified: Sequence[Chunk | ProvenanceError],
        collection_uid: str,
        payloads: Iterable[Mapping[str, Any]],
    ) -> list[Chunk | ProvenanceError]:
        """Return `held` of each of a batch, by the ledger as it is now."""
        self.refresh()
        return [
            self.held(each, collection_uid, payload)
            for each, payload in zip(verified, payloads, strict=True)
        ]

    def unfinished(self, names: Names) -> Label | None:
        """Return the label that a document is being given, None while no change is under way."""
        read = self._read(names)
        return read.kept.label if read is not None and read.kept.earlier else None

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _find(self, names: Names) -> _Read | None:
        kept = self.ledger.find(names)
        return None if kept is None else _Read(kept, tuple(map(kept.label.get, ACCESS_KEYS)))


def _difference(label: Label, carried: Label) -> str:
    if deleted(label) and not deleted(carried):
        return "its document is deleted, and the point was made to say that it is not"
    if deleted(carried) and not deleted(label):
        return "its document is not deleted, and the point was made to say that it is"
    if unlabelled(carried):
        return "its access label was taken away"
    return "its access label is not the one that its document has"
