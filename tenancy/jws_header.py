"""The header of a compact JWS, read strictly before any signature is looked at (RFC 7515).

- INVARIANT: a header says at most ``alg``, ``kid`` and ``typ``. A key that a token brings or points
  to (``jwk``, ``jku``, ``x5u``, ``x5c``) and an extension (``crit``, ``b64``) refuse it.
- INVARIANT: errors say what is wrong and never hold a part of the token.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ..core.errors import CredentialError

_NAMES = frozenset({"alg", "kid", "typ"})
# Named in the error, since each is an attack that is tried; any other name is refused as unknown.
_TELLING = ("jwk", "jku", "x5u", "x5c", "crit", "b64", "enc", "zip")
# RFC 7519 gives none; joserfc takes 512 bytes, and kid, alg and typ need far less.
_MAX_HEADER_CHARS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class JwsHeader:
    """What a token says of its signature; untrusted. ``type`` is empty if not set."""

    algorithm: str
    kid: str
    type: str


def read_header(token: str, max_bytes: int) -> JwsHeader:
    """Return the header of a token (untrusted), or raise `CredentialError`."""
    if not token.isascii() or len(token) > max_bytes:
        raise refused(f"it is longer than {max_bytes} bytes, or not ASCII")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts) or len(parts[0]) > _MAX_HEADER_CHARS:
        raise refused("it is not a signed token in compact form")
    header = strict_object(_decoded(parts[0]))
    if strange := header.keys() - _NAMES:
        named = ", ".join(name for name in _TELLING if name in strange) or "a name that is not used"
        raise refused(f"its header has {named}; only alg, kid and typ are taken")
    values = {name: header.get(name, "") for name in _NAMES}
    if not all(isinstance(value, str) for value in values.values()):
        raise refused("its header holds what is not a text")
    if not values["kid"]:
        raise refused("its header names no key (kid)")
    return JwsHeader(algorithm=values["alg"], kid=values["kid"], type=values["typ"])


def strict_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object in ``data``; a name given twice, NaN or another value is refused."""
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number
        )
    # RecursionError: nested deeper than the parser goes.
    except (ValueError, RecursionError):
        raise refused("a part of it is not JSON, or gives a name twice") from None
    if not isinstance(value, dict):
        raise refused("a part of it is not a JSON object")
    return value


def refused(why: str) -> CredentialError:
    """Return the error of a token; ``why`` is our own text."""
    return CredentialError(f"token refused: {why}")


def _decoded(part: str) -> bytes:
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
    except ValueError:
        raise refused("a part of it is not base64url") from None
    # One text for one header: neither padding nor loose bits at the end.
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise refused("a part of it is not base64url")
    return data


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a number")
