"""What a sweep asks the log, and retrieval never: whether it holds envelopes, and the ledger."""

from __future__ import annotations

from pathlib import Path

from ....core.errors import TransparencyError
from ....core.settings_log import LogSettings
from ...ledger import Ledger
from .audit_ledger import LedgerAudit
from .bundle import index_of_envelope, prove
from .entries import envelope_digest
from .findings import LogFinding, Tampering
from .logged_registry import LoggedRegistry


class EnvelopeInclusion:
    """Checks envelopes of a state folder against the newest checkpoint of its log."""

    def __init__(self, state_dir: Path, settings: LogSettings | None = None) -> None:
        self._registry = LoggedRegistry(state_dir, settings)
        self._problems: dict[str, str] = {}

    def refresh(self) -> None:
        """Bring the log up to date and forget what was checked.

        Raises `TransparencyError` for a log that is not what was seen before.
        """
        self._problems.clear()
        self._registry.sync()
        self._registry.log().newest()

    def ledger_findings(
        self, ledger: Ledger, collection_uid: str, tenant: str | None = None
    ) -> list[LogFinding]:
        """Return where a ledger is not what the log says of a collection; reads the whole log."""
        audit = LedgerAudit(ledger, self._registry.log().storage)
        differences, changes = audit.run(collection_uid, tenant)
        found = [each.finding for each in differences]
        if reason := audit.rollback(changes):
            found.insert(0, LogFinding(kind=Tampering.ROLLBACK, index=None, reason=reason))
        return found

    def problem(self, envelope_id: str) -> str:
        """Return why the log does not vouch for an envelope; "" if it does. O(log n) once each."""
        if envelope_id not in self._problems:
            self._problems[envelope_id] = self._check(envelope_id)
        return self._problems[envelope_id]

    def _check(self, envelope_id: str) -> str:
        log, envelope = self._registry.log(), self._registry.envelope(envelope_id)
        try:
            entry = prove(log, index_of_envelope(log, envelope_id)).verify(log.key)
        except TransparencyError as error:
            return str(error)
        digest = envelope_digest(envelope or "null")
        # The newest entry: an envelope that was altered since has one that says so.
        added = entry.kind in ("envelope.added", "envelope.found")
        same = entry.subject == f"envelope/{envelope_id}" and entry.fields.get("sha256") == digest
        if not added or not same:
            return f"envelope {envelope_id} is not the one that was logged"
        return ""

    def close(self) -> None:
        """Close the log."""
        self._registry.close()
