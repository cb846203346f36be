"""Seals values of payloads with the tenant's key, and opens them.

>>> import secrets, tempfile
>>> from pathlib import Path
>>> from ragbastion.core.events import MemoryEventSink
>>> from ragbastion.tenancy.encryption import LocalKeyEncryption
>>> path = Path(tempfile.mkdtemp()) / "tenant_keys.db"
>>> keys = TenantKeys(path, LocalKeyEncryption(secrets.token_bytes(32)), MemoryEventSink())
>>> cipher = PayloadCipher(keys)
>>> sealed = cipher.sealed("acme", "point-1", "text", "hello")
>>> sealed[:8], cipher.opened("acme", "point-1", "text", sealed)
('rbseal1.', 'hello')
>>> cipher.opened("acme", "point-2", "text", sealed)
Traceback (most recent call last):
...
ragbastion.core.errors.SealError: point 'point-2', field 'text', ... it was altered or moved ...
>>> keys.close()

- INVARIANT: a value opens only for the tenant, point and field that it was sealed for.
- INVARIANT: a value that is not sealed is never returned, unless ``unsafe_accept_plain`` says so.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...core.errors import InputError, LimitError, SealError
from .payload_fields import SealedFields
from .sealed_value import NONCE_BYTES, Kind, associated_data, formatted, is_sealed, parsed
from .tenant_keys import TenantKeys

_LOGGER = logging.getLogger(__name__)
_MAX_VALUE_BYTES = 64 * 2**20
_SHOWN_CHARS = 64

Item = tuple[str, str, str]
"""Stored point id, field, and a text or its sealed form."""
Point = tuple[str, Mapping[str, Any]]
"""Stored point id and payload."""
_Value = tuple[str, str, Any]
"""Stored point id, field and any JSON value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """Top-level keys of a payload to set, if its ``field`` still has the value ``was``.

    Each sealing gives another value, so a point that was written meanwhile is left as it is.
    ``was`` is None where no sealed field held a text, which only plain values of a migration do.
    """

    point_id: str
    field: str
    was: str | None
    payload: dict[str, Any]


