"""Key sets: read again when they change, refused as a whole when they cannot be trusted."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OKPKey
from ragbastion.core.errors import SettingsError, StoreError
from ragbastion.tenancy import key_sets
from ragbastion.tenancy.jose import KeyUse, keys_of
from ragbastion.tenancy.key_sets import FetchedKeySet, FileKeySet, key_set

from .token_issuer import Issuer, ec, rsa

SIGN = KeyUse(types=frozenset({"OKP"}), uses=frozenset({None, "sig"}))
ALL = KeyUse(types=frozenset({"OKP", "EC", "RSA"}), uses=frozenset({None, "sig"}))


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    """Return an issuer with one key, published."""
    return Issuer(tmp_path / "keys.json")


def public(**changes: Any) -> dict[str, Any]:
    """Return a good public key with changes; a member that is None is left out."""
    good = {**OKPKey.generate_key("Ed25519").as_dict(private=False), "kid": "k", **changes}
    return {name: value for name, value in good.items() if value is not None}


def test_a_changed_file_is_read_again(issuer: Issuer) -> None:
    """A key that was added is found, and one that was taken out is not."""
    keys = FileKeySet(issuer.path, SIGN)
    issuer.add("k2")
    assert keys.find("k2") is not None
    issuer.withdraw("k1")
    assert keys.find("k1") is None


def test_a_file_written_in_place_is_read_again(issuer: Issuer) -> None:
    """Also with its old size and time of change."""
    keys = FileKeySet(issuer.path, SIGN)
    before = issuer.path.stat()
    first = keys.find("k1")
    jwks = json.dumps({"keys": [public(kid="k1", use="sig")]})
    issuer.path.write_text(jwks)
    os.utime(issuer.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = keys.find("k1")
    assert first is not None
    assert again is not None
    assert first.thumbprint != again.thumbprint


def test_an_unchanged_file_is_not_parsed_again(issuer: Issuer) -> None:
    """The very key is given back."""
    keys = FileKeySet(issuer.path, SIGN)
    assert keys.find("k1") is keys.find("k1")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"keys": {}}', '{"keys": []}', '{"keys": [7]}']
)
def test_a_broken_file_leaves_no_key_behind(issuer: Issuer, content: str) -> None:
    """The old set may hold the key that was just withdrawn, so it is not kept."""
    keys = FileKeySet(issuer.path, SIGN)
    issuer.path.write_text(content)
    for _ in range(2):
        with pytest.raises(SettingsError, match="key"):
            keys.find("k1")
    issuer.publish()
    assert keys.find("k1") is not None


def test_a_file_that_goes_away_refuses(issuer: Issuer) -> None:
    """At the start and later."""
    keys = FileKeySet(issuer.path, SIGN)
    issuer.path.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        keys.find("k1")
    with pytest.raises(SettingsError, match="cannot be read"):
        FileKeySet(issuer.path, SIGN)


def test_a_huge_file_is_refused(issuer: Issuer) -> None:
    """Before it is parsed."""
    issuer.path.write_bytes(b" " * 1_000_001)
    with pytest.raises(SettingsError, match="larger than 1000000 bytes"):
        FileKeySet(issuer.path, SIGN)


@pytest.mark.parametrize(
    ("jwks", "why"),
    [
        (None, "no JWK set"),
        ([], "no JWK set"),
        ({"keys": "k"}, "no JWK set"),
        ({"keys": [public()] * 257}, "at most 256"),
        ({"keys": [public(), public()]}, "kid of an earlier one"),
        ({"keys": [public(kid=None)]}, "needs a printable kid"),
        ({"keys": [public(kid="")]}, "needs a printable kid"),
        ({"keys": [public(kid="a\x1b")]}, "needs a printable kid"),
        ({"keys": [public(kid=7)]}, "needs a printable kid"),
        ({"keys": [public(x="AAAA")]}, "malformed"),
        ({"keys": [public(x=None)]}, "malformed"),
        ({"keys": [public(x=7)]}, "malformed"),
        ({"keys": [public(x="%%%")]}, "malformed"),
        ({"keys": [public(d="AAAA")]}, "private or secret key"),
        ({"keys": [public(use="enc")]}, "no key that may sign"),
        ({"keys": [public(use=["sig"])]}, "no key that may sign"),
        ({"keys": [public(alg="HS256")]}, "no key that may sign"),
        ({"keys": [public(key_ops=["sign"])]}, "no key that may sign"),
        ({"keys": [public(key_ops="verify")]}, "no key that may sign"),
        ({"keys": [public(crv="X25519")]}, "no key that may sign"),
        ({"keys": [public(crv="Ed448")]}, "no key that may sign"),
        ({"keys": [public(crv=["Ed25519"])]}, "no key that may sign"),
        ({"keys": [public(kty=["OKP"])]}, "no key that may sign"),
        ({"keys": [public(kty="future")]}, "no key that may sign"),
    ],
)
def test_sets_that_are_refused(jwks: object, why: str) -> None:
    """What is wrong is named, and where in the set."""
    with pytest.raises(SettingsError, match=why):
        keys_of(jwks, SIGN, "the set")


def test_unknown_keys_are_left_out() -> None:
    """RFC 7517: a set may hold what its reader does not understand."""
    found = keys_of({"keys": [public(kty="future"), public(kid="good")]}, SIGN, "the set")
    assert set(found) == {"good"}


def test_what_a_key_may_check_follows_from_its_type() -> None:
    """And its ``alg`` can only take away."""
    keys = {
        "ed": public(kid="ed"),
        "one": public(kid="one", alg="EdDSA"),
        "ec": {**ec().as_dict(private=False), "kid": "ec"},
        "rsa": {**rsa().as_dict(private=False), "kid": "rsa"},
    }
    found = keys_of({"keys": list(keys.values())}, ALL, "the set")
    assert {kid: set(key.algorithms) for kid, key in found.items()} == {
        "ed": {"EdDSA", "Ed25519"},
        "one": {"EdDSA"},
        "ec": {"ES256"},
        "rsa": {"RS256"},
    }


def test_weak_and_wrong_keys_are_refused() -> None:
    """A short RSA modulus, and a point that is not on its curve."""
    short = {**rsa().as_dict(private=False), "kid": "r", "n": "AQAB" * 40}
    off = {**ec().as_dict(private=False), "kid": "e", "x": "A" * 43}
    for jwk, why in ((short, "less than 2048 bits"), (off, "malformed")):
        with pytest.raises(SettingsError, match=why):
            keys_of({"keys": [jwk]}, ALL, "the set")


def test_a_callable_is_asked_rarely(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each token, and for unknown names at most every so often."""
    asked = []
    keys = FetchedKeySet(lambda: asked.append(1) or issuer.published(), SIGN)
    for _ in range(20):
        assert keys.find("k1") is not None
        assert keys.find("unknown") is None
    assert len(asked) == 1
    monkeypatch.setattr(key_sets, "_RETRY_S", 0.0)
    issuer.add("k2")
    assert keys.find("k2") is not None
    assert len(asked) == 2


