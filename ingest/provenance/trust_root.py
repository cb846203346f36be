"""The trust root: m of n administrators say together who they are and which trust policy holds.

After The Update Framework, 5.3 (https://theupdateframework.github.io/specification/latest/): each
root is signed by a threshold of the one before it and of itself.

- INVARIANT: one administrator's key, or any number below the threshold, changes nothing.
- INVARIANT: versions follow one another without a gap, from the pinned one on.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785

from ...core.errors import ProvenanceError, SettingsError, UsageError
from .dsse import open_payload, payload_unverified, sign_payload
from .keys import key_id_of
from .registry import SourceRegistry

PAYLOAD_TYPE = "application/vnd.ragbastion.trust-root+json"
_TYPE = "ragbastion/trust-root/v1"
_MAX_KEYS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoot:
    """What administrators have signed; ``keys`` is PEM text by key id.

    ``policies`` are the hex SHA-256 digests of the trust policies that may be used; ``issued`` and
    ``expires`` are seconds since the epoch, and None is never.
    """

    version: int
    threshold: int
    keys: Mapping[str, str]
    policies: tuple[str, ...] = ()
    issued: int = 0
    expires: int | None = None

    def __post_init__(self) -> None:
        if self.version < 1 or not 1 <= self.threshold <= len(self.keys) <= _MAX_KEYS:
            raise ProvenanceError(
                "trust root refused: its version starts at 1, and its threshold is 1 to the number "
                f"of its keys, at most {_MAX_KEYS}"
            )
        if any(key_id_of(pem) != key_id for key_id, pem in self.keys.items()):
            raise ProvenanceError("trust root refused: a key is not the one that its id names")

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form that is signed."""
        return {
            "_type": _TYPE,
            "version": self.version,
            "threshold": self.threshold,
            "keys": dict(self.keys),
            "policies": list(self.policies),
            "issued": self.issued,
            "expires": self.expires,
        }

    def unsigned(self) -> str:
        """Return an envelope that nobody has signed yet, as JSON text."""
        return sign_payload(rfc8785.dumps(self.as_dict()), PAYLOAD_TYPE, [])


def read_root(envelope_json: str) -> TrustRoot:
    """Return what an envelope says, unverified; raise `ProvenanceError` if it is no root."""
    return _root(payload_unverified(envelope_json))


def verify_root(envelope_json: str, previous: TrustRoot | None) -> TrustRoot:
    """Return the root of an envelope if it may follow ``previous`` (None: it is the first).

    Raises `ProvenanceError` unless a threshold of its own keys, and of the previous root's, signed.
    """
    said = read_root(envelope_json)
    known = {**(previous.keys if previous else {}), **said.keys}
    payload, signers = open_payload(envelope_json, PAYLOAD_TYPE, known)
    root = _root(payload)
    if previous is not None:
        if root.version != previous.version + 1 or root.issued < previous.issued:
            raise ProvenanceError(
                f"trust root refused: version {root.version} does not follow version "
                f"{previous.version}, which holds now; propose the next one from here"
            )
        _require_threshold(previous, signers, "the root before it")
    _require_threshold(root, signers, "its own")
    return root


def _require_threshold(root: TrustRoot, signers: frozenset[str], whose: str) -> None:
    count = len(signers & root.keys.keys())
    if count < root.threshold:
        raise ProvenanceError(
            f"trust root refused: {count} keys of {whose} signed it, {root.threshold} are needed"
        )


class RootChain:
    """The roots of a state folder, verified from the pinned one on.

    ``pinned`` is the envelope of a root in a file, which the settings name; without one the chain
    starts at version 1 as the registry has it.
    """

    def __init__(self, registry: SourceRegistry, pinned: Path | None = None) -> None:
        self._registry = registry
        self._pinned = None if pinned is None else _pinned(pinned)

    def current(self) -> TrustRoot | None:
        """Return the newest root, or None if there is none; raise `ProvenanceError` if none holds.

        The whole chain is verified, at a few signatures a root.
        """
        root = self._pinned
        for envelope in self._registry.roots(after=root.version if root else 0):
            root = verify_root(envelope, root)
        return root

    def following(self, envelope_json: str) -> TrustRoot:
        """Return a root that may follow the current one, or raise `ProvenanceError`."""
        current = self.current()
        root = verify_root(envelope_json, current)
        if current is None and root.version != 1:
            raise ProvenanceError("trust root refused: the first one has version 1")
        _require_fresh(root)
        return root

    def accept(self, envelope_json: str) -> TrustRoot:
        """Keep the next root; raise `ProvenanceError` if it may not follow the current one."""
        root = self.following(envelope_json)
        if not self._registry.add_root(root.version, envelope_json):
            raise UsageError(f"trust root {root.version} is there already")
        return root

    def require_policy(self, digest: str) -> float:
        """Return until when the current root stands for a policy; for ever if there is no root.

        Raises `ProvenanceError` if it does not.
        """
        root = self.current()
        if root is None:
            return math.inf
        _require_fresh(root)
        if digest not in root.policies:
            raise ProvenanceError(
                f"trust policy refused: trust root {root.version} does not stand for it; put the "
                "signed one back, or have a new root signed"
            )
        return math.inf if root.expires is None else root.expires


def _require_fresh(root: TrustRoot) -> None:
    if root.expires is not None and time.time() >= root.expires:
        raise ProvenanceError(
            f"trust root {root.version} has expired: have its administrators sign a new one"
        )


def _pinned(path: Path) -> TrustRoot:
    try:
        return verify_root(path.read_text(encoding="utf-8"), None)
    except (OSError, UnicodeDecodeError, ProvenanceError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f"trust root '{path}' cannot be used: {why}") from None


def _root(payload: bytes) -> TrustRoot:
    try:
        data = json.loads(payload)
        if data["_type"] != _TYPE:
            raise ValueError
        return TrustRoot(
            version=_whole(data["version"]),
            threshold=_whole(data["threshold"]),
            keys={str(key): str(pem) for key, pem in data["keys"].items()},
            policies=_texts(data["policies"]),
            issued=_whole(data["issued"]),
            expires=None if data["expires"] is None else _whole(data["expires"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ProvenanceError("envelope refused: it holds no trust root of version 1") from error


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError
    texts = tuple(each for each in values if isinstance(each, str))
    if len(texts) != len(values):
        raise TypeError
    return texts
