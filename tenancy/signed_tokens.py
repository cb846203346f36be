"""What JWT and JWT-SVID share: form, key, signature and times, in this order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from .jws_header import read_header, refused, strict_object
from .key_sets import KeyLiveness, KeySet
from .token_claims import TokenLimits, end_of, require_audience


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKind:
    """How a kind of token differs: its ``typ`` values, algorithms, and whether it needs ``iat``."""

    types: frozenset[str]
    algorithms: frozenset[str]
    needs_issue_time: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """The claims of a token that one of our keys signed for us, and that has begun and not ended.

    ``claims`` are the issuer's word; who maps them checks their types.
    """

    claims: Mapping[str, object] = field(repr=False)
    kid: str
    expires_at: float
    liveness: KeyLiveness


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTokens:
    """Verifies tokens of one kind for one audience."""

    kind: TokenKind
    keys: KeySet
    audience: str
    limits: TokenLimits

    def verified(self, bearer: str | None) -> VerifiedToken:
        """Return what the token (untrusted) says, or raise `CredentialError` without an echo.

        Raises `SettingsError` or `StoreError` if the key set cannot be used.
        """
        if not bearer:
            raise refused("there is none; send 'Authorization: Bearer <token>'")
        header = read_header(bearer, self.limits.max_bytes)
        if header.algorithm not in self.kind.algorithms:
            raise refused("its algorithm (alg) is not taken")
        if header.type and header.type not in self.kind.types:
            raise refused("its type (typ) is not taken")
        key = self.keys.find(header.kid)
        if key is None:
            raise refused("its key (kid) is not in the key set")
        claims = strict_object(key.payload(bearer, header))
        require_audience(claims, self.audience)
        end = end_of(claims, self.limits, time.time(), needs_issue_time=self.kind.needs_issue_time)
        return VerifiedToken(
            claims=claims,
            kid=key.kid,
            expires_at=end,
            liveness=KeyLiveness(self.keys, key.kid, key.thumbprint),
        )
