"""Ed25519 signing keys on disk, made on first use, readable by their owner only."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ...core.errors import ProvenanceError
from ...core.sqlite import as_store_error


class SigningKeys:
    """The private keys of a state folder; a name is a tenant's source or a reviewer.

    A name has one key a generation: 0 is its first, and each rotation makes the next.

    - INVARIANT: a key file that others can read is never used.
    - INVARIANT: two processes that ask for a new name get the same key.
    """

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "keys"

    def key(self, name: str, generation: int = 0) -> Ed25519PrivateKey:
        """Return the key of ``name``, created if it does not exist.

        Raises `ProvenanceError` for a key file that cannot be read or that others can read,
        `StoreError` if a new one cannot be written.
        """
        path = self._path(name, generation)
        try:
            exists = path.exists()
        except OSError as error:
            raise _unreadable(path, error) from error
        if not exists:
            make_key_file(path)
        return self._read(path)

    def _path(self, name: str, generation: int) -> Path:
        stem = hashlib.sha256(name.encode()).hexdigest()[:32]
        return self._folder / (f"{stem}.{generation}.pem" if generation else f"{stem}.pem")

    def _read(self, path: Path) -> Ed25519PrivateKey:
        try:
            require_owner_only(path)
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise _unreadable(path, error) from error
        except (ValueError, TypeError) as error:
            raise ProvenanceError(
                f"key file '{path}' cannot be read ({type(error).__name__}): restore it from a "
                "backup, or rotate the source's key"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ProvenanceError(f"key file '{path}' refused: it is not an Ed25519 key")
        return key


def make_key_file(path: Path) -> None:
    """Make a key file, its folder too, unless another process was first.

    Raises `StoreError` if it cannot be written.
    """
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
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
        with contextlib.suppress(OSError):
            draft.unlink()


def require_owner_only(path: Path) -> None:
    """Raise `ProvenanceError` for a key file that others than its owner can read."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ProvenanceError(
            f"key file '{path}' refused: others can read it (mode {mode:o}); replace the "
            "key, or run chmod 600 if nobody has read it"
        )


def _unreadable(path: Path, error: OSError) -> ProvenanceError:
    return ProvenanceError(
        f"key file '{path}' cannot be read ({error.strerror}): run as the user who owns it, or "
        "give it and its folder back to this one (chown; modes 600 and 700)"
    )


def _link_once(draft: Path, path: Path) -> None:
    """Give the finished draft its name unless another process was first."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return


def public_pem(key: PublicKeyTypes) -> str:
    """Return the public key as PEM text."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(key: PublicKeyTypes) -> str:
    """Return the key's name in envelopes and the registry, a hex SHA-256.

    Of an Ed25519 key it is over the 32 raw bytes, of any other over its SubjectPublicKeyInfo.
    """
    if isinstance(key, Ed25519PublicKey):
        return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def key_id_of(pem: str) -> str:
    """Return the key id of PEM text, or raise `ProvenanceError`."""
    try:
        return key_id(load_pem_public_key(pem.encode()))
    except (ValueError, TypeError) as error:
        raise ProvenanceError("public key refused: it is not PEM text of a public key") from error
