"""Every name of the installed clients is confined, for administrators, or refused."""

import inspect
from types import SimpleNamespace, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient
from ragbastion.core.errors import IsolationError, StoreError
from ragbastion.tenancy import AsyncGuardedQdrantClient, GuardedQdrantClient
from ragbastion.tenancy.guarded_methods import METHODS, Access

PAIRS = [
    pytest.param(GuardedQdrantClient, QdrantClient, id="sync"),
    pytest.param(AsyncGuardedQdrantClient, AsyncQdrantClient, id="async"),
]
OFFERED = sorted(n for n, access in METHODS.items() if access in {Access.ENFORCED, Access.ADMIN})
ENFORCED = sorted(n for n, access in METHODS.items() if access is Access.ENFORCED)
ADMIN = sorted(n for n, access in METHODS.items() if access is Access.ADMIN)
REFUSED = sorted(n for n, access in METHODS.items() if access in {Access.RAW, Access.UNNEEDED})
REFUSED += ["method_of_next_year", "search"]


def shape(method: Any) -> list[tuple[Any, ...]]:
    """Return parameters and result of a method with their types as `spelled`."""
    signature = inspect.signature(method, eval_str=True)
    listed = [
        (p.name, p.kind, p.default, spelled(p.annotation)) for p in signature.parameters.values()
    ]
    return [*listed, (spelled(signature.return_annotation),)]


def spelled(kind: Any) -> str:
    """Return a type as text; unions and containers have two spellings that mean the same."""
    origin, inside = get_origin(kind), [spelled(each) for each in get_args(kind)]
    if origin in {Union, UnionType}:
        return " | ".join(sorted(inside))
    return f"{origin}{inside}" if origin and origin is not Literal else str(kind)


@pytest.mark.parametrize("plain", [QdrantClient, AsyncQdrantClient])
def test_table_is_the_installed_clients(plain: Any) -> None:
    """A release of qdrant-client that adds or drops a name has to be classified."""
    made = plain(":memory:")
    assert set(METHODS) == {name for name in dir(made) if not name.startswith("_")}


@pytest.mark.parametrize(("guarded", "plain"), PAIRS)
@pytest.mark.parametrize("name", OFFERED)
def test_signature_is_the_plain_clients(guarded: Any, plain: Any, name: str) -> None:
    """Names, kinds, order, defaults and types of parameters and result are the same."""
    ours, theirs = getattr(guarded, name), getattr(plain, name)
    assert shape(ours) == shape(theirs)
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)


@pytest.mark.parametrize("guarded", [GuardedQdrantClient, AsyncGuardedQdrantClient])
@pytest.mark.parametrize("name", ENFORCED)
def test_enforced_name_says_what_it_does(guarded: Any, name: str) -> None:
    """Each method that differs from the client's has a docstring of its own."""
    assert getattr(guarded, name).__doc__


@pytest.mark.parametrize("name", [*REFUSED, *ADMIN])
def test_name_is_refused_to_a_tenant(acme: Any, name: str) -> None:
    """It raises, `hasattr` is false, and each attempt is one event."""
    with pytest.raises(IsolationError, match=f"QdrantClient.{name} is refused"):
        getattr(acme.guarded, name)
    assert not hasattr(acme.guarded, name)
    assert [(e.kind, e.tenant, e.detail["method"]) for e in acme.events.events] == [
        ("tenancy.refused", "acme", name),
        ("tenancy.refused", "acme", name),
    ]


@pytest.mark.parametrize("name", REFUSED)
def test_name_is_refused_to_an_administrator(world: SimpleNamespace, name: str) -> None:
    """Raw handles and unknown names stay out of reach."""
    with pytest.raises(IsolationError, match=f"QdrantClient.{name} is refused"):
        getattr(world.admin(world.filled()).guarded, name)


@pytest.mark.parametrize("name", ADMIN)
def test_administrator_is_given_the_clients_method(world: SimpleNamespace, name: str) -> None:
    """With an admin context each of them is there, under the plain client's signature."""
    guarded = world.admin(world.filled()).guarded
    plain = getattr(guarded._guarded, name)
    assert inspect.signature(getattr(guarded, name)) == inspect.signature(plain)


def test_administrators_call_is_passed_on_and_reported(world: SimpleNamespace) -> None:
    """It reaches the whole collection, and is an event before it is made."""
    client = world.filled()
    admin = world.admin(client)
    assert [c.name for c in admin("get_collections").collections] == [world.DOCS]
    assert admin("delete_collection", collection_name=world.DOCS)
    seen = [(e.kind, e.subject, e.outcome, e.detail["method"]) for e in admin.events.events]
    assert seen == [
        ("tenancy.admin", "", "allowed", "get_collections"),
        ("tenancy.admin", world.DOCS, "allowed", "delete_collection"),
    ]
    assert not client.collection_exists(world.DOCS)


def test_administrators_point_calls_stay_in_the_tenant(world: SimpleNamespace) -> None:
    """An admin context widens what is offered, not what an enforced method sees."""
    assert world.admin(world.filled())("count", world.DOCS).count == 6


def test_administrators_error_is_translated(world: SimpleNamespace) -> None:
    """What the client raises leaves as one of our errors."""
    admin = world.admin(world.filled())
    with pytest.raises(StoreError, match="cannot serve the call"):
        admin("create_collection", world.DOCS, vectors_config={})


def test_closed_guard_refuses_every_call(acme: Any, world: SimpleNamespace) -> None:
    """Closing ends this guard and leaves the client open."""
    acme("close", grpc_grace=1.0)
    with pytest.raises(StoreError, match="closed"):
        acme("count", world.DOCS)
    assert acme.client.count(world.DOCS).count == 15


@pytest.mark.parametrize("guarded", [GuardedQdrantClient, AsyncGuardedQdrantClient])
def test_client_of_the_other_kind_is_refused(guarded: Any, world: SimpleNamespace) -> None:
    """A guard that awaits a client that does not would fail at the first call, and late."""
    other = QdrantClient if guarded is AsyncGuardedQdrantClient else AsyncQdrantClient
    with pytest.raises(Exception, match=r"of class (Async)?QdrantClient"):
        guarded(other(":memory:"), world.context("acme"))
