"""API keys: who a bearer token stands for, kept hashed in SQLite.

>>> from tempfile import mkdtemp
>>> keys = ApiKeys(Path(mkdtemp()) / "api_keys.db")
>>> plain = keys.create(tenant="acme", principal="agent-1", roles=["reader"])
>>> keys.authenticate(plain).context(session="s1").tenant
'acme'

A key is ``rb_<id>_<secret>``; the id finds the row, and the SHA-256 of the whole key is compared in
constant time. A plain hash is enough for a secret of 256 random bits; a chosen admin key has to be
long for the same reason.

A context of a key asks the file again on every guarded call, so a client in use stops with its key:
one read by primary key, about 10 µs. Keep the keys open for as long as such contexts are used.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..core.errors import CredentialError, StoreError, UsageError
from ..core.sqlite import query, transaction
from .api_key_table import ApiKey, insert_key, key_of, open_keys
from .context import operator_context
from .credential import Attributes, Credential
from .sealed import VERIFIED

_PREFIX = "rb"
_ID_BYTES = 8
_SECRET_BYTES = 32
_BOOTSTRAP_ID = "bootstrap"
_MIN_CHOSEN_CHARS = 16
_NO_TIME = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""What ends later cannot be written as a date in every zone."""
# Used to check a text before it becomes part of an admin's key; never stored.
_ANY_TENANT = "admin"


