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
from ...core.errors import NotBelievedError, ProvenanceError, RevokedError, SettingsError
from ...core.settings import ProvenanceSettings
from .envelope import open_sealed
from .policy_answers import PolicyAnswers, Times
from .registry import SourceRegistry
from .source_records import KeyRecord, Revoked, SourceRecord, TrustTier
from .statement import BatchStatement
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """An envelope that nobody believes: why, and whether a revocation is the reason."""

    why: str
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Believed:
    """An envelope whose chunks may be believed, as far as their source is."""

    integrity: Integrity
    source: SourceRecord
    times: Times


_Judged = _Refused | _Believed


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

        The error is a `RevokedError` where a revocation voids the statement, else a
        `NotBelievedError`. ``statement`` must have been opened from that envelope, and be of the
        chunk's tenant and source.
        ``collection`` is the collection's name, which a policy may ask for.
        """
        judged = self._judged.get(envelope_id)
        if judged is None:
            judged = self._keep(envelope_id, statement)
        if isinstance(judged, _Refused):
            refusal = RevokedError if judged.revoked else NotBelievedError
            raise refusal(f"chunk {chunk.id} {judged.why}")
        source = judged.source
        if source.paths or source.domains:
            _require_patterns(chunk, source)
        if self._answers is None:
            return judged.integrity
        answer = self._answers(chunk, collection, source, judged.times)
        if answer.refused:
            raise NotBelievedError(f"chunk {chunk.id} is refused by the trust policy: {answer.why}")
        return judged.integrity if answer.allowed else Integrity.UNTRUSTED

    def source(self, tenant: str, source: str) -> SourceRecord | None:
        """Return what is known of a source, None if it was never registered."""
        return self._source(tenant, source)

    def is_revoked(self, tenant: str, source: str) -> bool:
        """Whether a source is not believed in what it says now; for chunks without a proof."""
        found = self._revocations(Revoked.SOURCE, tenant, source)
        return any(each.until is None for each in found)

    def is_envelope_revoked(self, envelope_id: str) -> bool:
        """Whether a revocation voids what an envelope covers; False for one that does not open."""
        try:
            statement = self.opened(envelope_id)
        except ProvenanceError:
            return False
        if statement is None:
            return False
        judged = self._judge(envelope_id, statement)
        return isinstance(judged, _Refused) and judged.revoked

    def standing(self, envelope_id: str) -> tuple[BatchStatement | None, str]:
        """Return what an envelope says, None if it does not open, and what it is worth now.

        That is a label, or why nobody believes it; a policy may refuse single chunks beyond that.
        """
        try:
            statement = self.opened(envelope_id)
        except ProvenanceError as error:
            return None, str(error)
        if statement is None:
            return None, "the state folder does not hold this envelope"
        judged = self._judge(envelope_id, statement)
        return statement, judged.why if isinstance(judged, _Refused) else judged.integrity.value

    def opened(self, envelope_id: str) -> BatchStatement | None:
        """Return what an envelope says, None if it is not held; raise if it does not verify."""
        kept = self._registry.envelope(envelope_id)
        key = kept and self._key(kept[1])
        if kept is None or not key:
            return None
        return open_sealed(kept[0], key.public_pem)

    def _keep(self, envelope_id: str, statement: BatchStatement) -> _Judged:
        judged = self._judge(envelope_id, statement)
        if len(self._judged) >= _MAX_CACHED:
            self._judged.clear()
        self._judged[envelope_id] = judged
        return judged

    def _judge(self, envelope_id: str, statement: BatchStatement) -> _Judged:
        tenant, name = statement.tenant, statement.source
        key = self._key(statement.key_id)
        names = {f"source/{name}", f"reviewer/{statement.reviewer}"}
        if key is None or key.tenant != tenant or key.name not in names:
            return _Refused(why="was signed by a key not registered for it")
        arrived = self._registry.arrived_at(envelope_id)
        if arrived is None:
            return _Refused(why="names an envelope that is no longer held: ingest it again")
        times = Times(statement.signed_at, arrived)
        if self._covers(Revoked.SOURCE, tenant, name, times):
            return _Refused(why="is of a source that is revoked", revoked=True)
        if self._covers(Revoked.KEY, tenant, key.key_id, times):
            return _Refused(why="was signed by a key that is revoked", revoked=True)
        if not _in_time(key, times):
            return _Refused(why="was signed by a key outside its time: ingest its document again")
        # One that nobody registered is not above a policy.
        source = self._source(tenant, name) or SourceRecord(
            tenant=tenant, source=name, tier=TrustTier.UNTRUSTED
        )
        return _Believed(integrity=self._integrity(source), source=source, times=times)

    def _covers(self, kind: Revoked, tenant: str, subject: str, times: Times) -> bool:
        return any(each.covers(*times) for each in self._revocations(kind, tenant, subject))

    def _integrity(self, source: SourceRecord) -> Integrity:
        if not source.trusted:
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
        raise NotBelievedError(
            f"chunk {chunk.id} is of a document that its source is not registered for: change the "
            "source's paths, or take the document out of it"
        )
    if source.domains and not _in_domains(chunk.metadata.get("url"), source.domains):
        raise NotBelievedError(
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
