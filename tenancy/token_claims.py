"""The claims that every token is held to: audience, issuer and times (RFC 7519, RFC 8725).

Values in, values out: no key, no clock, no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .jws_header import refused

Claims = Mapping[str, object]

_MAX_AUDIENCES = 32
# 9999-12-31: beyond it a number is no date, and may not fit a float.
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLimits:
    """How long tokens live and how large they are.

    ``leeway_s`` covers clocks that differ. ``max_age_s`` counts from ``iat``; a kind of token that
    needs no ``iat`` may expire that far ahead at most.
    """

    leeway_s: float = 30.0
    max_age_s: float = 86_400.0
    max_bytes: int = 8_192


def require_audience(claims: Claims, audience: str) -> None:
    """Raise `CredentialError` unless ``aud`` is, or lists, exactly ours."""
    named = claims.get("aud")
    listed = [named] if isinstance(named, str) else named
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise refused("it names no audience (aud)")
    if len(listed) > _MAX_AUDIENCES or audience not in listed:
        raise refused("it is for another audience (aud)")


def require_issuer(claims: Claims, issuer: str) -> None:
    """Raise `CredentialError` unless ``iss`` is exactly ours."""
    if claims.get("iss") != issuer:
        raise refused("it is of another issuer (iss), or of none")


def end_of(claims: Claims, limits: TokenLimits, now: float, *, needs_issue_time: bool) -> float:
    """Return when the token ends, in seconds since the epoch, leeway included.

    Raises `CredentialError` if it has expired, is not valid yet, is too old or has no end.
    """
    expiry, begin, issued = (_time(claims, name) for name in ("exp", "nbf", "iat"))
    if expiry is None:
        raise refused("it has no expiry (exp)")
    if now >= expiry + limits.leeway_s:
        raise refused("it has expired (exp): get a new one")
    if begin is not None and begin > now + limits.leeway_s:
        raise refused("it is not valid yet (nbf)")
    if issued is None:
        if needs_issue_time:
            raise refused("it does not say when it was issued (iat)")
        if expiry > now + limits.max_age_s + limits.leeway_s:
            raise refused(f"it lives longer than {limits.max_age_s:.0f} s")
        return expiry + limits.leeway_s
    if issued > now + limits.leeway_s:
        raise refused("it was issued in the future (iat)")
    if now >= issued + limits.max_age_s + limits.leeway_s:
        raise refused(f"it is older than {limits.max_age_s:.0f} s (iat): get a new one")
    return min(expiry, issued + limits.max_age_s) + limits.leeway_s


def _time(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(f"{name} is not a number")
    # Also false for NaN, which every other comparison would let pass.
    if not 0 <= value <= _LAST_SECOND:
        raise refused(f"{name} is no time")
    return float(value)
