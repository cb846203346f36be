"""SPIFFE JWT-SVIDs: a workload's identity in a trust domain, as a credential of a tenant.

Standard: JWT-SVID and SPIFFE-ID of the SPIFFE project. Narrower than it: ``kid`` must be set, and
of its algorithms RS256 and ES256 are taken. Wider: EdDSA, if the bundle holds such a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..core.errors import SettingsError
from ..core.settings_tenancy import JwtSvidSettings
from .credential import Credential
from .jose import KeyUse
from .jws_header import refused
from .jwt_verifier import checked
from .key_sets import Keys, key_set
from .sealed import VERIFIED
from .signed_tokens import SignedTokens, TokenKind
from .spiffe_id import PathTemplate, checked_trust_domain, parsed_id
from .token_claims import TokenLimits

_KEYS = KeyUse(types=frozenset({"EC", "OKP", "RSA"}), uses=frozenset({"jwt-svid"}))
_KIND = TokenKind(
    types=frozenset({"JWT", "JOSE"}),
    algorithms=frozenset({"ES256", "RS256", "EdDSA", "Ed25519"}),
    needs_issue_time=False,
)
_HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workloads:
    """Whose SVIDs are taken, and for whom they stand.

    ``path`` is a template over the path of the SPIFFE ID (`PathTemplate`); without ``{principal}``
    the SPIFFE ID is the principal. ``roles`` are those of every workload.
    """

    trust_domain: str
    path: str
    roles: tuple[str, ...] = ()


class JwtSvidVerifier:
    """Verifies JWT-SVIDs of one trust domain for one audience; safe to share between threads.

    ``keys`` is the path of the trust bundle, or a callable that returns it; its keys with ``use``
    ``jwt-svid`` count. Contexts end with the SVID, and when its key leaves the bundle.
    """

    def __init__(
        self,
        workloads: Workloads,
        audience: str,
        keys: Keys,
        *,
        limits: TokenLimits | None = None,
    ) -> None:
        if not audience:
            raise SettingsError("a JWT-SVID verifier needs an audience")
        self._trust_domain = checked_trust_domain(workloads.trust_domain)
        self._template = PathTemplate(workloads.path)
        self._roles = frozenset(workloads.roles)
        self._tokens = SignedTokens(
            kind=_KIND,
            keys=key_set(keys, _KEYS),
            audience=audience,
            limits=limits or TokenLimits(max_age_s=_HOUR_S),
        )

    @classmethod
    def from_settings(cls, settings: JwtSvidSettings) -> Self:
        """Return the verifier of the settings."""
        limits = TokenLimits(
            leeway_s=settings.leeway_s, max_age_s=settings.max_age_s, max_bytes=settings.max_bytes
        )
        workloads = Workloads(
            trust_domain=settings.trust_domain, path=settings.path, roles=settings.roles
        )
        return cls(workloads, settings.audience, settings.keys, limits=limits)

    def authenticate(self, bearer: str | None) -> Credential:
        """Return whom the SVID stands for, or raise `CredentialError`; ``bearer``: untrusted."""
        token = self._tokens.verified(bearer)
        workload = parsed_id(token.claims.get("sub"))
        if workload.trust_domain != self._trust_domain:
            raise refused("its subject is of another trust domain")
        found = self._template.match(workload.segments)
        if found is None:
            raise refused("the path of its subject is not that of a tenant's workload")
        return checked(
            Credential(
                _proof=VERIFIED,
                key_id=f"jwt-svid:{token.kid}",
                tenant=found["tenant"],
                principal=found.get("principal", str(workload)),
                roles=self._roles,
                expires_at=token.expires_at,
                liveness=token.liveness,
            )
        )
