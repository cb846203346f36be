"""EdDSA JWTs: from a token of a trusted issuer to a credential.

Every check and what it is for stands in ``docs/tenancy_identity.md``, with an example that runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from ..core.errors import SettingsError, UsageError
from ..core.settings_tenancy import ClaimSettings, JwtSettings
from .context import MAX_CLEARANCE
from .credential import Credential
from .jose import KeyUse
from .jws_header import refused
from .key_sets import Keys, key_set
from .sealed import VERIFIED
from .signed_tokens import SignedTokens, TokenKind, VerifiedToken
from .token_claims import Claims, TokenLimits, require_issuer

_KEYS = KeyUse(types=frozenset({"OKP"}), uses=frozenset({None, "sig"}))
_KIND = TokenKind(
    # RFC 7519, and RFC 9068 for access tokens of OAuth.
    types=frozenset({"JWT", "jwt", "at+jwt", "application/at+jwt"}),
    algorithms=frozenset({"EdDSA", "Ed25519"}),
    needs_issue_time=True,
)


class JwtVerifier:
    """Verifies EdDSA tokens of one issuer for one audience; safe to share between threads.

    ``keys`` is the path of a JWK set, or a callable that returns one. A token stands for the tenant
    that it names and never for an administrator. Contexts made from it end with the token, and when
    its signing key is taken out of the set.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        keys: Keys,
        *,
        limits: TokenLimits | None = None,
        claims: ClaimSettings | None = None,
    ) -> None:
        if not issuer or not audience:
            raise SettingsError("a JWT verifier needs an issuer and an audience")
        self._issuer = issuer
        self._names = claims or ClaimSettings()
        self._tokens = SignedTokens(
            kind=_KIND,
            keys=key_set(keys, _KEYS),
            audience=audience,
            limits=limits or TokenLimits(),
        )

    @classmethod
    def from_settings(cls, settings: JwtSettings) -> Self:
        """Return the verifier of the settings."""
        limits = TokenLimits(
            leeway_s=settings.leeway_s, max_age_s=settings.max_age_s, max_bytes=settings.max_bytes
        )
        return cls(
            settings.issuer, settings.audience, settings.keys, limits=limits, claims=settings.claims
        )

    def authenticate(self, bearer: str | None) -> Credential:
        """Return what the token stands for, or raise `CredentialError`; ``bearer``: untrusted."""
        token = self._tokens.verified(bearer)
        require_issuer(token.claims, self._issuer)
        return checked(self._credential(token))

    def _credential(self, token: VerifiedToken) -> Credential:
        names, claims = self._names, token.claims
        return Credential(
            _proof=VERIFIED,
            key_id=f"jwt:{token.kid}",
            tenant=_needed(claims, names.tenant, "tenant"),
            principal=_needed(claims, names.principal, "principal"),
            roles=_listed(claims, names.roles, "roles"),
            groups=_listed(claims, names.groups, "groups"),
            department=_text(claims, names.department, "department"),
            clearance=_clearance(claims, names.clearance),
            purpose=_text(claims, names.purpose, "purpose"),
            session=_text(claims, names.session, "session"),
            expires_at=token.expires_at,
            liveness=token.liveness,
        )


def checked(credential: Credential) -> Credential:
    """Return the credential if a context can be made of it, else raise `CredentialError`."""
    try:
        credential.context()
    except UsageError as error:
        # Its messages name code points and lengths, never the text.
        raise refused(str(error)) from None
    return credential


def _claim(claims: Claims, name: str) -> object:
    """Return a claim, or what a JSON pointer leads to; None if there is none."""
    if not name.startswith("/"):
        return claims.get(name) if name else None
    value: object = claims
    for step in name[1:].split("/"):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step.replace("~1", "/").replace("~0", "~"))
    return value


def _needed(claims: Claims, name: str, what: str) -> str:
    if not (text := _text(claims, name, what)):
        raise refused(f"it names no {what}")
    return text


def _text(claims: Claims, name: str, what: str) -> str:
    value = _claim(claims, name)
    if value is not None and not isinstance(value, str):
        raise refused(f"its {what} is not a text")
    return value or ""


def _listed(claims: Claims, name: str, what: str) -> frozenset[str]:
    """Return a list of texts, or the words of one text, as ``scope`` has them (RFC 8693)."""
    value = _claim(claims, name)
    if value is None:
        return frozenset()
    words = value.split(" ") if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise refused(f"its {what} are not a list of texts")
    return frozenset(word for word in words if word)


def _clearance(claims: Claims, name: str) -> int:
    value = _claim(claims, name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_CLEARANCE:
        raise refused(f"its clearance is not 0 to {MAX_CLEARANCE}")
    return value
