"""The audit log's record: what of an event is kept, its canonical bytes, and its link in the chain.

A record is RFC 8785 canonical JSON. Its hash is HMAC-SHA256, under the log's own key, of the hash
before it and the record's bytes: without the key nobody can write a chain that verifies.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping
from typing import Any

import rfc8785

from ..core.events import Event

GENESIS = "0" * 64
MAX_STRING_CHARS = 256
_MAX_ITEMS = 100
_MAX_DEPTH = 4
_MAX_SAFE_INTEGER = 2**53 - 1
_OMITTED = "<omitted>"
# Keys whose values are text or secrets by their name, whatever a caller meant to put there.
_NEVER_KEPT = frozenset(
    {"answer", "api_key", "authorization", "body", "content", "evidence", "password", "prompt",
     "query", "secret", "text", "token"}
)  # fmt: skip


def record_of(event: Event, seq: int) -> bytes:
    """Return the canonical bytes of an event as entry ``seq``, with long or secret values cut."""
    return rfc8785.dumps(
        {
            "seq": seq,
            "time_ms": round(event.time * 1000),
            "kind": _kept(event.kind),
            "tenant": _kept(event.tenant),
            "principal": _kept(event.principal),
            "session": _kept(event.session),
            "subject": _kept(event.subject),
            "outcome": _kept(event.outcome),
            "detail": _kept(event.detail),
        }
    )


def link(key: bytes, previous: str, record: bytes) -> str:
    """Return the hex hash of a record that follows the entry with hash ``previous``."""
    return hmac.digest(key, bytes.fromhex(previous) + record, "sha256").hex()


def _kept(value: object, depth: int = 0) -> Any:
    """Return a JSON value that is small, canonical and free of what must not be kept."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # Lone surrogates have no UTF-8 form, so no canonical one either.
        clean = value.encode("utf-8", "replace").decode("utf-8")
        return clean if len(clean) <= MAX_STRING_CHARS else clean[: MAX_STRING_CHARS - 1] + "…"
    if isinstance(value, int):
        return value if abs(value) <= _MAX_SAFE_INTEGER else str(value)[:MAX_STRING_CHARS]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= _MAX_DEPTH:
        return _OMITTED
    if isinstance(value, Mapping):
        return {
            _kept(str(key)): _kept_as(str(key), item, depth + 1)
            for key, item in list(value.items())[:_MAX_ITEMS]
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
        return [_kept(item, depth + 1) for item in items[:_MAX_ITEMS]]
    return _kept(str(value))


def _kept_as(name: str, value: object, depth: int) -> Any:
    return _OMITTED if name.casefold() in _NEVER_KEPT else _kept(value, depth)