def test_a_callable_that_fails_leaves_no_key(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error is told by its type alone, and it is not asked again at once."""
    answers: list[Any] = [issuer.published()]
    asked = []

    def fetch() -> dict[str, Any]:
        asked.append(1)
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]

    keys = FetchedKeySet(fetch, SIGN)
    answers[0] = OSError("connection to 10.0.0.1 refused")
    monkeypatch.setattr(key_sets, "_REFRESH_S", 0.0)
    with pytest.raises(StoreError, match=r"source of token keys failed: OSError$"):
        keys.find("k1")
    monkeypatch.setattr(key_sets, "_REFRESH_S", 300.0)
    with pytest.raises(StoreError, match="source of token keys failed"):
        keys.find("k1")
    assert len(asked) == 2


@pytest.mark.parametrize("answer", [None, {}, {"keys": []}])
def test_a_callable_that_gives_no_set_is_refused(answer: Any) -> None:
    """At the start, where it is a mistake of the operator."""
    with pytest.raises(StoreError, match="fetched key set"):
        FetchedKeySet(lambda: answer, SIGN)


def test_keys_are_a_path_or_a_callable(issuer: Issuer) -> None:
    """A path may be a text; a set itself would never rotate."""
    assert key_set(str(issuer.path), SIGN).find("k1") is not None  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="a callable"):
        key_set(issuer.published(), SIGN)  # type: ignore[arg-type]