class ApiKeys:
    """The keys of one installation, in a SQLite file; threads and processes may share it.

    A file of an older release gets the columns that it lacks when it is opened.
    """

    def __init__(self, path: Path) -> None:
        self._database = open_keys(Path(path))
        self._lock = threading.Lock()

    def create(
        self,
        *,
        tenant: str | None,
        principal: str,
        roles: Collection[str] = (),
        attributes: Attributes | None = None,
        expires_at: float | None = None,
    ) -> str:
        """Make a key and return it; it is not kept and cannot be shown again.

        ``tenant`` None makes an administrator's key. ``expires_at`` is seconds since the epoch.
        Raises `UsageError` for names that `TenantContext` refuses, or an end in the past or after
        the year 9998.
        """
        if expires_at is not None and not time.time() < expires_at < _NO_TIME:
            raise UsageError("API key refused: it must end at a time to come, before the year 9999")
        key_id = secrets.token_hex(_ID_BYTES)
        plain = f"{_PREFIX}_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        given = attributes or Attributes()
        key = ApiKey(
            id=key_id,
            tenant=tenant,
            principal=principal,
            roles=frozenset(roles),
            created_at=time.time(),
            revoked_at=None,
            groups=frozenset(given.groups),
            department=given.department,
            clearance=given.clearance,
            expires_at=expires_at,
        )
        self._insert(key, plain)
        return plain

    def ensure_admin(self, plain: str | None = None) -> str | None:
        """Register ``plain`` as the bootstrap administrator's key, in place of an earlier one.

        Without one: generate and return a key if no administrator's key is active, else None. A
        registered key stays, also when it is no longer passed, until it is replaced or revoked.
        """
        if plain is None:
            if any(key.tenant is None and _why_refused(key) is None for key in self.list()):
                return None
            return self.create(tenant=None, principal="admin", roles=["admin"])
        if len(plain) < _MIN_CHOSEN_CHARS or not plain.isascii() or not plain.isprintable():
            raise UsageError(
                f"bootstrap admin key refused: use at least {_MIN_CHOSEN_CHARS} printable ASCII "
                "characters, such as those of 'openssl rand -hex 32'"
            )
        row = self._row(_BOOTSTRAP_ID)
        same = row is not None and hmac.compare_digest(row["digest"], _digest(plain))
        if row is None or not same or _why_refused(key_of(row)) is not None:
            key = ApiKey(
                id=_BOOTSTRAP_ID,
                tenant=None,
                principal="admin",
                roles=frozenset({"admin"}),
                created_at=time.time(),
                revoked_at=None,
            )
            self._insert(key, plain)
        return None

    def authenticate(self, bearer: str | None) -> Credential:
        """Return what the key stands for, or raise `CredentialError`; ``bearer``: untrusted."""
        if not bearer:
            raise CredentialError("no API key: send 'Authorization: Bearer <key>'")
        digest = _digest(bearer)
        # The bootstrap key has no id in it, so it is compared as well, each in constant time.
        for key_id in (id_of_key(bearer), _BOOTSTRAP_ID):
            row = self._row(key_id)
            if row is not None and hmac.compare_digest(row["digest"], digest):
                return self._credential(key_of(row), digest)
        raise CredentialError("API key refused: it is unknown")

    def require_live(self, key_id: str, digest: bytes) -> None:
        """Raise `CredentialError` once the key was revoked, has expired or was replaced."""
        row = self._row(key_id)
        if row is None or not hmac.compare_digest(row["digest"], digest):
            raise CredentialError(f"API key '{key_id}' refused: it was replaced or removed")
        _require_usable(key_of(row))

    def list(self) -> Sequence[ApiKey]:
        """Return every key without its secret, revoked ones too, oldest first."""
        with self._lock:
            rows = query(self._database, "SELECT * FROM api_keys ORDER BY created_at, id")
        return [key_of(row) for row in rows]

    def revoke(self, key_id: str) -> None:
        """Make a key useless from the next call on; raise `UsageError` if it does not exist."""
        with self._lock, transaction(self._database) as database:
            changed = database.execute(
                "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                (time.time(), key_id),
            ).rowcount
        if not changed:
            # Not echoed: whoever takes the whole key for its id would find it in the audit log.
            raise UsageError(
                "no API key has this id: see the list of keys; the id is the part between the "
                "first two '_' of a key"
            )

    def close(self) -> None:
        """Close the file; contexts of its keys are refused from then on."""
        with self._lock:
            self._database.close()

    def _insert(self, key: ApiKey, plain: str) -> None:
        # Made to be checked, and thrown away: what no context accepts is no key either.
        operator_context(
            tenant=_ANY_TENANT if key.tenant is None else key.tenant,
            principal=key.principal,
            roles=key.roles,
            groups=key.groups,
            department=key.department,
            clearance=key.clearance,
        )
        with self._lock, transaction(self._database) as database:
            insert_key(database, key, _digest(plain))

    def _row(self, key_id: str) -> sqlite3.Row | None:
        with self._lock:
            try:
                rows = query(self._database, "SELECT * FROM api_keys WHERE id = ?", (key_id,))
            except StoreError as error:
                raise StoreError("the list of API keys cannot be read: is it closed?") from error
        return rows[0] if rows else None

    def _credential(self, key: ApiKey, digest: bytes) -> Credential:
        _require_usable(key)
        return Credential(
            _proof=VERIFIED,
            key_id=key.id,
            tenant=key.tenant,
            principal=key.principal,
            roles=key.roles,
            groups=key.groups,
            department=key.department,
            clearance=key.clearance,
            expires_at=key.expires_at,
            liveness=_KeyLiveness(self, key.id, digest),
        )


@dataclass(frozen=True, slots=True)
class _KeyLiveness:
    keys: ApiKeys
    key_id: str
    digest: bytes

    def require_live(self) -> None:
        self.keys.require_live(self.key_id, self.digest)


def _require_usable(key: ApiKey) -> None:
    # Only who holds the whole key learns this of it: its digest was compared before.
    if (why := _why_refused(key)) is not None:
        raise CredentialError(f"API key '{key.id}' refused: it {why}; ask for a new one")


def _why_refused(key: ApiKey) -> str | None:
    if key.revoked_at is not None:
        return "was revoked"
    if key.expires_at is not None and time.time() >= key.expires_at:
        return "has expired"
    return None


def _digest(plain: str) -> bytes:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()


def id_of_key(bearer: str) -> str:
    """Return the id inside a key (untrusted), or "" if it has not the form of one."""
    parts = bearer.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == _PREFIX else ""
