"""The adapter to joserfc: public keys of a JWK set, and signatures checked by one of them.

- INVARIANT: which algorithms a key may check follows from the key's own type, so no header can turn
  a public key into a secret (HS256) or a signature into none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.errors import MissingExtraError, SettingsError
from .jws_header import JwsHeader, refused

try:
    from joserfc import jws
    from joserfc.errors import JoseError, UnsupportedAlgorithmError
    from joserfc.jwk import ECKey, JWKRegistry, OctKey, OKPKey, RSAKey
    from joserfc.util import base64_to_int
except ImportError as missing:
    raise MissingExtraError("tokens need joserfc: pip install 'ragbastion[identity]'") from missing

Jwk = Mapping[str, object]

# By key type and curve. "EdDSA" is RFC 8037's name and "Ed25519" RFC 9864's for the same signature.
_ALGORITHMS: dict[tuple[str, object], frozenset[str]] = {
    ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("RSA", None): frozenset({"RS256"}),
}
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# NIST SP 800-131A asks for 2048; beyond 8192 a signature costs milliseconds.
_RSA_BITS = range(2048, 8193)
_MAX_KEYS = 256
_MAX_KID_CHARS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """Which keys of a set are meant: their types (``kty``) and their ``use``, None if not set."""

    types: frozenset[str]
    uses: frozenset[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """A public key, what it may check, and its RFC 7638 thumbprint."""

    kid: str
    algorithms: frozenset[str]
    thumbprint: str
    _key: ECKey | OKPKey | RSAKey = field(repr=False)

    def payload(self, token: str, header: JwsHeader) -> bytes:
        """Return what the token holds if this key signed it, else raise `CredentialError`."""
        if header.algorithm not in self.algorithms:
            raise refused("its algorithm is not one of the key's")
        try:
            signed = jws.deserialize_compact(
                token, self._key, registry=_PinnedRegistry(algorithms=[header.algorithm])
            )
        except (JoseError, ValueError):
            raise refused("its signature does not verify") from None
        if signed.payload is None:
            raise refused("it holds nothing")
        return signed.payload


class _PinnedRegistry(jws.JWSRegistry):
    """Knows one algorithm, and does not warn that ``EdDSA`` has a newer name."""

    def get_alg(self, name: str):  # type: ignore[no-untyped-def]
        """Return the one algorithm."""
        if not self.allowed or name not in self.allowed:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


def keys_of(jwks: object, use: KeyUse, where: str) -> dict[str, VerificationKey]:
    """Return the usable keys of a JWK set by their ``kid``; others are left out (RFC 7517).

    Raises `SettingsError` for a set without any, with a private or secret key, with a kid twice, or
    with a usable key that is malformed or has no kid. ``where`` names the set.
    """
    listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(listed, list) or len(listed) > _MAX_KEYS:
        raise SettingsError(f"{where} is no JWK set: an object with a list 'keys' of at most 256")
    found: dict[str, VerificationKey] = {}
    for number, jwk in enumerate(listed, start=1):
        key = _usable(jwk, use, f"key {number} of {where}")
        if key is None:
            continue
        if key.kid in found:
            raise SettingsError(f"key {number} of {where} has the kid of an earlier one")
        found[key.kid] = key
    if not found:
        raise SettingsError(f"{where} holds no key that may sign: check 'kty', 'crv' and 'use'")
    return found


def _usable(jwk: object, use: KeyUse, where: str) -> VerificationKey | None:
    if not isinstance(jwk, Mapping):
        raise SettingsError(f"{where} is not a JSON object")
    if _PRIVATE_MEMBERS & jwk.keys():
        raise SettingsError(f"{where} is a private or secret key: publish the public part only")
    algorithms = _algorithms(jwk)
    if not algorithms or jwk.get("kty") not in use.types or not _is_used(jwk.get("use"), use):
        return None
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID_CHARS or not kid.isprintable():
        raise SettingsError(f"{where} needs a printable kid of at most {_MAX_KID_CHARS} characters")
    key = _imported({name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}, where)
    return VerificationKey(kid=kid, algorithms=algorithms, thumbprint=key.thumbprint(), _key=key)


def _is_used(given: object, use: KeyUse) -> bool:
    return (given is None or isinstance(given, str)) and given in use.uses


def _algorithms(jwk: Jwk) -> frozenset[str]:
    """Return what a key may check: by its type, and of that what its ``alg`` leaves."""
    kind = jwk.get("kty")
    curve = None if kind == "RSA" else jwk.get("crv")
    known = [names for (kty, crv), names in _ALGORITHMS.items() if (kty, crv) == (kind, curve)]
    operations = jwk.get("key_ops", ["verify"])
    if not known or not isinstance(operations, list) or "verify" not in operations:
        return frozenset()
    return known[0] if jwk.get("alg") is None else known[0] & {str(jwk["alg"])}


def _imported(public: Jwk, where: str) -> ECKey | OKPKey | RSAKey:
    members = {name: value for name, value in public.items() if isinstance(value, str)}
    try:
        if public["kty"] == "RSA" and base64_to_int(members["n"]).bit_length() not in _RSA_BITS:
            raise SettingsError(f"{where} is an RSA key of less than 2048 bits, or over 8192")
        key = JWKRegistry.import_key({**members})
        # Building the key is what finds a point that is not on its curve.
        if isinstance(key, OctKey) or key.public_key is None:
            raise SettingsError(f"{where} is not a public key")
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"{where} is malformed: {type(error).__name__}") from None
    return key
