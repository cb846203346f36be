"""A guarded client with one check taken away is found, through the method that lost it."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from ragbastion.benchmarks.tenancy import ASYNC_GUARDED, GUARDED, Subject
from ragbastion.benchmarks.tenancy.attack import EXPECTED
from ragbastion.core.errors import RagbastionError
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy import AsyncGuardedQdrantClient, GuardedQdrantClient, operator_context
from ragbastion.tenancy.guarded import batch, examples, filters, guard, payloads, querying, reading
from ragbastion.tenancy.guarded.filters import TenantFilters
from ragbastion.tenancy.guarded.queries import QueryRewriter
from ragbastion.tenancy.guarded.selectors import Chosen

from .conftest import Attacked

Patch = pytest.MonkeyPatch


def clauses_merged(patch: Patch) -> None:
    """The caller's clauses stand beside the tenant's: a `should` becomes an alternative."""
    nested = TenantFilters.owned

    def owned(self: TenantFilters, user: Any = None, **kwargs: Any) -> models.Filter:
        whole = nested(self, user, **kwargs)
        if not isinstance(user, models.Filter) or not user.should:
            return whole
        return models.Filter(should=[*whole.must, *self._conditions(user.should, 0)])  # type: ignore[misc]

    patch.setattr(TenantFilters, "owned", owned)


def prefetches_open(patch: Patch) -> None:
    """Prefetches go out as they came; what comes back is not looked at."""
    patch.setattr(QueryRewriter, "_prefetches", lambda self, prefetch, depth: prefetch)
    patch.setattr(querying, "shown_points", _unchecked)


def ids_travel(patch: Patch) -> None:
    """An id in a query is the engine's to look up, past the tenant's filter."""
    patch.setattr(examples.OwnVectors, "of", lambda self, id_, using: (str(id_), id_))


def tenant_named(patch: Patch) -> None:
    """A filter that names another tenant takes the place of one's own."""
    nested = TenantFilters.owned

    def owned(self: TenantFilters, user: Any = None, **kwargs: Any) -> Any:
        return user if "globex" in repr(user) else nested(self, user, **kwargs)

    patch.setattr(filters, "refuse_reserved", lambda path, what: None)
    patch.setattr(TenantFilters, "owned", owned)


def words_of_all(patch: Patch) -> None:
    """Sparse queries are weighed by the words of every tenant."""
    patch.setattr(QueryRewriter, "_params", lambda self, params, *, weighs_words: None)


def ids_chosen_raw(patch: Patch) -> None:
    """A choice of points by ids is passed on as it is."""
    owned = Chosen.selector

    def selector(self: Chosen, tenant_filters: TenantFilters) -> Any:
        if self.ids is None:
            return owned(self, tenant_filters)
        return models.PointIdsList(points=list(self.ids))  # type: ignore[arg-type]

    patch.setattr(Chosen, "selector", selector)


def tenant_key_written(patch: Patch) -> None:
    """`set_payload` may set the key that says whose a point is."""
    patch.setattr(payloads, "refuse_guard_keys", lambda keys: None)
    patch.setattr(batch, "refuse_guard_keys", lambda keys: None)


def errors_of_the_engine(patch: Patch) -> None:
    """Errors of the engine reach the caller as they are."""

    @contextmanager
    def as_they_are(collection: str) -> Iterator[None]:
        yield

    patch.setattr(guard, "translated", as_they_are)


def nothing_filtered(patch: Patch) -> None:
    """Reads ask without the tenant's filter and check nothing."""
    patch.setattr(reading, "shown_points", _unchecked)
    patch.setattr(TenantFilters, "owned", lambda self, user=None, **kwargs: user)


def _unchecked(scope: object, selection: object, found: Any) -> Any:
    return found


SEARCHES = {"query_points", "query_batch_points", "query_points_groups"}


@pytest.mark.parametrize(
    ("lost", "methods"),
    [
        (clauses_merged, set()),
        (prefetches_open, SEARCHES),
        (ids_travel, SEARCHES),
        (tenant_named, set()),
        (words_of_all, SEARCHES),
        (ids_chosen_raw, set()),
        (tenant_key_written, {"set_payload"}),
        (errors_of_the_engine, set()),
        (nothing_filtered, set()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_lost_check_is_found(
    lost: Callable[[Patch], None], methods: set[str], monkeypatch: Patch, attacked: Attacked
) -> None:
    """Some call of a short run gives something away."""
    lost(monkeypatch)
    tally = attacked(GUARDED, methods=methods)
    assert tally.leaks, f"not found in {tally.calls} calls"


@pytest.mark.parametrize("method", sorted(EXPECTED))
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_method_that_is_passed_on_is_found(kind: str, method: str, attacked: Attacked) -> None:
    """One method that goes to the client as it is leaks, and the leak is told of that method."""
    passed_on = async_passing if kind == "async" else passing
    tally = attacked(passed_on(method), methods={method})
    assert tally.leaks == {method: tally.leaks.get(method)}, f"not in {tally.calls} calls"


def passing(method: str) -> Subject:
    """Return a guarded client of which one method is the client's own."""

    class Passing(GuardedQdrantClient):
        """Hands one method on."""

    def handed_on(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._guarded, method)(*args, **kwargs)

    setattr(Passing, method, handed_on)

    def client_for(raw: QdrantClient, tenant: str) -> Any:
        made = Passing if tenant == "acme" else GuardedQdrantClient
        return made(raw, operator_context(tenant=tenant, principal="app"), MemoryEventSink())

    return Subject(name=f"{method} passed on", client_for=client_for, tenant_key="tenant")


def async_passing(method: str) -> Subject:
    """Return the same for the async client."""

    class Passing(AsyncGuardedQdrantClient):
        """Hands one method on."""

    async def handed_on(self: Any, *args: Any, **kwargs: Any) -> Any:
        value = getattr(self._guarded, method)(*args, **kwargs)
        return await value if inspect.isawaitable(value) else value

    setattr(Passing, method, handed_on)

    def client_for(raw: AsyncQdrantClient, tenant: str) -> Any:
        made = Passing if tenant == "acme" else AsyncGuardedQdrantClient
        return made(raw, operator_context(tenant=tenant, principal="app"), MemoryEventSink())

    return Subject(name=f"{method} passed on", client_for=client_for, asynchronous=True)


def test_an_error_of_another_kind_is_a_crash(monkeypatch: Patch, attacked: Attacked) -> None:
    """An error that callers were not promised is told of, whatever it says."""

    def broken(self: object, *args: object, **kwargs: object) -> None:
        raise KeyError("inside")

    monkeypatch.setattr(GuardedQdrantClient, "count", broken)
    tally = attacked(GUARDED, methods={"count"})
    assert {finding.kind for finding in tally.findings} == {"crash"}
    assert (RagbastionError,) == GUARDED.refusals
    assert ASYNC_GUARDED.refusals == GUARDED.refusals
