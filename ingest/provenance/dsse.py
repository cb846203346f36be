"""DSSE envelopes and the keys that sign them, wherever their private half is.

The only module that imports securesystemslib. Format: https://github.com/secure-systems-lab/dsse.

- INVARIANT: an envelope is opened only if every signature in it verifies: one bad signature beside
  a good one is a refusal, not a detail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import (
    UnsupportedLibraryError,
    UnverifiedSignatureError,
    VerificationError,
)
from securesystemslib.signer import (  # type: ignore[attr-defined]
    CryptoSigner,  # pyright: ignore[reportPrivateImportUsage]
    Key,  # pyright: ignore[reportPrivateImportUsage]
    Signer,  # pyright: ignore[reportPrivateImportUsage]
    SSlibKey,  # pyright: ignore[reportPrivateImportUsage]
)

from ...core.errors import MissingExtraError, ProvenanceError
from .keys import key_id, public_pem, require_owner_only

_EXTRA_OF_SCHEME = {
    "hsm": "hsm",
    "awskms": "kms-aws",
    "azurekms": "kms-azure",
    "gcpkms": "kms-gcp",
    "hv": "kms-vault",
}


class SigningKey:
    """A key that can sign; ``key_id`` and ``public_pem`` are those of its public half."""

    def __init__(self, signer: Signer, pem: str, *, remote: bool) -> None:
        self.public_pem = pem
        self.key_id = _public(pem).keyid
        self._signer = signer
        self._remote = remote

    def sign(self, envelope: Envelope) -> None:
        """Add this key's signature; raise `ProvenanceError` if the signer fails or is another."""
        try:
            made = envelope.sign(self._signer)
            if self._remote:
                # The URI may lead to another key than the one that was registered.
                _public(self.public_pem).verify_signature(made, envelope.pae())
        except ProvenanceError:
            raise
        # Services and modules raise errors of their own, which securesystemslib does not translate.
        except Exception as error:
            raise ProvenanceError(
                f"key {self.key_id[:16]} did not sign ({type(error).__name__}): check that its "
                "service or module answers, its PIN, and that it holds the registered key"
            ) from error


def local_key(private: Ed25519PrivateKey) -> SigningKey:
    """Return a key that is in memory as one that can sign."""
    public = private.public_key()
    known = SSlibKey.from_crypto(public, keyid=key_id(public))
    return SigningKey(CryptoSigner(private, known), public_pem(public), remote=False)


def key_at(uri: str, pem: str, pin: str | None = None) -> SigningKey:
    """Return the key at a securesystemslib URI (``file2:``, ``hsm:``, ``awskms:`` and so on).

    ``pem`` is its public half. Nothing is asked of a service before the first signature. Raises
    `MissingExtraError` where the library for it is not installed, `ProvenanceError` for a URI or
    key that cannot be used.
    """
    scheme, _, rest = uri.partition(":")
    public = _public(pem)
    try:
        if scheme == CryptoSigner.SCHEME:
            require_owner_only(Path(os.environ.get(CryptoSigner.PREFIX_ENV_VAR, ""), rest))
        signer = Signer.from_priv_key_uri(uri, public, lambda what: _secret(what, pin))
    except (UnsupportedLibraryError, ImportError) as error:
        raise _missing(scheme) from error
    except ProvenanceError:
        raise
    # As above: each kind of signer raises what its own library does.
    except Exception as error:
        raise ProvenanceError(
            f"signer of scheme '{scheme[:16]}' refused ({type(error).__name__}): check the URI, "
            "the public key, and that the key can be read"
        ) from error
    return SigningKey(signer, pem, remote=True)


def sign_payload(payload: bytes, payload_type: str, keys: Sequence[SigningKey]) -> str:
    """Return an envelope of the payload, signed by each key, as JSON text."""
    envelope = Envelope(payload, payload_type, {})
    for key in keys:
        key.sign(envelope)
    return _text(envelope)


def add_signature(envelope_json: str, key: SigningKey) -> str:
    """Return the envelope with one more signature; the others are kept as they are."""
    envelope = _parsed(envelope_json)
    key.sign(envelope)
    return _text(envelope)


def open_payload(
    envelope_json: str, payload_type: str, public_pems: Mapping[str, str]
) -> tuple[bytes, frozenset[str]]:
    """Return the payload and the ids of the keys that signed it; ``public_pems`` is by key id.

    Raises `ProvenanceError` unless there is a signature, and every one is by a given key and good.
    """
    envelope = _parsed(envelope_json)
    if envelope.payload_type != payload_type:
        raise ProvenanceError("envelope refused: it holds another kind of payload")
    try:
        for signer_id, signature in envelope.signatures.items():
            _public(public_pems[signer_id]).verify_signature(signature, envelope.pae())
    except (UnverifiedSignatureError, VerificationError, KeyError, ValueError) as error:
        raise ProvenanceError(
            f"envelope refused ({type(error).__name__}): one of its signatures does not verify"
        ) from error
    if not envelope.signatures:
        raise ProvenanceError("envelope refused: nobody has signed it yet")
    return envelope.payload, frozenset(envelope.signatures)


def payload_unverified(envelope_json: str) -> bytes:
    """Return what an envelope holds, for finding out which keys to verify it with."""
    return _parsed(envelope_json).payload


def _parsed(envelope_json: str) -> Envelope:
    try:
        return Envelope.from_dict(json.loads(envelope_json))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ProvenanceError(
            f"envelope refused ({type(error).__name__}): it is not a DSSE envelope"
        ) from error


def _text(envelope: Envelope) -> str:
    return json.dumps(envelope.to_dict(), sort_keys=True)


def _public(pem: str) -> Key:
    try:
        key = load_pem_public_key(pem.encode())
        return SSlibKey.from_crypto(key, keyid=key_id(key))
    except (ValueError, TypeError) as error:
        raise ProvenanceError(
            "public key refused: it is not PEM text of an Ed25519, ECDSA or RSA key"
        ) from error


def _secret(what: str, pin: str | None) -> str:
    if pin is None:
        raise ProvenanceError(
            f"signer asks for a {what}: set RAGBASTION_PROVENANCE__SIGNER_PIN in the environment"
        )
    return pin


def _missing(scheme: str) -> MissingExtraError:
    extra = _EXTRA_OF_SCHEME.get(scheme)
    line = f"pip install 'ragbastion[{extra}]'" if extra else "see securesystemslib's own extras"
    return MissingExtraError(f"signers of scheme '{scheme[:16]}' need another package: {line}")
