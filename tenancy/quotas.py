"""What each tenant may store and call, exact under threads and processes that share the state.

>>> from ragbastion.tenancy.context import operator_context
>>> quotas = Quotas(QuotaSettings(points_per_collection=10))
>>> context = operator_context(tenant="acme", principal="app")
>>> quotas.spend_call(context)
>>> mark = quotas.mark(context)  # then count the points that acme holds: 6
>>> with quotas.reserve_points(context, "docs", 4, 6, mark=mark):
...     pass  # write the 4 points
>>> with quotas.reserve_points(context, "docs", 5, 6, mark=quotas.mark(context)):
...     pass
Traceback (most recent call last):
...
ragbastion.core.errors.QuotaError: quota refused: 5 more would pass points_per_collection of 10

- INVARIANT: calls that pass in any span of t seconds are at most burst + t x rate.
- INVARIANT: with a mark taken before the count, a write that is waited for, and a reservation held
  around it, no interleaving of writers passes a limit (`quota_ledger`).
"""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from ..core.errors import QuotaError, UsageError
from ..core.events import EventSink, LoggingEventSink
from ..core.settings_tenancy import QuotaSettings, TenantQuota
from .context import TenantContext
from .names import checked_collection, checked_tenant
from .quota_ledger import Claim, Exceeded, QuotaLedger, Used

_NS = 1_000_000_000
_MINUTE_NS = 60 * _NS
# Longer than a store's own timeout: until then a write may still be running.
_RESERVED_NS = 120 * _NS
# Writes in flight mostly end within a second, and their count is then certain.
_IN_FLIGHT_RETRY_S = 1.0
_REPORT_EVERY_S = 1.0


