"""Whether a signed statement is believed now: its key, its source, revocations and the policy.

- INVARIANT: nothing that was decided is used after a key, source, revocation or the policy changed;
  every call of `Trust.now` looks, so a change takes effect at the next query in every process.
- INVARIANT: a statement counts by two times, the signer's ``signed_at`` and its arrival in this
  state folder; it is void if either falls into what was revoked.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import urlsplit

from ...core.chunk import Chunk, Integrity
from ...core.errors import ProvenanceError, SettingsError
from ...core.settings import ProvenanceSettings
from .envelope import BatchStatement, open_sealed
from .policy_answers import PolicyAnswers, Times
from .registry import SourceRegistry
from .source_records import KeyRecord, Revoked, SourceRecord
from .trust_policy import LoadedPolicy, PolicyFile
from .trust_root import RootChain

_MAX_CACHED = 10_000

CLOCK_LEEWAY_S = 60.0
"""Signing comes before arrival, and a signer's clock may differ this much from ours."""


class Trust:
    """Reads trust for queries; made once and asked by `now` at each."""

    def __init__(self, registry: SourceRegistry, settings: ProvenanceSettings) -> None:
        self._registry = registry
        self._settings = settings
        self._policy = PolicyFile(settings.trust_policy) if settings.trust_policy else None
        self._roots = RootChain(registry, settings.trust_root)
        self._now: TrustNow | None = None

    def now(self) -> TrustNow:
        """Return trust as it is; the same object until something changed.

        Raises `ProvenanceError` while the trust policy cannot be read, or is not the one that the
        trust root stands for.
        """
        policy = self._current_policy()
        version = self._registry.trust_version()
        now = self._now
        if (
            now is None
            or now.version != version
            or now.policy is not policy
            or time.time() >= now.ends
        ):
            ends = self._roots.require_policy(policy.digest) if policy else math.inf
            now = self._now = TrustNow(self._registry, self._settings, policy, version, ends)
        return now

    def _current_policy(self) -> LoadedPolicy | None:
        try:
            return self._policy.current() if self._policy else None
        except SettingsError as error:
            raise ProvenanceError(str(error)) from error


