"""What an ingest is asked to do, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.chunk import TenantId
from ..core.errors import IsolationError, UsageError
from ..tenancy.access_labels import AccessLabel
from ..tenancy.context import TenantContext
from ..tenancy.names import checked_collection, checked_tenant

_MAX_SOURCE_CHARS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who brings documents in, and the label that they are given; None is the writer's own.

    A document that is written over keeps its label where ``label`` is None.
    """

    context: TenantContext
    label: AccessLabel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """Whose documents come in, from which source, into which collection.

    A JSON Lines row that names a source of its own goes under that one. ``kept_label`` is the label
    that a document was held back with, for its release. Raises `UsageError` for names that are not
    valid, `IsolationError` for a writer of another tenant.
    """

    tenant: TenantId
    source: str
    collection: str
    writer: Writer | None = None
    kept_label: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        checked_tenant(self.tenant)
        if self.writer is not None and self.writer.context.tenant != self.tenant:
            raise IsolationError("ingest refused: the writer is of another tenant")
        checked_source(self.source)
        checked_collection(self.collection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is, told after each batch; ``current`` is the last document it reached."""

    documents: int
    ingested: int
    unchanged: int
    quarantined: int
    failed: int
    chunks: int
    current: str


def checked_source(name: object) -> str:
    """Return ``name`` if it may name a source, or raise `UsageError`.

    Allowed: 1 to 256 printable characters without white space at either end.
    """
    if not isinstance(name, str) or not name or name != name.strip():
        raise UsageError("source refused: it must be a text without space at either end")
    if len(name) > _MAX_SOURCE_CHARS or not name.isprintable():
        raise UsageError(f"source refused: use 1 to {_MAX_SOURCE_CHARS} printable characters")
    return name
