"""Settings of tenancy: the embedded store, identity, encryption, access to documents, quotas."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from .settings_section import Section


class EmbeddedStoreSettings(Section):
    """What the embedded store may take, and whether it works in the background.

    ``max_open_bytes`` bounds the memory of open tenants by an estimate from their files; a write
    that would leave fewer than ``min_free_bytes`` on the disk is refused. With ``optimize`` tenants
    with many deleted points are rewritten by a child process.
    """

    max_open_shards: int = Field(default=1_000, ge=1)
    max_open_bytes: int = Field(default=1_000_000_000, ge=1)
    min_free_bytes: int = Field(default=64 * 2**20, ge=0)
    optimize: bool = True


class ClaimSettings(Section):
    """Which claim of a token says what; an empty name is not read.

    A name that starts with a slash is a JSON pointer (RFC 6901): ``/realm_access/roles``.
    """

    tenant: str = Field(default="tenant", min_length=1)
    principal: str = Field(default="sub", min_length=1)
    roles: str = "roles"
    groups: str = "groups"
    department: str = "department"
    clearance: str = "clearance"
    purpose: str = "purpose"
    session: str = "sid"


class _TokenSettings(Section):
    """What every token must be; ``keys`` is a JWK set file, read again when it changes."""

    audience: str = Field(min_length=1)
    keys: Path
    leeway_s: float = Field(default=30.0, ge=0.0, le=300.0)
    max_age_s: float = Field(default=86_400.0, gt=0.0)
    max_bytes: int = Field(default=8_192, ge=256, le=65_536)


class JwtSettings(_TokenSettings):
    """Which EdDSA tokens are taken: of this issuer, for this audience, signed by these keys."""

    issuer: str = Field(min_length=1)
    claims: ClaimSettings = ClaimSettings()


class JwtSvidSettings(_TokenSettings):
    """Which SPIFFE JWT-SVIDs are taken; ``keys`` is the trust bundle of ``trust_domain``.

    ``path`` is a template over the path of the SPIFFE ID, such as
    ``/tenant/{tenant}/agent/{principal}``; each placeholder is one whole segment, and ``{tenant}``
    must be there. Without ``{principal}`` the SPIFFE ID is the principal. An SVID has no roles of
    its own: ``roles`` are those of all of them.
    """

    trust_domain: str = Field(min_length=1)
    path: str = Field(min_length=1)
    roles: tuple[str, ...] = ()
    max_age_s: float = Field(default=3_600.0, gt=0.0)


class IdentitySettings(Section):
    """Which tokens the service takes beside API keys; None of a kind means none of that kind."""

    jwt: JwtSettings | None = None
    jwt_svid: JwtSvidSettings | None = None


class EncryptionSettings(Section):
    """Whether and how payload values are sealed with a key of their tenant.

    ``key``: where the key-encryption key is, ``file:PATH`` or ``env:NAME`` (not a ``RAGBASTION_``
    name), or None for no encryption; ``previous_keys``: keys that ``tenants rewrap`` still reads.
    ``fields``: payload keys, with dots for inner ones. ``max_seals``: after how many a data key is
    replaced. ``recheck_s``: how long another process's dropped key can still open what it has
    sealed. ``unsafe_accept_plain``: read values that are not sealed, while old ones are migrated.
    """

    key: str | None = None
    previous_keys: tuple[str, ...] = ()
    fields: tuple[str, ...] = ("text",)
    max_seals: int = Field(default=2**30, ge=1, le=2**32)
    recheck_s: float = Field(default=1.0, ge=0.0, le=60.0)
    unsafe_accept_plain: bool = False


class TenantAccess(Section):
    """How documents of a tenant are opened to its principals.

    ``enabled``: whether ingestion labels every document, with the writer as its owner, and
    ``unlabelled`` decides about the rest; without it only documents that were given a label, or
    deleted, are held to it. ``unlabelled``: whether a document without an access label is readable
    by all of the tenant or by none. ``default_classification`` is given to documents that are
    written without one, from 0, public, to 3, secret. ``write_up`` lets a principal classify above
    its own clearance; ``owner_declassifies`` lets an owner lower a classification. Deleted
    documents can be purged after ``retention_days``.
    """

    enabled: bool = False
    unlabelled: Literal["deny", "allow"] = "deny"
    default_classification: int = Field(default=0, ge=0, le=3)
    write_up: Literal["deny", "allow"] = "deny"
    owner_declassifies: bool = False
    retention_days: float = Field(default=30.0, ge=0)


class AccessChanges(Section):
    """What one tenant has different from the rest; None keeps the general value."""

    enabled: bool | None = None
    unlabelled: Literal["deny", "allow"] | None = None
    default_classification: int | None = Field(default=None, ge=0, le=3)
    write_up: Literal["deny", "allow"] | None = None
    owner_declassifies: bool | None = None
    retention_days: float | None = Field(default=None, ge=0)


class AccessSettings(TenantAccess):
    """Document-level access: general values, and by name of tenant what differs."""

    tenants: dict[str, AccessChanges] = Field(default_factory=dict)

    def of(self, tenant: str) -> TenantAccess:
        """Return the values that hold for the tenant."""
        return TenantAccess(**_changed(self, TenantAccess, self.tenants.get(tenant)))

    def where_enabled(self) -> AccessSettings:
        """Return values by which a tenant that has not enabled access may read what is unlabelled.

        For what guards by settings; who makes a `DocumentAccess` of its own has enabled it.
        """
        terms = {name: _opened(self.of(name)) for name in self.tenants}
        changes = {name: AccessChanges(**each.model_dump()) for name, each in terms.items()}
        return AccessSettings(**_opened(self.of("")).model_dump(), tenants=changes)


class TenantQuota(Section):
    """What a tenant may store and call.

    ``burst_calls`` is how many calls may come at once, and None means ``calls_per_minute`` of them;
    ``batch_points`` is how many points one call may write.
    """

    points_per_collection: int = Field(default=1_000_000, ge=0)
    points_total: int = Field(default=5_000_000, ge=0)
    calls_per_minute: int = Field(default=6_000, ge=1, le=60_000_000)
    burst_calls: int | None = Field(default=None, ge=1, le=60_000_000)
    batch_points: int = Field(default=10_000, ge=1)


class QuotaChanges(Section):
    """What one tenant has different from the rest; None keeps the general value."""

    points_per_collection: int | None = Field(default=None, ge=0)
    points_total: int | None = Field(default=None, ge=0)
    calls_per_minute: int | None = Field(default=None, ge=1, le=60_000_000)
    burst_calls: int | None = Field(default=None, ge=1, le=60_000_000)
    batch_points: int | None = Field(default=None, ge=1)


class QuotaSettings(TenantQuota):
    """Quotas: general limits, and by name of tenant what differs."""

    tenants: dict[str, QuotaChanges] = Field(default_factory=dict)

    def of(self, tenant: str) -> TenantQuota:
        """Return the limits that hold for the tenant."""
        return TenantQuota(**_changed(self, TenantQuota, self.tenants.get(tenant)))


def _opened(terms: TenantAccess) -> TenantAccess:
    return terms if terms.enabled else terms.model_copy(update={"unlabelled": "allow"})


def _changed(general: Section, kind: type[Section], changes: Section | None) -> dict[str, Any]:
    """Return the fields of ``kind`` with a tenant's changes over the general values."""
    own = {} if changes is None else changes.model_dump(exclude_none=True)
    return {name: own.get(name, getattr(general, name)) for name in kind.model_fields}
