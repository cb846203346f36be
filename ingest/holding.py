"""What a run holds back: put into quarantine, taken out of the store, counted and told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..core.verdict import Verdict
from .charging import Charging
from .collection_screening import is_held
from .ledger import LedgerEntry
from .prepared import Candidate, held_of
from .quarantine import QuarantineKey, QuarantineRecord
from .report import QuarantinedItem
from .run_parts import RunScope
from .screening import Screening
from .signals.burst import Earlier
from .taking_back import TakingBack


class Holding:
    """Holds documents of one run, and what was admitted before and is of a burst with them."""

    def __init__(
        self, scope: RunScope, screening: Screening, taking_back: TakingBack, charging: Charging
    ) -> None:
        self._quarantine = scope.parts.quarantine
        self._writer = scope.parts.writer
        self._collection = scope.info.name
        self._tally = scope.tally
        self._emit = scope.emit
        self._screening = screening
        self._taking_back = taking_back
        self._charging = charging

    def passed(
        self, batch: Sequence[Candidate], earlier: Sequence[tuple[Earlier, Verdict]]
    ) -> list[Candidate]:
        """Hold what has earned it, with those admitted ``earlier``, and return the rest."""
        self._hold([each for each in batch if is_held(each)], earlier)
        return [each for each in batch if not is_held(each)]

    def keep_out(
        self, each: Candidate, record: QuarantineRecord, entry: LedgerEntry | None
    ) -> None:
        """Tell of what is held already or rejected, and see that it is not served."""
        self._withdraw(each, entry)
        why = f"{record.state.value} in quarantine already"
        if record.decided_by:
            why = f"{record.state.value} by {record.decided_by}"
        item = _item(record.id, each.name, each.source, (why,))
        self._tally.quarantined.append(replace(item, known=True))

    def finish_taking_back(self) -> None:
        """Withdraw what is held and may be served still, of this run or of one that was killed."""
        any_taken = False
        for record in self._taking_back.unfinished():
            key, told = record.key, record.verdict
            reasons = tuple(str(reason) for reason in told["reasons"])
            item = _item(record.id, key.document, key.source, reasons)
            self._tally.taken_back.append(replace(item, taken_back=True))
            # Before it is withdrawn: what cannot be recorded is done by the next run.
            self._tell_held("ingest.taken_back", record.id, key, told)
            any_taken = True
        if any_taken:
            self._charging.note()

    def _hold(self, batch: Sequence[Candidate], earlier: Sequence[tuple[Earlier, Verdict]]) -> None:
        taken = self._taking_back.held(earlier)
        if not batch and not taken:
            return
        self._screening.remember_held(batch)
        if taken:
            # First: what the store has no more to compare with must not be forgotten by a kill.
            self._screening.remember([each for each, _ in earlier])
        identifiers = self._quarantine.add_all([*map(held_of, batch), *taken])
        for each, identifier in zip(batch, identifiers, strict=False):
            self._withdraw(each, each.replaces)
            item = _item(identifier, each.name, each.source, _reasons_of(each.verdict))
            self._tally.quarantined.append(item)
            told = each.verdict.as_dict()
            self._tell_held("ingest.quarantined", identifier, each.quarantine_key, told)
        if taken:
            self.finish_taking_back()

    def _tell_held(
        self, kind: str, identifier: str, key: QuarantineKey, verdict: Mapping[str, Any]
    ) -> None:
        kinds = sorted({finding["kind"] for finding in verdict["findings"]})
        detail = {"document": key.document, "digest": key.digest, "kinds": kinds}
        self._emit(kind, identifier, str(verdict["decision"]), detail)

    def _withdraw(self, each: Candidate, entry: LedgerEntry | None) -> None:
        """Stop serving the very bytes that are now held back; an older version stays."""
        if entry is not None and entry.digest == each.document.digest:
            self._writer.withdraw(each.ledger_key, self._collection)


def _item(identifier: str, document: str, source: str, reasons: tuple[str, ...]) -> QuarantinedItem:
    return QuarantinedItem(id=identifier, document=document, source=source, reasons=reasons)


def _reasons_of(verdict: Verdict) -> tuple[str, ...]:
    """Return the verdict's reasons, or the kinds of what was found if it gives none."""
    kinds = sorted({finding.kind for finding in verdict.findings})
    return verdict.reasons or tuple(kinds)