class Reservation:
    """Points that are reserved until the block ends; the store must have answered by then."""

    def __init__(self, ledger: QuotaLedger, tenant: str, id_: int) -> None:
        self._ledger = ledger
        self._tenant = tenant
        self._id = id_

    def release(self) -> None:
        """End the reservation; twice is allowed. Left undone, it ends by itself in two minutes."""
        self._ledger.release(self._tenant, self._id)

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class Quotas:
    """Holds tenants to the limits of ``settings``; threads may share it.

    ``path`` is a SQLite file that processes of one machine share; without one the state is this
    process's. Refusals are reported to ``events``, at most one a second for each tenant and limit,
    with the number of those left out. Raises `UsageError` for settings of an impossible tenant.
    """

    def __init__(
        self,
        settings: QuotaSettings | None = None,
        path: Path | None = None,
        events: EventSink | None = None,
    ) -> None:
        self._settings = settings or QuotaSettings()
        self._limits = {
            tenant: self._settings.of(checked_tenant(tenant)) for tenant in self._settings.tenants
        }
        self._general = self._settings.of("")
        self._ledger = QuotaLedger(path)
        self._events = events or LoggingEventSink()
        self._reported: dict[tuple[str, str], tuple[float, int]] = {}
        self._lock = threading.Lock()

    def limits(self, context: TenantContext) -> TenantQuota:
        """Return the limits of the context's tenant."""
        return self._limits.get(context.tenant, self._general)

    def spend_call(self, context: TenantContext) -> None:
        """Take one call from the tenant's bucket, or raise `QuotaError` with the time to wait."""
        limits = self.limits(context)
        wait_ns = self._ledger.spend(
            context.tenant,
            # Rounded up: the rate is never exceeded by a fraction.
            interval_ns=-(-_MINUTE_NS // limits.calls_per_minute),
            burst=limits.burst_calls or limits.calls_per_minute,
            now_ns=time.time_ns(),
        )
        if wait_ns:
            self._refuse(
                context,
                "calls_per_minute",
                f"quota refused: calls_per_minute of {limits.calls_per_minute} is used up",
                wait_ns / _NS,
            )

    def mark(self, context: TenantContext) -> int:
        """Return a mark to take before counting the points that the tenant holds."""
        return self._ledger.mark(context.tenant, time.time_ns())

    def reserve_points(
        self,
        context: TenantContext,
        collection: str,
        count: int,
        held: int,
        *,
        mark: int | None = None,
    ) -> Reservation:
        """Reserve ``count`` points to write beside ``held``, or raise `QuotaError`.

        ``held`` is how many the tenant has in the collection, counted exactly after ``mark``;
        without a mark it is taken as counted just now, which is exact for one writer at a time.
        Points that overwrite others count as new ones: leave out of ``count`` what is known to
        exist. Use the result as a context manager around a write that is waited for.
        """
        checked_collection(collection)
        _check_amount("count", count)
        _check_amount("held", held)
        limits = self.limits(context)
        if count > limits.batch_points:
            self._refuse(
                context,
                "batch_points",
                f"quota refused: {count} points in one call, batch_points is "
                f"{limits.batch_points}; write in smaller batches",
                None,
            )
        now_ns = time.time_ns()
        claimed = self._ledger.reserve(
            Claim(
                tenant=context.tenant,
                collection=collection,
                points=count,
                held=held,
                mark=mark,
                per_collection=limits.points_per_collection,
                in_total=limits.points_total,
                now_ns=now_ns,
                expires_ns=now_ns + _RESERVED_NS,
            )
        )
        if isinstance(claimed, Exceeded):
            self._refuse_points(context, collection, count, claimed)
        return Reservation(self._ledger, context.tenant, claimed)

    def note_held(
        self, context: TenantContext, collection: str, held: int, *, mark: int | None = None
    ) -> None:
        """Keep a count, for example after a deletion: other collections' writes then see it."""
        checked_collection(collection)
        _check_amount("held", held)
        self._ledger.note(context.tenant, collection, held, mark)

    def used(self, context: TenantContext, collection: str | None = None) -> Used:
        """Return how many points the tenant can hold at most, in a collection or in all."""
        return self._ledger.used(context.tenant, collection)

    def forget(self, context: TenantContext, collection: str | None = None) -> None:
        """Drop the counts of a deleted collection, or of all when the tenant was erased."""
        self._ledger.forget(context.tenant, collection)

    def close(self) -> None:
        """Close the state file."""
        self._ledger.close()

    def _refuse_points(
        self, context: TenantContext, collection: str, count: int, exceeded: Exceeded
    ) -> NoReturn:
        fits_later = exceeded.used.held + count <= exceeded.limit
        self._refuse(
            context,
            exceeded.name,
            f"quota refused: {count} more would pass {exceeded.name} of {exceeded.limit}",
            _IN_FLIGHT_RETRY_S if fits_later else None,
            collection,
        )

    def _refuse(
        self,
        context: TenantContext,
        limit: str,
        message: str,
        retry_after_s: float | None,
        collection: str = "",
    ) -> NoReturn:
        unreported = self._due(context.tenant, limit)
        if unreported is not None:
            self._events.emit(
                context.event(
                    "tenancy.quota",
                    "refused",
                    subject=collection,
                    detail={"limit": limit, "reason": message, "unreported": unreported},
                )
            )
        raise QuotaError(message, retry_after_s=retry_after_s)

    def _due(self, tenant: str, limit: str) -> int | None:
        """Return how many refusals were left out since the last event, None to leave this out too.

        A tenant that floods must not fill the audit log, or slow it for the others.
        """
        now = time.monotonic()
        with self._lock:
            latest, left_out = self._reported.get((tenant, limit), (-math.inf, 0))
            if now - latest < _REPORT_EVERY_S:
                self._reported[tenant, limit] = (latest, left_out + 1)
                return None
            self._reported[tenant, limit] = (now, 0)
            return left_out


def _check_amount(name: str, amount: object) -> None:
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 0:
        raise UsageError(f"quota refused: {name} must be a number of points, 0 or more")
