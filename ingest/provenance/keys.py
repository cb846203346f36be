"""Ed25519 signing keys on disk, made on first use, readable by their owner only."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from ...core.errors import ProvenanceError
from ...core.sqlite import as_store_error


class SigningKeys:
    """The private keys of a state folder, one a name; a name is a tenant's source or a reviewer.

    - INVARIANT: a key file that others can read is never used.
    - INVARIANT: two processes that ask for a new name get the same key.
    """

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "keys"

    def key(self, name: str) -> Ed25519PrivateKey:
        """Return the key of ``name``, created if it does not exist."""
        path = self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.pem"
        if not path.exists():
            self._create(path)
        return self._read(path)

    def _create(self, path: Path) -> None:
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        draft = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.draft")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            _link_once(draft, path)
        except OSError as error:
            raise as_store_error(error, path) from error
        finally:
            draft.unlink(missing_ok=True)

    def _read(self, path: Path) -> Ed25519PrivateKey:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                raise ProvenanceError(
                    f"key file '{path}' refused: others can read it (mode {mode:o}); replace the "
                    "key, or run chmod 600 if nobody has read it"
                )
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise ProvenanceError(
                f"key file '{path}' cannot be read ({type(error).__name__}): restore it from a "
                "backup, or remove it to have a new key made"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ProvenanceError(f"key file '{path}' refused: it is not an Ed25519 key")
        return key


def _link_once(draft: Path, path: Path) -> None:
    """Give the finished draft its name unless another process was first."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return


def public_pem(key: Ed25519PublicKey) -> str:
    """Return the public key as PEM text."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(key: Ed25519PublicKey) -> str:
    """Return the hex SHA-256 of the raw public key: its name in envelopes and the registry."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()
