"""A tenant's backup on the disk: a manifest, and one file of points for each collection.

    FOLDER/manifest.json        tenant, collections with model and counts, SHA-256 of each file
    FOLDER/<collection>.jsonl   one point a line: id, vector (float32, little endian, base64), payload

It holds points, not engine files: any store reads it, no byte of a deleted point is in it, and
what it says is checked point by point, which engine files would not allow.

- INVARIANT: a point is yielded only if its payload names the manifest's tenant.
- Sealed values stay sealed: a backup opens with the tenant's keys only, and never again once these
  were dropped.
- The digests tell damage and careless edits. Whoever can rewrite the folder can also rewrite the
  digests: only the manifest's digest, kept elsewhere, tells a forged backup.
"""  # noqa: E501 - the drawing of the folder

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.chunk import ChunkId, Digest, TenantId
from ..core.embedding import EmbedderIdentity
from ..core.errors import BackupError, InputError, IsolationError, UsageError
from ..core.files import open_regular
from ..core.store import StoredPoint
from .names import checked_collection, checked_tenant
from .point_identity import TENANT_KEY
from .point_records import checked_records

MANIFEST = "manifest.json"
_KIND = "ragbastion tenant backup"
_FORMAT = 1
_FLOAT = np.dtype("<f4")
_MAX_MANIFEST_BYTES = 16 * 2**20
_MAX_LINE_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUpCollection:
    """One collection of a backup; ``sha256`` is of its file."""

    name: str
    embedder: EmbedderIdentity
    points: int
    sha256: Digest

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        fields = {"name": self.name, "points": self.points, "sha256": self.sha256}
        return {**fields, **self.embedder.as_dict()}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """Whose points a backup holds; ``created`` is an ISO 8601 time.

    ``sealed``: the payload fields whose values are as the cipher of the store sealed them.
    """

    tenant: TenantId
    created: str
    collections: tuple[BackedUpCollection, ...]
    sealed: tuple[str, ...] = ()

    @property
    def digest(self) -> Digest:
        """SHA-256 over everything else in the manifest, and so over every file of the backup."""
        text = json.dumps(self._content(), sort_keys=True, separators=(",", ":"))
        return Digest(hashlib.sha256(text.encode()).hexdigest())

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**self._content(), "sha256": self.digest}

    def _content(self) -> dict[str, Any]:
        return {
            "kind": _KIND,
            "format": _FORMAT,
            "tenant": self.tenant,
            "created": self.created,
            "sealed": list(self.sealed),
            "collections": [each.as_dict() for each in self.collections],
        }


def points_file(folder: Path, collection: str) -> Path:
    """Return the file of a collection's points."""
    return folder / f"{checked_collection(collection)}.jsonl"


def line_of(point: StoredPoint) -> bytes:
    """Return a point as a line."""
    vector = np.asarray(point.vector, dtype=_FLOAT).tobytes()
    fields = {
        "id": point.id,
        "vector": base64.b64encode(vector).decode(),
        "payload": dict(point.payload),
    }
    return json.dumps(fields, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def read_manifest(folder: Path) -> BackupManifest:
    """Return the manifest of a backup (untrusted), or raise `BackupError`."""
    try:
        with open_regular(folder / MANIFEST) as file:
            content = file.read(_MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise BackupError(
            f"backup '{folder}' refused: it has no readable {MANIFEST} ({error.strerror})"
        ) from error
    try:
        if len(content) > _MAX_MANIFEST_BYTES:
            raise ValueError
        record = json.loads(content)
        if record["kind"] != _KIND or record["format"] != _FORMAT:
            raise ValueError
        manifest = BackupManifest(
            tenant=checked_tenant(record["tenant"]),
            created=str(record["created"]),
            collections=tuple(_collection(each) for each in record["collections"]),
            sealed=tuple(str(each) for each in record["sealed"]),
        )
        named = {each.name for each in manifest.collections}
        if not named or len(named) < len(manifest.collections):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError, UsageError):
        raise BackupError(
            f"backup '{folder}' refused: its {MANIFEST} is damaged or of another version of "
            "ragbastion; use another backup, or the version that wrote it"
        ) from None
    if record.get("sha256") != manifest.digest:
        raise BackupError(f"backup '{folder}' refused: its {MANIFEST} was altered; use another")
    return manifest


def read_points(
    folder: Path, tenant: TenantId, collection: BackedUpCollection
) -> Iterator[StoredPoint]:
    """Yield the points of a collection, and raise `BackupError` at the first that is not right.

    The digest is known at the end only: keep nothing of it before the iterator has ended.
    """
    seen, digest = 0, hashlib.sha256()
    try:
        with open_regular(points_file(folder, collection.name)) as file:
            while line := file.readline(_MAX_LINE_BYTES):
                digest.update(line)
                seen += 1
                yield _point(folder, line, seen, tenant, collection)
    except OSError as error:
        raise BackupError(
            f"backup '{folder}' refused: the points of '{collection.name}' cannot be read "
            f"({error.strerror})"
        ) from error
    if digest.hexdigest() != collection.sha256 or seen != collection.points:
        raise BackupError(
            f"backup '{folder}' refused: the points of '{collection.name}' were altered or cut; "
            "use another"
        )


def _collection(record: dict[str, Any]) -> BackedUpCollection:
    return BackedUpCollection(
        name=checked_collection(record["name"]),
        embedder=EmbedderIdentity(model=str(record["model"]), dimension=int(record["dimension"])),
        points=int(record["points"]),
        sha256=Digest(str(record["sha256"])),
    )


def _point(
    folder: Path, line: bytes, number: int, tenant: TenantId, collection: BackedUpCollection
) -> StoredPoint:
    where = f"backup '{folder}' refused: line {number} of '{collection.name}'"
    try:
        record = json.loads(line)
        payload = record["payload"]
        vector = np.frombuffer(base64.b64decode(record["vector"], validate=True), dtype=_FLOAT)
        if payload[TENANT_KEY] != tenant:
            raise IsolationError
        point = StoredPoint(
            id=ChunkId(record["id"]), vector=vector.astype(np.float32), payload=payload
        )
        # What a store would refuse is refused here, before anything is replaced.
        checked_records(tenant, [point], collection.embedder.dimension)
    except IsolationError:
        raise BackupError(f"{where} is not of tenant '{tenant}'; nothing is restored") from None
    except (ValueError, TypeError, KeyError, RecursionError, InputError):
        # The text of the error would quote the payload.
        raise BackupError(
            f"{where} is no point of {collection.embedder.dimension} dimensions; use another"
        ) from None
    return point
