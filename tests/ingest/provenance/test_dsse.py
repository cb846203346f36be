"""Envelopes open only whole, and signers elsewhere fail clearly."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ragbastion.core.errors import MissingExtraError, ProvenanceError
from ragbastion.ingest.provenance.dsse import (
    SigningKey,
    add_signature,
    key_at,
    local_key,
    open_payload,
    sign_payload,
)
from ragbastion.ingest.provenance.keys import SigningKeys
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, Key, Signature, Signer

TYPE = "application/x-test"


@pytest.fixture(scope="module")
def keys() -> list[SigningKey]:
    """Return three keys."""
    return [local_key(Ed25519PrivateKey.generate()) for _ in range(3)]


def _pems(keys: list[SigningKey]) -> dict[str, str]:
    return {key.key_id: key.public_pem for key in keys}


def test_all_signers_are_told(keys: list[SigningKey]) -> None:
    """One after another, in any number."""
    envelope = add_signature(sign_payload(b"x", TYPE, keys[:2]), keys[2])
    payload, signers = open_payload(envelope, TYPE, _pems(keys))
    assert (payload, signers) == (b"x", frozenset(_pems(keys)))


def test_one_bad_signature_of_two_is_a_refusal(keys: list[SigningKey]) -> None:
    """A good one beside it does not help."""
    envelope = json.loads(sign_payload(b"x", TYPE, keys[:2]))
    good, bad = envelope["signatures"]
    bad["sig"] = good["sig"]
    with pytest.raises(ProvenanceError, match="does not verify"):
        open_payload(json.dumps(envelope), TYPE, _pems(keys))


def test_a_signature_by_a_stranger_is_a_refusal(keys: list[SigningKey]) -> None:
    """Also beside a good one."""
    envelope = sign_payload(b"x", TYPE, keys[:2])
    with pytest.raises(ProvenanceError, match="does not verify"):
        open_payload(envelope, TYPE, _pems(keys[:1]))


@pytest.mark.parametrize(
    "envelope",
    ["", "[]", "{}", "null", '{"payload": "!", "payloadType": "x", "signatures": []}', "[" * 5000],
)
def test_what_is_no_envelope_is_refused(envelope: str) -> None:
    """Whatever it is."""
    with pytest.raises(ProvenanceError, match="refused"):
        open_payload(envelope, TYPE, {})


def test_nobody_signed(keys: list[SigningKey]) -> None:
    """An envelope without signatures proves nothing."""
    with pytest.raises(ProvenanceError, match="nobody"):
        open_payload(sign_payload(b"x", TYPE, []), TYPE, _pems(keys))


def test_another_type_is_refused(keys: list[SigningKey]) -> None:
    """What was signed as one kind is not read as another."""
    with pytest.raises(ProvenanceError, match="another kind"):
        open_payload(sign_payload(b"x", TYPE, keys), "application/y", _pems(keys))


@pytest.mark.parametrize("scheme", ["hsm:2?label=t", "awskms:k", "gcpkms:k", "hv:k/1"])
def test_a_missing_extra_is_named(keys: list[SigningKey], scheme: str) -> None:
    """With the pip line; where it is installed, the service or the key does not fit."""
    with pytest.raises((MissingExtraError, ProvenanceError), match=r"pip install|refused"):
        key_at(scheme, keys[0].public_pem)


def test_an_unknown_scheme_is_refused(keys: list[SigningKey]) -> None:
    """A URI that no signer takes."""
    with pytest.raises(ProvenanceError, match="scheme 'nonsense' refused"):
        key_at("nonsense:1", keys[0].public_pem)


def test_a_key_file_by_uri_must_be_owner_only(tmp_path: Path, keys: list[SigningKey]) -> None:
    """As every other key file."""
    SigningKeys(tmp_path).key("n")
    [path] = (tmp_path / "keys").glob("*.pem")
    path.chmod(0o644)
    with pytest.raises(ProvenanceError, match="others can read"):
        key_at(f"file2:{path}", keys[0].public_pem)


def test_a_public_key_that_is_none(tmp_path: Path) -> None:
    """Text that is not PEM."""
    with pytest.raises(ProvenanceError, match="not PEM"):
        key_at("file2:x", "nonsense")


class _Module(Signer):
    """A stand-in for a security module: it asks for a PIN, and may hold another key."""

    def __init__(self, public: Key, secrets: Callable[[str], str]) -> None:
        self._public = public
        self._secrets = secrets

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: Callable[[str], str]
    ) -> "_Module":
        return cls(public_key, secrets_handler)

    @property
    def public_key(self) -> Key:
        return self._public

    def sign(self, payload: bytes) -> Signature:
        if self._secrets("pin") != "1234":
            raise RuntimeError("CKR_PIN_INCORRECT")
        return Signature(self._public.keyid, HELD.sign(payload).hex())


HELD = Ed25519PrivateKey.generate()


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URI of a key in the stand-in."""
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "standin", _Module)
    return "standin:1"


def test_a_module_signs_with_its_pin(module: str) -> None:
    """And what it signed verifies."""
    held = local_key(HELD)
    envelope = sign_payload(b"x", TYPE, [key_at(module, held.public_pem, "1234")])
    assert open_payload(envelope, TYPE, _pems([held]))[0] == b"x"


def test_a_module_without_a_pin_names_the_setting(module: str) -> None:
    """Where it is to be put."""
    with pytest.raises(ProvenanceError, match="RAGBASTION_PROVENANCE__SIGNER_PIN"):
        sign_payload(b"x", TYPE, [key_at(module, local_key(HELD).public_pem)])


def test_a_module_that_fails_is_a_clear_error(module: str) -> None:
    """Whatever its library raises, without its message, which may hold the PIN."""
    with pytest.raises(ProvenanceError, match=r"did not sign \(RuntimeError\)"):
        sign_payload(b"x", TYPE, [key_at(module, local_key(HELD).public_pem, "0000")])


def test_a_module_with_another_key_is_found_out(module: str, keys: list[SigningKey]) -> None:
    """Before its signature is used."""
    with pytest.raises(ProvenanceError, match="did not sign"):
        sign_payload(b"x", TYPE, [key_at(module, keys[0].public_pem, "1234")])
