"""What the registry keeps of sources, of keys, and of what was revoked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...core.verdict import _Ordered


class TrustTier(_Ordered):
    """How far a source is trusted, from least to most; everything above the first is trusted."""

    UNTRUSTED = "untrusted"
    """Anyone can write it: the web, a forum, incoming mail."""
    EXTERNAL = "external"
    """A known party outside the organisation."""
    INTERNAL = "internal"
    """The organisation's own."""
    AUTHORITATIVE = "authoritative"
    """The organisation's word of record on its subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """A source of a tenant, who answers for it, how far it is trusted, and what it may hold.

    ``paths`` are shell patterns over document names, ``domains`` the hosts (with their subdomains)
    of documents' addresses; empty means any. ``opened_at`` is seconds since the epoch;
    ``opened_by`` the person who opened it or vouched for it, "" if ingestion opened it by itself.
    """

    tenant: str
    source: str
    tier: TrustTier = TrustTier.INTERNAL
    owner: str = ""
    domains: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    opened_at: float = 0.0
    opened_by: str = ""

    @property
    def trusted(self) -> bool:
        """Whether what the source says is trusted at all."""
        return self.tier is not TrustTier.UNTRUSTED

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "tenant": self.tenant,
            "source": self.source,
            "tier": self.tier.value,
            "owner": self.owner,
            "domains": list(self.domains),
            "paths": list(self.paths),
            "opened": self.opened_at,
            "opened_by": self.opened_by,
        }


ELSEWHERE = "elsewhere:"
"""URI of a key that came with evidence: its private half is in another state folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A public key, the one name that it speaks for, when, and where its private half is.

    ``name`` is ``source/NAME`` or ``reviewer/NAME``. ``uri`` is ``state:N`` for the Nth key file of
    the state folder, `ELSEWHERE`, or a securesystemslib signer's. ``revoked`` says that it may not
    sign any more; which of its statements are void the revocations say.
    """

    key_id: str
    tenant: str
    name: str
    public_pem: str
    revoked: bool = False
    created_at: float = 0.0
    valid_from: float = 0.0
    valid_until: float | None = None
    uri: str = "state:0"

    def may_sign(self, now: float) -> bool:
        """Whether the key may sign at a time."""
        ends = math.inf if self.valid_until is None else self.valid_until
        return not self.revoked and self.valid_from <= now < ends

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, without the PEM text."""
        return {
            "key_id": self.key_id,
            "name": self.name,
            "uri": self.uri,
            "created": self.created_at,
            "valid_from": self.valid_from,
            "valid_until": self.valid_until,
            "revoked": self.revoked,
        }


class Revoked(StrEnum):
    """What a revocation is about."""

    KEY = "key"
    SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """From when on a key or source is not believed, and until when if it was opened again.

    ``subject`` is a key id or a source's name; ``since`` 0 means all it ever said; ``until`` None
    means for good. ``at``, ``by`` and ``why`` tell of the act itself.
    """

    kind: Revoked
    tenant: str
    subject: str
    since: float
    until: float | None
    at: float
    by: str
    why: str

    def covers(self, signed_at: int, arrived_at: float) -> bool:
        """Whether a statement is not believed, by either of its times.

        ``signed_at`` has whole seconds, rounded down: one of the second in which the revocation
        ended is after it, which a statement can only be if it also arrived after it.
        """
        ends = math.inf if self.until is None else self.until
        return self.since <= arrived_at < ends or (
            self.since <= signed_at and signed_at + 1 <= ends
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "kind": self.kind.value,
            "subject": self.subject,
            "since": self.since,
            "until": self.until,
            "at": self.at,
            "by": self.by,
            "why": self.why,
        }
