"""Which documents of a batch a run is to take through: new or changed ones that may be written."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import AccessError, UsageError
from .holding import Holding
from .labelling import Labelling
from .ledger import LedgerEntry
from .prepared import Candidate
from .quarantine import QuarantineState
from .run_parts import RunScope


class DueDocuments:
    """Chooses the documents of one run that are due, and refuses those that may not be written."""

    def __init__(self, scope: RunScope, labelling: Labelling, holding: Holding) -> None:
        self._store = scope.parts.store
        self._ledger = scope.parts.ledger
        self._quarantine = scope.parts.quarantine
        self._writer = scope.parts.writer
        self._tenant = scope.request.tenant
        self._collection = scope.info.name
        self._version = scope.version
        self._tally = scope.tally
        self._fail = scope.fail
        self._labelling = labelling
        self._holding = holding
        # As after a restored backup: then the ledger's word is checked, document by document.
        held = self._store.count(self._collection, self._tenant)
        self._store_lost_points = held < self._ledger.points(scope.info.uid, self._tenant)

    def of(self, batch: Sequence[Candidate]) -> list[Candidate]:
        """Return the documents that are due, each with its label and the version it replaces."""
        return self.signable(self._labelled([each for each in batch if self._is_due(each)]))

    def signable(self, batch: Sequence[Candidate]) -> list[Candidate]:
        """Refuse the documents of sources that nobody may sign for now; the others go on."""
        refusals = self._writer.refusals(batch)
        kept = []
        for each in batch:
            error = refusals.get((each.source, each.reviewer))
            if error is None:
                kept.append(each)
            else:
                self._fail(each.name, "sign", error)
        return kept

    def _is_due(self, each: Candidate) -> bool:
        """Pass what is new or changed; tell of what a person has not let in."""
        record = self._quarantine.find(each.quarantine_key)
        entry = self._ledger.find(each.ledger_key)
        if record is not None and record.state is not QuarantineState.RELEASED:
            self._holding.keep_out(each, record, entry)
            return False
        if record is not None:
            each.reviewer, each.released = record.decided_by, record.id
        if entry is not None and self._is_current(each, entry):
            self._tally.unchanged += 1
            return False
        each.replaces = entry
        return True

    def _is_current(self, each: Candidate, entry: LedgerEntry) -> bool:
        if (entry.digest, entry.pipeline) != (each.document.digest, self._version):
            return False
        if self._ledger.is_unfinished(each.ledger_key):
            return False  # a killed run signed another version: this one must be the newest again
        if not self._store_lost_points:
            return True
        held = self._store.get(self._collection, self._tenant, list(entry.chunks))
        return len(held) == len(entry.chunks)

    def _labelled(self, batch: Sequence[Candidate]) -> list[Candidate]:
        """Give each document its label; one that the writer may not write is refused."""
        kept = []
        for each in batch:
            try:
                each.label, each.label_before = self._labelling.label(each)
                kept.append(each)
            except (AccessError, UsageError) as error:
                self._fail(each.name, "access", error)
        return kept