class PayloadCipher:
    """Seals and opens one value, a batch, or the ``fields`` of payloads; threads may share it.

    ``unsafe_accept_plain`` lets values through that were stored before there was a cipher; whoever
    can write to the store can then plant texts. Each method raises `SealError` for what does not
    open and `TenantKeyError` or `ErasedTenantError` where a key is missing.
    """

    def __init__(
        self,
        keys: TenantKeys,
        *,
        fields: Sequence[str] = ("text",),
        unsafe_accept_plain: bool = False,
    ) -> None:
        self._keys = keys
        self._fields = SealedFields(fields)
        self._accept_plain = unsafe_accept_plain
        if unsafe_accept_plain:
            _LOGGER.warning("values that are not sealed are accepted: unsafe_accept_plain is set")

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the payload fields that are sealed."""
        return self._fields.names

    def sealed(self, tenant: str, point_id: str, field: str, text: str) -> str:
        """Return the sealed form of a text; ``point_id`` is the id under which it is stored."""
        return self.sealed_batch(tenant, [(point_id, field, text)])[0]

    def opened(self, tenant: str, point_id: str, field: str, sealed: str) -> str:
        """Return the text of a sealed form (untrusted)."""
        return self.opened_batch(tenant, [(point_id, field, sealed)])[0]

    def sealed_batch(self, tenant: str, items: Sequence[Item]) -> list[str]:
        """Return the sealed forms, in order."""
        return self._seal(tenant, items)

    def opened_batch(self, tenant: str, items: Sequence[Item]) -> list[str]:
        """Return the texts, in order; one that does not open fails them all."""
        return [_text(value) for value in self._open(tenant, items)]

    def sealed_payloads(self, tenant: str, points: Sequence[Point]) -> list[dict[str, Any]]:
        """Return copies of the payloads with their sealed fields sealed, of any JSON type."""
        return self._mapped(points, lambda items: self._seal(tenant, items))

    def opened_payloads(self, tenant: str, points: Sequence[Point]) -> list[dict[str, Any]]:
        """Return copies of the payloads (untrusted) with their sealed fields opened."""
        return self._mapped(points, lambda items: self._open(tenant, items))

    def resealed_payloads(self, tenant: str, points: Sequence[Point]) -> Iterator[Resealed]:
        """Yield what to write for those of the payloads that the newest key did not seal."""
        newest = self._keys.newest(tenant)
        stale = [point for point in points if self._is_stale(point[1], newest)]
        again = self.sealed_payloads(tenant, self._reopened(tenant, stale))
        for (point_id, old), payload in zip(stale, again, strict=True):
            values = self._fields.values(old).items()
            texts = ((field, value) for field, value in values if isinstance(value, str))
            field, was = next(texts, ("", None))
            changed = {key: payload[key] for key in self._fields.roots & payload.keys()}
            yield Resealed(point_id=point_id, field=field, was=was, payload=changed)

    def refuse_keys(self, keys: Sequence[str], use: str = "filter") -> None:
        """Raise `UsageError` if one of the payload paths (untrusted) meets a sealed field."""
        self._fields.refuse(keys, use)

    def close(self) -> None:
        """Close the keys."""
        self._keys.close()

    def _reopened(self, tenant: str, points: Sequence[Point]) -> list[Point]:
        opened = self.opened_payloads(tenant, points)
        return [(id_, payload) for (id_, _), payload in zip(points, opened, strict=True)]

    def _is_stale(self, payload: Mapping[str, Any], newest: int) -> bool:
        return any(_version(value) != newest for value in self._fields.values(payload).values())

    def _mapped(
        self, points: Sequence[Point], change: Callable[[list[_Value]], Sequence[Any]]
    ) -> list[dict[str, Any]]:
        """Return the payloads with the values of their fields changed, all in one batch."""
        found = [self._fields.values(payload) for _, payload in points]
        changed = iter(
            change(
                [
                    (id_, field, value)
                    for (id_, _), values in zip(points, found, strict=True)
                    for field, value in values.items()
                ]
            )
        )
        return [
            self._fields.replaced(payload, {field: next(changed) for field in values})
            for (_, payload), values in zip(points, found, strict=True)
        ]

    def _seal(self, tenant: str, items: Sequence[_Value]) -> list[str]:
        plain = [(id_, field, *_plain(value)) for id_, field, value in items]
        sealed: list[str] = []
        while len(sealed) < len(plain):
            grant = self._keys.to_seal(tenant, len(plain) - len(sealed))
            bound = _Bound(tenant)
            for point_id, field, kind, data in plain[len(sealed) : len(sealed) + grant.count]:
                nonce = os.urandom(NONCE_BYTES)
                place = bound.to(field, kind, grant.version, point_id)
                ciphertext = grant.key.encrypt(nonce, data, place)
                sealed.append(formatted(kind, grant.version, nonce, ciphertext))
        return sealed

    def _open(self, tenant: str, items: Sequence[_Value]) -> list[Any]:
        bound = _Bound(tenant)
        keys: dict[int, AESGCM] = {}
        opened = []
        for item in items:
            try:
                opened.append(self._open_one(tenant, item, keys, bound))
            except SealError as error:
                raise SealError(
                    f"point {_shown(item[0])}, field {_shown(item[1])}, does not open: {error}"
                ) from None
        return opened

    def _open_one(self, tenant: str, item: _Value, keys: dict[int, AESGCM], bound: _Bound) -> Any:
        point_id, field, sealed = item
        if not is_sealed(sealed):
            if self._accept_plain:
                return sealed
            raise SealError("it is not sealed, and nothing else is accepted: ingest it again")
        kind, version, nonce, ciphertext = parsed(sealed)
        key = keys.get(version)
        if key is None:
            key = keys[version] = self._keys.to_open(tenant, version)
        try:
            data = key.decrypt(nonce, ciphertext, bound.to(field, kind, version, point_id))
        except InvalidTag:
            raise SealError(
                "it was altered or moved here from another tenant, point or field, or it was "
                "sealed with another key; ingest it again"
            ) from None
        return data.decode() if kind == Kind.TEXT else json.loads(data)


class _Bound:
    """The associated data of one tenant's values; what values share is made once."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self._heads: dict[tuple[str, int, int], bytes] = {}

    def to(self, field: str, kind: int, version: int, point_id: str) -> bytes:
        """Return the associated data of a value."""
        head = self._heads.get((field, kind, version))
        if head is None:
            head = associated_data(self._tenant, field, kind, version)
            self._heads[field, kind, version] = head
        return head + point_id.encode("utf-8", "surrogatepass")


def _plain(value: Any) -> tuple[Kind, bytes]:
    """Return the bytes of a JSON value, or raise `InputError`."""
    kind = Kind.TEXT if isinstance(value, str) else Kind.JSON
    try:
        text = value if kind is Kind.TEXT else json.dumps(value, allow_nan=False)
        data = text.encode()
    except (TypeError, ValueError) as error:
        # UnicodeEncodeError is a ValueError; its text would quote the value, so it is left out.
        raise InputError(
            f"value refused: it cannot be sealed as JSON ({type(error).__name__})"
        ) from None
    if len(data) > _MAX_VALUE_BYTES:
        raise LimitError(f"value refused: {len(data)} bytes, at most {_MAX_VALUE_BYTES} are sealed")
    return kind, data


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise SealError("value refused: it was sealed as JSON, not as a text; open its payload")
    return value


def _version(value: object) -> int:
    """Return the key version that a value names, -1 for one that names none."""
    try:
        return parsed(value).version if isinstance(value, str) else -1
    except SealError:
        return -1


def _shown(name: str) -> str:
    """Return a name for an error message: short, and without characters that act on a terminal."""
    return ascii(name[:_SHOWN_CHARS])
