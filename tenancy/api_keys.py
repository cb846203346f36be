"""API keys: who a bearer token stands for, kept hashed in SQLite.

>>> from tempfile import mkdtemp
>>> keys = ApiKeys(Path(mkdtemp()) / "api_keys.db")
>>> plain = keys.create(tenant="acme", principal="agent-1", roles=["reader"])
>>> keys.authenticate(plain).context(session="s1").tenant
'acme'

A key is ``rb_<id>_<secret>``; the id finds the row, and the SHA-256 of the whole key is compared in
constant time. A plain hash is enough for a secret of 256 random bits; a chosen admin key has to be
long for the same reason.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import AccessError, CredentialError, UsageError
from ..core.sqlite import open_database, query, transaction
from .context import TenantContext
from .names import checked_tenant

_PREFIX = "rb"
_ID_BYTES = 8
_SECRET_BYTES = 32
_BOOTSTRAP_ID = "bootstrap"
_MIN_CHOSEN_CHARS = 16
# Used to check a text before it becomes part of an admin's key; never stored.
_ANY_TENANT = "admin"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS api_keys (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    tenant TEXT,
    principal TEXT NOT NULL,
    roles TEXT NOT NULL,
    created_at REAL NOT NULL,
    revoked_at REAL
) STRICT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a verified key stands for; ``tenant`` is None for an administrator's key."""

    key_id: str
    tenant: str | None
    principal: str
    roles: frozenset[str]

    @property
    def admin(self) -> bool:
        """Whether the key may act for every tenant and administer."""
        return self.tenant is None

    def context(
        self, *, tenant: str | None = None, session: str = "", purpose: str = ""
    ) -> TenantContext:
        """Return the context of one request; only an administrator's may name its tenant.

        Raises `AccessError` if a tenant's key names another tenant, `UsageError` if an
        administrator's names none.
        """
        if self.tenant is not None and tenant not in {None, self.tenant}:
            raise AccessError(
                f"key '{self.key_id}' is bound to tenant '{self.tenant}' and may not name another"
            )
        chosen = self.tenant if self.tenant is not None else tenant
        if chosen is None:
            raise UsageError("an administrator's key must name the tenant it acts for")
        return TenantContext(
            tenant=chosen,
            principal=self.principal,
            roles=self.roles,
            session=session,
            purpose=purpose,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A row of the list of keys; times are seconds since the epoch."""

    id: str
    tenant: str | None
    principal: str
    roles: frozenset[str]
    created_at: float
    revoked_at: float | None


class ApiKeys:
    """The keys of one installation, in a SQLite file; threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self._database = open_database(Path(path), _SCHEMA)
        self._lock = threading.Lock()

    def create(self, *, tenant: str | None, principal: str, roles: Collection[str] = ()) -> str:
        """Make a key and return it; it is not kept and cannot be shown again.

        ``tenant`` None makes an administrator's key. Raises `UsageError` for names that
        `TenantContext` refuses.
        """
        key_id = secrets.token_hex(_ID_BYTES)
        plain = f"{_PREFIX}_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        self._insert(key_id, plain, tenant, principal, roles)
        return plain

    def ensure_admin(self, plain: str | None = None) -> str | None:
        """Register ``plain`` as the bootstrap administrator's key, in place of an earlier one.

        Without one: generate and return a key if no administrator's key is active, else None. A
        registered key stays, also when it is no longer passed, until it is replaced or revoked.
        """
        if plain is None:
            if any(key.tenant is None and key.revoked_at is None for key in self.list()):
                return None
            return self.create(tenant=None, principal="admin", roles=["admin"])
        if len(plain) < _MIN_CHOSEN_CHARS or not plain.isascii() or not plain.isprintable():
            raise UsageError(
                f"bootstrap admin key refused: use at least {_MIN_CHOSEN_CHARS} printable ASCII "
                "characters, such as those of 'openssl rand -hex 32'"
            )
        known = self._active(_BOOTSTRAP_ID)
        if known is None or not hmac.compare_digest(known[0], _digest(plain)):
            self._insert(_BOOTSTRAP_ID, plain, None, "admin", ["admin"])
        return None

    def authenticate(self, bearer: str | None) -> Credential:
        """Return what the key stands for, or raise `CredentialError`; ``bearer``: untrusted."""
        if not bearer:
            raise CredentialError("no API key: send 'Authorization: Bearer <key>'")
        digest = _digest(bearer)
        # The bootstrap key has no id in it, so it is compared as well, each in constant time.
        for key_id in (_id_of(bearer), _BOOTSTRAP_ID):
            row = self._active(key_id)
            if row is not None and hmac.compare_digest(row[0], digest):
                return row[1]
        raise CredentialError("API key refused: it is unknown or revoked")

    def list(self) -> Sequence[ApiKey]:
        """Return every key without its secret, revoked ones too, oldest first."""
        with self._lock:
            rows = query(self._database, "SELECT * FROM api_keys ORDER BY created_at, id")
        return [
            ApiKey(
                id=row["id"],
                tenant=row["tenant"],
                principal=row["principal"],
                roles=frozenset(json.loads(row["roles"])),
                created_at=row["created_at"],
                revoked_at=row["revoked_at"],
            )
            for row in rows
        ]

    def revoke(self, key_id: str) -> None:
        """Make a key useless from the next request on; raise `UsageError` if it does not exist."""
        with self._lock, transaction(self._database) as database:
            changed = database.execute(
                "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                (time.time(), key_id),
            ).rowcount
        if not changed:
            raise UsageError(f"no API key has id '{key_id}': see the list of keys")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _insert(
        self, key_id: str, plain: str, tenant: str | None, principal: str, roles: Collection[str]
    ) -> None:
        named = checked_tenant(tenant) if tenant is not None else _ANY_TENANT
        checked = TenantContext(tenant=named, principal=principal, roles=frozenset(roles))
        row = (
            key_id,
            _digest(plain),
            tenant,
            checked.principal,
            json.dumps(sorted(checked.roles)),
            time.time(),
        )
        with self._lock, transaction(self._database) as database:
            database.execute("INSERT OR REPLACE INTO api_keys VALUES (?, ?, ?, ?, ?, ?, NULL)", row)

    def _active(self, key_id: str) -> tuple[bytes, Credential] | None:
        with self._lock:
            rows = query(
                self._database,
                "SELECT * FROM api_keys WHERE id = ? AND revoked_at IS NULL",
                (key_id,),
            )
        if not rows:
            return None
        row = rows[0]
        credential = Credential(
            key_id=row["id"],
            tenant=row["tenant"],
            principal=row["principal"],
            roles=frozenset(json.loads(row["roles"])),
        )
        return bytes(row["digest"]), credential


def _digest(plain: str) -> bytes:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()


def _id_of(bearer: str) -> str:
    parts = bearer.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == _PREFIX else ""
