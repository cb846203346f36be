"""Which key signs for a source or a reviewer now, and at what time by a clock that never runs back.

- INVARIANT: nothing is signed for a revoked source, by a revoked key, or by one out of its time.
- INVARIANT: the statements of a key do not go back in time: a clock a little behind is held at the
  last statement's time and told of, one further behind is refused.
"""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from pathlib import Path

from ...core.errors import ProvenanceError
from ...core.events import Event, EventSink
from ...core.settings import ProvenanceSettings
from .dsse import SigningKey, key_at, local_key
from .keys import SigningKeys
from .policy_answers import MAX_CLOCK_STEP_S
from .registry import SourceRegistry
from .source_records import ELSEWHERE, KeyRecord, Revoked

STATE = "state:"
"""Scheme of a key that is a file of the state folder; what follows is its generation."""


class SourceKeys:
    """The keys of a state folder's sources, opened and registered on first use unless by hand."""

    def __init__(
        self,
        state_dir: Path,
        registry: SourceRegistry,
        settings: ProvenanceSettings,
        events: EventSink,
    ) -> None:
        self._files = SigningKeys(state_dir)
        self._registry = registry
        self._settings = settings
        self._events = events

    def signer(self, tenant: str, source: str, reviewer: str = "") -> SigningKey:
        """Return the key that signs for a source, or a reviewer's, made if there was none.

        Raises `ProvenanceError` if the source is revoked or not opened yet, if its key may not
        sign or cannot be read, and `MissingExtraError` where its signer is not installed.
        """
        usable = self.require_signable(tenant, source, reviewer)
        name = _name(source, reviewer)
        # The key first: a source whose key cannot sign must not become one that is trusted.
        key = self._open(usable) if usable is not None else self.made(tenant, name, 0)
        self._open_source(tenant, source)
        if usable is not None:
            return key
        self._registry.add_key(key.key_id, tenant, name, key.public_pem)
        return key

    def require_signable(self, tenant: str, source: str, reviewer: str = "") -> KeyRecord | None:
        """Return the key that may sign now, None if there was never one; open and make nothing.

        Raises `ProvenanceError` if the source is revoked or not opened yet, or no key may sign.
        """
        found = self._registry.revocations(Revoked.SOURCE, tenant, source)
        if any(each.until is None for each in found):
            raise ProvenanceError(
                f"signing refused: source '{source}' is revoked; open it again with 'ragbastion "
                "sources reopen' once it may be believed"
            )
        by_hand = self._settings.open_sources == "by-hand"
        if by_hand and self._registry.source(tenant, source) is None:
            raise ProvenanceError(
                f"signing refused: source '{source}' is not open; 'ragbastion sources add' opens "
                "it ('provenance.open_sources' is \"by-hand\")"
            )
        every = self._registry.keys(tenant, _name(source, reviewer))
        known = [key for key in every if key.uri != ELSEWHERE]
        now = time.time()
        usable = next((key for key in known if key.may_sign(now)), None)
        if known and usable is None:
            raise ProvenanceError(
                "signing refused: every key of this name is revoked or out of its time; make a new "
                "one with 'ragbastion sources rotate'"
            )
        return usable

    def require_readable(self, tenant: str, source: str, reviewer: str = "") -> None:
        """Raise as `require_signable`, and for a key file that cannot be read or is another's.

        A clock that is further back than `MAX_CLOCK_STEP_S` is refused here too.
        """
        usable = self.require_signable(tenant, source, reviewer)
        if usable is None:
            return
        if usable.uri.startswith(STATE):
            self._open(usable)
        behind = self._last_s(usable.key_id) - time.time()
        self._require_clock(behind, usable.key_id, tenant, source)

    def made(self, tenant: str, name: str, generation: int) -> SigningKey:
        """Return the key file of a name, made if it does not exist; it is not registered here."""
        return local_key(self._files.key(f"{tenant}/{name}", generation))

    def time_of(self, key: SigningKey, tenant: str, source: str) -> int:
        """Return the time that a statement is signed at, in whole seconds.

        Raises `ProvenanceError` if the clock is further back than `MAX_CLOCK_STEP_S`.
        """
        now, last = time.time(), self._last_s(key.key_id)
        self._require_clock(last - now, key.key_id, tenant, source)
        if last > now:
            self._tell_clock("held", last - now, key.key_id, tenant, source)
        return int(max(now, last))

    def _last_s(self, key_id: str) -> float:
        return self._registry.last_arrival(key_id) or 0.0

    def _require_clock(self, behind_s: float, key_id: str, tenant: str, source: str) -> None:
        if behind_s <= MAX_CLOCK_STEP_S:
            return
        self._tell_clock("refused", behind_s, key_id, tenant, source)
        raise ProvenanceError(
            f"signing refused: this machine's clock is {behind_s:.0f} s behind the last "
            "statement of this key; set the clock, or rotate the key if it once ran ahead"
        )

    def _tell_clock(
        self, outcome: str, behind_s: float, key_id: str, tenant: str, source: str
    ) -> None:
        self._events.emit(
            Event(
                kind="provenance.clock_back",
                tenant=tenant,
                subject=source,
                outcome=outcome,
                detail={"behind_s": round(behind_s, 3), "key_id": key_id},
            )
        )

    def _open(self, record: KeyRecord) -> SigningKey:
        if not record.uri.startswith(STATE):
            pin = self._settings.signer_pin
            return key_at(record.uri, record.public_pem, pin.get_secret_value() if pin else None)
        generation = int(record.uri.removeprefix(STATE))
        key = self.made(record.tenant, record.name, generation)
        if key.key_id != record.key_id:
            raise ProvenanceError(
                f"key {record.key_id[:16]} cannot sign: its file holds another key; restore the "
                "file, or make a new key with 'ragbastion sources rotate'"
            )
        return key

    def _open_source(self, tenant: str, source: str) -> None:
        if self._registry.source(tenant, source) is not None:
            return
        untrusted = any(fnmatchcase(source, each) for each in self._settings.untrusted_sources)
        self._registry.register(tenant, source, trusted=not untrusted)
        self._events.emit(
            Event(
                kind="source.opened",
                tenant=tenant,
                subject=source,
                outcome="opened",
                detail={"by": "first use", "trusted": not untrusted},
            )
        )


def _name(source: str, reviewer: str) -> str:
    return f"reviewer/{reviewer}" if reviewer else f"source/{source}"
