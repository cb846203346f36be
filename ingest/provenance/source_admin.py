"""Changes to sources and keys by a person: opened, trusted, rotated, revoked, opened again.

- INVARIANT: every change is an event; what gives trust is told of before it is done, what takes
  trust away is done before it is told of, so that a full audit log cannot hold up a revocation.
- INVARIANT: every change is in the transparency log when the call returns. It holds even where the
  call raises because the log was put back: then the next one that can appends it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...core.errors import ProvenanceError, UsageError
from ...core.events import Event, EventSink
from ...core.settings import ProvenanceSettings
from .keys import key_id_of
from .log.logged_registry import LoggedRegistry
from .registry import SourceRegistry
from .source_keys import STATE, SourceKeys
from .source_records import KeyRecord, Revocation, Revoked, SourceRecord
from .trust_root import RootChain, TrustRoot

MAX_OVERLAP_S = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerAt:
    """A signer that holds its key itself: its securesystemslib URI and the public key as PEM."""

    uri: str
    public_pem: str


class SourceAdmin:
    """Administers the sources of a state folder; ``principal`` stands in every event."""

    def __init__(
        self,
        state_dir: Path,
        events: EventSink,
        *,
        principal: str,
        settings: ProvenanceSettings | None = None,
    ) -> None:
        chosen = settings or ProvenanceSettings()
        self.registry = SourceRegistry(state_dir)
        self._logged = LoggedRegistry(state_dir, chosen.log)
        self._keys = SourceKeys(state_dir, self.registry, chosen, events)
        self._events = events
        self._principal = principal

    def open(self, record: SourceRecord, signer: SignerAt | None = None) -> SourceRecord:
        """Open a source, with a key of its own; raise `UsageError` if the tenant has it already."""
        record = replace(record, opened_at=time.time(), opened_by=self._principal)
        if self.registry.source(record.tenant, record.source) is not None:
            raise UsageError(f"source '{record.source}' is open already: change it, or rotate it")
        # The key first: one that is refused must not leave a source without it.
        self._add_key(record.tenant, f"source/{record.source}", signer)
        self._tell("source.opened", record.tenant, record.source, record.as_dict())
        self.registry.open_source(record)
        self._logged.sync()
        return record

    def change(self, record: SourceRecord) -> None:
        """Replace tier, owner, domains, paths and who opened it, from the next query on."""
        before = self.known(record.tenant, record.source)
        detail = {"before": before.as_dict(), "after": record.as_dict()}
        self._tell("source.changed", record.tenant, record.source, detail)
        self.registry.change_source(record)
        self._logged.sync()

    def vouch(self, record: SourceRecord) -> SourceRecord:
        """Answer for a source as if this principal had opened it, which ends its probation."""
        vouched = replace(record, opened_by=self._principal)
        self.change(vouched)
        return vouched

    def rotate(
        self, tenant: str, name: str, *, overlap_s: float, signer: SignerAt | None = None
    ) -> KeyRecord:
        """Give a name (``source/…`` or ``reviewer/…``) a new key; its old ones end after a while.

        What the old keys signed until then still counts.
        """
        if not 0 <= overlap_s <= MAX_OVERLAP_S:
            raise UsageError("overlap refused: it is 0 seconds to 10 years")
        if not self.registry.keys(tenant, name):
            raise UsageError("rotation refused: the tenant has no key of that name; check the name")
        new = self._add_key(tenant, name, signer)
        ending = self.registry.retire_keys(tenant, name, new.key_id, time.time() + overlap_s)
        self._tell("key.rotated", tenant, name, {"new": new.key_id, "ending": ending})
        self._logged.sync()
        return new

    def revoke_source(
        self, tenant: str, source: str, why: str, *, since: float = 0.0
    ) -> list[Revocation]:
        """Distrust what a source said at or after ``since``, with its keys, from the next query.

        It may sign no more until it is opened again. ``since`` counts the signer's clock and the
        arrival here, whichever is later; 0 means all it ever said.
        """
        self.known(tenant, source)
        self._require_past(since)
        keys = self.registry.keys(tenant, f"source/{source}")
        self.registry.revoke(
            [
                (Revoked.SOURCE, tenant, source),
                *((Revoked.KEY, tenant, key.key_id) for key in keys),
            ],
            why,
            since=since,
            by=self._principal,
        )
        detail = {"why": why, "since": since, "keys": [key.key_id for key in keys]}
        self._tell_of_loss("source.revoked", tenant, source, detail)
        return self.registry.revocations(Revoked.SOURCE, tenant, source)

    def revoke_key(
        self, tenant: str, key_id: str, why: str, *, since: float = 0.0, name: str | None = None
    ) -> None:
        """Distrust what one key signed at or after ``since``; it may sign no more.

        With ``name`` (``source/…``) the key must be one of that name.
        """
        found = self.registry.key(key_id)
        if found is None or found.tenant != tenant or name not in (None, found.name):
            raise UsageError("key refused: there is none of that id here; check the id")
        self._require_past(since)
        self.registry.revoke_key(key_id, why, since=since, by=self._principal)
        detail = {"key_id": key_id, "why": why, "since": since}
        self._tell_of_loss("key.revoked", tenant, found.name, detail)

    def revoke_reviewer(
        self, tenant: str, reviewer: str, why: str, *, since: float = 0.0
    ) -> list[KeyRecord]:
        """Distrust what a reviewer released at or after ``since``; return the keys.

        A reviewer who is to release again gets a new key by `rotate`.
        """
        name = f"reviewer/{reviewer}"
        keys = self.registry.keys(tenant, name)
        if not keys:
            raise UsageError("reviewer refused: the tenant has none of that name; check the name")
        self._require_past(since)
        subjects = [(Revoked.KEY, tenant, key.key_id) for key in keys]
        self.registry.revoke(subjects, why, since=since, by=self._principal)
        detail = {"why": why, "since": since, "keys": [key.key_id for key in keys]}
        self._tell_of_loss("reviewer.revoked", tenant, reviewer, detail)
        return keys

    def reopen(self, tenant: str, source: str, why: str) -> KeyRecord:
        """Let a revoked source sign again with a new key; what was revoked stays so."""
        self.known(tenant, source)
        if not self.is_revoked(tenant, source):
            raise UsageError(f"source '{source}' is not revoked: there is nothing to open again")
        self._tell("source.reopened", tenant, source, {"why": why})
        new = self._add_key(tenant, f"source/{source}", None)
        self.registry.end_revocations(tenant, source, time.time())
        self._logged.sync()
        return new

    def reinstate(self, tenant: str, source: str, why: str) -> None:
        """Take a source's revocations, and those of its keys, back as mistaken."""
        self.known(tenant, source)
        if not self.is_revoked(tenant, source):
            raise UsageError(f"source '{source}' is not revoked: there is nothing to take back")
        self._tell("source.reinstated", tenant, source, {"why": why})
        self.registry.withdraw_revocations(tenant, source)
        self._logged.sync()

    def accept_root(self, chain: RootChain, envelope_json: str) -> TrustRoot:
        """Keep the next trust root of a chain; raise `ProvenanceError` if it may not follow."""
        root = chain.following(envelope_json)
        detail: dict[str, Any] = {"threshold": root.threshold, "keys": list(root.keys)}
        detail["policies"] = list(root.policies)
        self._tell("root.accepted", "", str(root.version), detail)
        accepted = chain.accept(envelope_json)
        self._logged.sync()
        return accepted

    def known(self, tenant: str, source: str) -> SourceRecord:
        """Return the record of an open source, or raise `UsageError`."""
        record = self.registry.source(tenant, source)
        if record is None:
            raise UsageError("source refused: the tenant has none of that name; check the name")
        return record

    def close(self) -> None:
        """Close the registry and the log."""
        self._logged.close()
        self.registry.close()

    def _add_key(self, tenant: str, name: str, signer: SignerAt | None) -> KeyRecord:
        known = self.registry.keys(tenant, name)
        if signer is None:
            generation = _next(known)
            made = self._keys.made(tenant, name, generation)
            signer = SignerAt(uri=f"{STATE}{generation}", public_pem=made.public_pem)
        key_id = key_id_of(signer.public_pem)
        self._tell("key.registered", tenant, name, {"key_id": key_id})
        self.registry.add_key(
            key_id,
            tenant,
            name,
            signer.public_pem,
            uri=signer.uri,
            valid_from=time.time() if known else 0.0,
        )
        record = self.registry.key(key_id)
        if record is None:
            raise ProvenanceError("key was registered and is gone: somebody changes the registry")
        return record

    def is_revoked(self, tenant: str, source: str) -> bool:
        """Whether a source is revoked and was not opened again since."""
        found = self.registry.revocations(Revoked.SOURCE, tenant, source)
        return any(each.until is None for each in found)

    def _require_past(self, since: float) -> None:
        if not 0 <= since <= time.time():
            raise UsageError("since refused: it must be a time that has been, after 1970")

    def _tell_of_loss(
        self, kind: str, tenant: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """Tell of trust that was taken away; the transparency log has it even if that fails."""
        try:
            self._tell(kind, tenant, subject, detail)
        finally:
            self._logged.sync()

    def _tell(self, kind: str, tenant: str, subject: str, detail: Mapping[str, Any]) -> None:
        self._events.emit(
            Event(
                kind=kind,
                tenant=tenant,
                subject=subject,
                outcome="done",
                principal=self._principal,
                detail=detail,
            )
        )


def _next(known: list[KeyRecord]) -> int:
    """Return the generation of the next key file of a name."""
    files = [key.uri.removeprefix(STATE) for key in known if key.uri.startswith(STATE)]
    return max((int(each) for each in files), default=-1) + 1
