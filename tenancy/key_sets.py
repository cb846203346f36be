"""Where the public keys of tokens come from: a file that is read again, or a callable.

Neither opens a connection: who gets keys over a network passes a callable that does so. A set that
cannot be read refuses every token until it can; no earlier set is kept, because it may hold the
key that was just withdrawn.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..core.errors import CredentialError, SettingsError, StoreError
from .jose import KeyUse, VerificationKey, keys_of
from .jws_header import strict_object

_MAX_FILE_BYTES = 1_000_000
# A rotation that a token announces is seen at once; unknown kids alone fetch this often at most.
_REFRESH_S = 300.0
_RETRY_S = 10.0

Fetch = Callable[[], Mapping[str, object]]
Keys = Path | Fetch


class KeySet(Protocol):
    """Finds public keys."""

    def find(self, kid: str) -> VerificationKey | None:
        """Return the key of that name as it is now, or None; ``kid``: untrusted."""
        ...


def key_set(keys: Keys, use: KeyUse) -> KeySet:
    """Return the set of a file or of a callable, read once so that a mistake is found at once."""
    if isinstance(keys, str | os.PathLike):
        return FileKeySet(Path(keys), use)
    if not callable(keys):
        raise SettingsError("keys must be the path of a JWK set, or a callable that returns one")
    return FetchedKeySet(keys, use)


class FileKeySet:
    """A JWK set in a file; a change is seen on the next token, for the cost of one ``stat``.

    Replace the file by renaming a new one over it: a file that is half written is refused.
    """

    def __init__(self, path: Path, use: KeyUse) -> None:
        self._path = path
        self._use = use
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._keys: dict[str, VerificationKey] = {}
        self._current()

    def find(self, kid: str) -> VerificationKey | None:
        """Return the key of that name; raise `SettingsError` if the file cannot be used."""
        return self._current().get(kid)

    def _current(self) -> dict[str, VerificationKey]:
        with self._lock:
            try:
                status = self._path.stat()
                stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
                if stamp != self._stamp:
                    # Forgotten first: a set that does not load must not leave the old one behind.
                    self._stamp, self._keys = None, {}
                    self._keys = self._read()
                    self._stamp = stamp
            except OSError as error:
                raise SettingsError(
                    f"key set '{self._path}' cannot be read: {error.strerror}"
                ) from error
            return self._keys

    def _read(self) -> dict[str, VerificationKey]:
        with self._path.open("rb") as stream:
            data = stream.read(_MAX_FILE_BYTES + 1)
        where = f"key set '{self._path}'"
        if len(data) > _MAX_FILE_BYTES:
            raise SettingsError(f"{where} is larger than {_MAX_FILE_BYTES} bytes")
        try:
            return keys_of(strict_object(data), self._use, where)
        except CredentialError:
            raise SettingsError(f"{where} is not JSON of an object") from None


class FetchedKeySet:
    """A JWK set that a callable returns, asked every five minutes and for a kid that is new.

    An unknown kid asks again at most every ten seconds, so strangers cannot make it ask more. The
    callable runs in the thread that verifies, under a lock: give it a timeout of its own.
    """

    def __init__(self, fetch: Fetch, use: KeyUse) -> None:
        self._fetch = fetch
        self._use = use
        self._lock = threading.Lock()
        self._fetched_at = 0.0
        self._failure = ""
        self._keys: dict[str, VerificationKey] = {}
        with self._lock:
            self._refresh()
            self._require_usable()

    def find(self, kid: str) -> VerificationKey | None:
        """Return the key of that name; raise `StoreError` if the callable fails or gives no set."""
        with self._lock:
            age = time.monotonic() - self._fetched_at
            if age >= _REFRESH_S or (kid not in self._keys and age >= _RETRY_S):
                self._refresh()
            self._require_usable()
            return self._keys.get(kid)

    def _refresh(self) -> None:
        self._keys, self._failure = {}, ""
        try:
            self._keys = keys_of(self._fetch(), self._use, "the fetched key set")
        except SettingsError as error:
            self._failure = str(error)
        # Foreign code: whatever it raises must not cross, and means that there are no keys.
        except Exception as error:  # noqa: BLE001
            self._failure = f"the source of token keys failed: {type(error).__name__}"
        self._fetched_at = time.monotonic()

    def _require_usable(self) -> None:
        if self._failure:
            raise StoreError(self._failure)


@dataclass(frozen=True, slots=True)
class KeyLiveness:
    """Ends contexts when the key that signed their token is withdrawn or replaced."""

    keys: KeySet
    kid: str
    thumbprint: str

    def require_live(self) -> None:
        """Raise `CredentialError` if the set no longer holds this very key."""
        key = self.keys.find(self.kid)
        if key is None or key.thumbprint != self.thumbprint:
            raise CredentialError("token refused: its signing key was withdrawn; get a new token")