_NEVER = Times(0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What was decided of an envelope; ``refused`` is why, or empty."""

    refused: str = ""
    integrity: Integrity = Integrity.UNTRUSTED
    source: SourceRecord | None = None
    times: Times = _NEVER


class TrustNow:
    """Trust between two changes, until ``ends``; what an envelope is worth is decided once."""

    def __init__(
        self,
        registry: SourceRegistry,
        settings: ProvenanceSettings,
        policy: LoadedPolicy | None,
        version: int,
        ends: float,
    ) -> None:
        self.version = version
        self.policy = policy
        self.ends = ends
        self._registry = registry
        self._untrusted = settings.untrusted_sources
        self._judged: dict[str, _Judged] = {}
        # Few, and asked for by every envelope.
        self._key = lru_cache(_MAX_CACHED)(registry.key)
        self._source = lru_cache(_MAX_CACHED)(registry.source)
        self._revocations = lru_cache(_MAX_CACHED)(registry.revocations)
        self._answers = PolicyAnswers(policy.rules) if policy else None

    def label(
        self, chunk: Chunk, envelope_id: str, statement: BatchStatement, collection: str = ""
    ) -> Integrity:
        """Return the label of a chunk that a statement covers, or raise `ProvenanceError`.

        ``statement`` must have been opened from that envelope, and be of the chunk's tenant and
        source. ``collection`` is the collection's name, which a policy may ask for.
        """
        judged = self._judged.get(envelope_id)
        if judged is None:
            judged = self._keep(envelope_id, statement)
        if judged.refused:
            raise ProvenanceError(f"chunk {chunk.id} {judged.refused}")
        source = judged.source
        if source is not None and (source.paths or source.domains):
            _require_patterns(chunk, source)
        if self._answers is None or source is None:
            return judged.integrity
        answer = self._answers(chunk, collection, source, judged.times)
        if answer.refused:
            raise ProvenanceError(f"chunk {chunk.id} is refused by the trust policy: {answer.why}")
        return judged.integrity if answer.allowed else Integrity.UNTRUSTED

    def is_revoked(self, tenant: str, source: str) -> bool:
        """Whether a source is not believed in what it says now; for chunks without a proof."""
        found = self._revocations(Revoked.SOURCE, tenant, source)
        return any(each.until is None for each in found)

    def is_void(self, envelope_id: str) -> bool:
        """Whether nothing that an envelope covers is believed; one that does not open is void."""
        try:
            kept = self._registry.envelope(envelope_id)
            key = kept and self._key(kept[1])
            if kept is None or not key:
                return True
            return bool(self._judge(envelope_id, open_sealed(kept[0], key.public_pem)).refused)
        except ProvenanceError:
            return True

    def _keep(self, envelope_id: str, statement: BatchStatement) -> _Judged:
        judged = self._judge(envelope_id, statement)
        if len(self._judged) >= _MAX_CACHED:
            self._judged.clear()
        self._judged[envelope_id] = judged
        return judged

    def _judge(self, envelope_id: str, statement: BatchStatement) -> _Judged:
        key = self._key(statement.key_id)
        names = {f"source/{statement.source}", f"reviewer/{statement.reviewer}"}
        if key is None or key.tenant != statement.tenant or key.name not in names:
            return _Judged(refused="was signed by a key not registered for it")
        arrived = self._registry.arrived_at(envelope_id)
        if arrived is None:
            return _Judged(refused="names an envelope that is no longer held: ingest it again")
        times = Times(statement.signed_at, arrived)
        refused = self._void(key, statement, times)
        if refused:
            return _Judged(refused=refused)
        source = self._source(statement.tenant, statement.source)
        return _Judged(integrity=self._integrity(source), source=source, times=times)

    def _void(self, key: KeyRecord, statement: BatchStatement, times: Times) -> str:
        """Return why a statement by a registered key does not count, or ""."""
        tenant = statement.tenant
        by_source = self._revocations(Revoked.SOURCE, tenant, statement.source)
        if any(each.covers(*times) for each in by_source):
            return "is of a source that is revoked"
        by_key = self._revocations(Revoked.KEY, tenant, key.key_id)
        if any(each.covers(*times) for each in by_key):
            return "was signed by a key that is revoked"
        if not _in_time(key, times):
            return "was signed by a key outside its time: ingest its document again"
        return ""

    def _integrity(self, source: SourceRecord | None) -> Integrity:
        if source is None or not source.trusted:
            return Integrity.UNTRUSTED
        untrusted = any(fnmatchcase(source.source, each) for each in self._untrusted)
        return Integrity.UNTRUSTED if untrusted else Integrity.TRUSTED


def _in_time(key: KeyRecord, times: Times) -> bool:
    for at in times:
        if at < key.valid_from - CLOCK_LEEWAY_S:
            return False
        if key.valid_until is not None and at >= key.valid_until + CLOCK_LEEWAY_S:
            return False
    return True


def _require_patterns(chunk: Chunk, source: SourceRecord) -> None:
    """Raise unless the chunk's document is one that its source may hold."""
    if source.paths and not any(fnmatchcase(chunk.document, each) for each in source.paths):
        raise ProvenanceError(
            f"chunk {chunk.id} is of a document that its source is not registered for: change the "
            "source's paths, or take the document out of it"
        )
    if source.domains and not _in_domains(chunk.metadata.get("url"), source.domains):
        raise ProvenanceError(
            f"chunk {chunk.id} is from an address that its source is not registered for: change "
            "the source's domains, or take the document out of it"
        )


def _in_domains(url: object, domains: tuple[str, ...]) -> bool:
    if not isinstance(url, str):
        return False
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    return any(host == each or host.endswith("." + each) for each in domains)
