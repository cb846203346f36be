"""An issuer of tokens, honest and not: real keys, and every way to bend a token."""

import base64
import json
import time
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

ISSUER = "https://id.example.com"
AUDIENCE = "ragbastion"


def b64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(value: object) -> str:
    """Return a JSON value as a part of a token."""
    return b64(json.dumps(value).encode())


def claims(**changes: Any) -> dict[str, Any]:
    """Return good claims with changes; a claim that is None is left out."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "agent-7",
        "tenant": "acme",
        "iat": now,
        "exp": now + 300,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


class Issuer:
    """Signs with keys of its own and publishes their public parts as a JWK set."""

    def __init__(self, path: Path, *, use: str | None = "sig") -> None:
        self.path = path
        self._use = use
        self.keys: dict[str, Key] = {}
        self.add("k1")

    def add(self, kid: str, key: Key | None = None) -> None:
        """Add a key, an Ed25519 one if none is given, and publish the set."""
        self.keys[kid] = key or OKPKey.generate_key("Ed25519")
        self.publish()

    def withdraw(self, kid: str) -> None:
        """Take a key out and publish the set."""
        del self.keys[kid]
        self.publish()

    def published(self) -> dict[str, Any]:
        """Return the set of public keys."""
        extra = {"use": self._use} if self._use else {}
        return {
            "keys": [
                {**key.as_dict(private=False), **extra, "kid": kid}
                for kid, key in self.keys.items()
            ]
        }

    def publish(self, jwks: object | None = None) -> None:
        """Replace the file of the set, in one step as an operator should."""
        staged = self.path.with_name("staged")
        staged.write_text(json.dumps(self.published() if jwks is None else jwks))
        staged.rename(self.path)

    def token(
        self,
        payload: dict[str, Any] | bytes | None = None,
        *,
        kid: str = "k1",
        alg: str = "Ed25519",
        header: dict[str, Any] | None = None,
        key: Key | None = None,
    ) -> str:
        """Return a token with these claims; ``header`` adds to or replaces what it says."""
        data = claims() if payload is None else payload
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        said = {"alg": alg, "kid": kid, **(header or {})}
        return signed(said, body, key or self.keys[kid], alg)


def signed(header: dict[str, Any], body: bytes, key: Key, alg: str) -> str:
    """Sign by ``alg`` whatever the header says, so that lies about it can be told too."""
    model = jws.JWSRegistry.algorithms[alg]
    signing_input = f"{segment(header)}.{b64(body)}"
    return f"{signing_input}.{b64(model.sign(signing_input.encode(), key))}"


def rsa() -> RSAKey:
    """Return a new RSA key."""
    return RSAKey.generate_key(2048)


def ec(curve: str = "P-256") -> ECKey:
    """Return a new elliptic-curve key."""
    return ECKey.generate_key(curve)


def secret_of(jwk: dict[str, Any]) -> list[OctKey]:
    """Return a public key misread as a shared secret, in every usual form."""
    raw = base64.urlsafe_b64decode(jwk["x"] + "=")
    texts = [raw, jwk["x"].encode(), json.dumps(jwk).encode()]
    return [OctKey.import_key({"kty": "oct", "k": b64(text)}) for text in texts]
