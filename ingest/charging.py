"""Points that a run writes, charged to the tenant's quota before the store is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ..core.chunk import ChunkId, TenantId
from ..core.store import VectorStore
from ..tenancy.context import TenantContext, operator_context
from ..tenancy.quotas import Quotas, Reservation
from .request import IngestRequest

_OPERATOR = "operator"
"""Stands in events where a program names no writer."""


class Charging:
    """Charges one tenant's runs; without quotas it charges nothing.

    INVARIANT: room for all points of a batch is reserved before its first is written, so a quota
    that is used up refuses whole batches and leaves no half of one.
    """

    def __init__(self, store: VectorStore, quotas: Quotas | None, request: IngestRequest) -> None:
        self._store = store
        self._quotas = quotas
        self._collection = request.collection
        self._context = _payer(request)

    def call(self) -> None:
        """Charge the run as one call; raise `QuotaError` if none is left."""
        if self._quotas is not None:
            self._quotas.spend_call(self._context)

    @contextmanager
    def writing(self, points: Sequence[ChunkId], at_once: int) -> Iterator[int]:
        """Reserve room while the points of these ids are written; yield how many a write may hold.

        Raises `QuotaError` if there is no room.
        """
        if self._quotas is None:
            yield at_once
            return
        limits = self._quotas.limits(self._context)
        size = min(at_once, limits.batch_points)
        with ExitStack() as stack:
            for start in range(0, len(points), size):
                stack.enter_context(self._reserved(points[start : start + size], self._quotas))
            yield size

    def note(self) -> None:
        """Have the quota know what is held after a deletion."""
        if self._quotas is not None:
            mark = self._quotas.mark(self._context)
            held = self._store.count(self._collection, self._tenant)
            self._quotas.note_held(self._context, self._collection, held, mark=mark)

    @property
    def _tenant(self) -> TenantId:
        return TenantId(self._context.tenant)

    def _reserved(self, points: Sequence[ChunkId], quotas: Quotas) -> Reservation:
        mark = quotas.mark(self._context)
        held = self._store.count(self._collection, self._tenant)
        known = self._store.get(self._collection, self._tenant, points)
        new = len(points) - len(known)
        return quotas.reserve_points(self._context, self._collection, new, held, mark=mark)


def _payer(request: IngestRequest) -> TenantContext:
    if request.writer is not None:
        return request.writer.context
    return operator_context(tenant=request.tenant, principal=_OPERATOR)
