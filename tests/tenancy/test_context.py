"""What a context accepts, when it ends, and who alone can make one."""

import copy
import dataclasses
import pickle
import time
from typing import Annotated, Any

import pytest
from fastapi import Body, Depends, FastAPI
from fastapi.exceptions import FastAPIError
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter
from ragbastion.core.errors import AccessError, CredentialError, UsageError
from ragbastion.tenancy import Credential, TenantContext, operator_context

ACME = operator_context(
    tenant="acme", principal="Agent A", roles=["reader", "writer"], groups=["sales"], clearance=2
)


def test_context_keeps_what_it_is_given() -> None:
    """Fields come back as given, names as sets, and equal contexts are equal."""
    assert (ACME.tenant, ACME.principal, ACME.session) == ("acme", "Agent A", "")
    assert (ACME.roles, ACME.groups) == (frozenset({"reader", "writer"}), frozenset({"sales"}))
    again = operator_context(
        tenant="acme",
        principal="Agent A",
        roles=frozenset({"writer", "reader"}),
        groups=("sales",),
        clearance=2,
    )
    assert (again, hash(again)) == (ACME, hash(ACME))


def test_what_is_left_out_is_the_least() -> None:
    """No group, no department, clearance for public documents only, no administration."""
    made = operator_context(tenant="acme", principal="a")
    assert (made.groups, made.department, made.clearance, made.admin) == (frozenset(), "", 0, False)


def test_context_cannot_be_changed() -> None:
    """A context is frozen."""
    with pytest.raises(AttributeError):
        ACME.tenant = "globex"  # type: ignore[misc]


@pytest.mark.parametrize("sealed", [TenantContext, Credential])
def test_calling_the_class_raises(sealed: Any) -> None:
    """With the fields of a request, with none, and below the constructor."""
    asked = {"tenant": "acme", "principal": "agent"}
    for make in (
        lambda: sealed(**asked),
        lambda: sealed(**asked, _proof=object()),
        lambda: sealed("acme", "agent"),
        lambda: sealed(),
        lambda: sealed.__new__(sealed),
    ):
        with pytest.raises(UsageError, match="operator_context"):
            make()


def test_replacing_a_field_raises() -> None:
    """`dataclasses.replace` cannot widen a context."""
    with pytest.raises(ValueError, match="_proof"):
        dataclasses.replace(ACME, tenant="globex")


def test_a_copy_is_the_context_itself() -> None:
    """So it cannot hold more."""
    assert copy.copy(ACME) is ACME
    assert copy.deepcopy({"context": ACME})["context"] is ACME


def test_a_context_is_not_pickled() -> None:
    """It would outlive its credential, and pickled bytes can be edited."""
    with pytest.raises(UsageError, match="pickled"):
        pickle.dumps(ACME)


def test_a_pickle_makes_no_context() -> None:
    """Bytes that name the class, as an edited pickle would, are refused."""
    named = f"c{TenantContext.__module__}\n{TenantContext.__qualname__}\n)".encode()
    with pytest.raises(UsageError, match="calling its class"):
        pickle.loads(b"\x80\x02" + named + b"\x81.")


@pytest.mark.parametrize("sealed", [TenantContext, Credential])
def test_it_has_no_subclasses(sealed: type) -> None:
    """A subclass could make itself."""
    with pytest.raises(UsageError, match="no subclasses"):
        type("Wide", (sealed,), {})


@pytest.mark.parametrize("sealed", [TenantContext, Credential])
def test_pydantic_refuses_it_as_a_field(sealed: Any) -> None:
    """In a model, nested, with arbitrary types allowed, and alone."""
    for annotation in (sealed, list[sealed], sealed | None):
        with pytest.raises(UsageError, match="no type for request data"):
            type("Asked", (BaseModel,), {"__annotations__": {"who": annotation}})
    loose = {"model_config": {"arbitrary_types_allowed": True}, "__annotations__": {"who": sealed}}
    with pytest.raises(UsageError, match="no type for request data"):
        type("Loose", (BaseModel,), loose)
    with pytest.raises(UsageError, match="no type for request data"):
        TypeAdapter(sealed)


@pytest.mark.parametrize(
    "annotation",
    [TenantContext, Annotated[TenantContext, Body()], Annotated[TenantContext, Depends()]],
)
def test_fastapi_refuses_it_as_a_parameter(annotation: Any) -> None:
    """As a body, as query parameters, and as a dependency that FastAPI would call with them."""

    def route(who: object) -> None: ...

    route.__annotations__["who"] = annotation
    with pytest.raises((UsageError, FastAPIError)):
        FastAPI().post("/")(route)


def test_fastapi_takes_it_from_a_dependency() -> None:
    """A dependency that verifies is how a route gets one."""

    def route(who: object) -> None: ...

    route.__annotations__["who"] = Annotated[TenantContext, Depends(lambda: ACME)]
    FastAPI().post("/")(route)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"tenant": ""}, "tenant refused"),
        ({"tenant": "a/b"}, "tenant refused"),
        ({"tenant": "x" * 10_240}, "10240 characters"),
        ({"tenant": "\u0430\u0441\u043c\u0435"}, "look Latin"),
        ({"principal": ""}, "principal is empty"),
        ({"principal": "a\nb"}, "principal holds character U[+]000A at 1"),
        ({"principal": "a\u202eb"}, "U[+]202E"),
        ({"principal": "x" * 257}, "0 to 256"),
        ({"principal": "mu\u0308"}, "NFC"),
        ({"principal": 7}, "must be a text"),
        ({"session": "a\x00"}, "session holds"),
        ({"purpose": "a\u2028"}, "purpose holds"),
        ({"department": "a\u200b"}, "department holds"),
        ({"roles": "reader"}, "roles must be a collection"),
        ({"roles": [7]}, "roles must be a collection"),
        ({"roles": frozenset({"a\x1b"})}, "role holds"),
        ({"roles": frozenset({""})}, "role must be a text of 1"),
        ({"groups": frozenset({""})}, "group must be a text of 1"),
        ({"roles": frozenset(map(str, range(65)))}, "at most 64"),
        ({"groups": "sales"}, "groups must be a collection"),
        ({"groups": ["a\x1b"]}, "group holds"),
        ({"groups": list(map(str, range(65)))}, "at most 64"),
        ({"clearance": 4}, "clearance must be 0 to 3"),
        ({"clearance": -1}, "clearance must be 0 to 3"),
        ({"clearance": True}, "clearance must be 0 to 3"),
        ({"clearance": "3"}, "clearance must be 0 to 3"),
        ({"admin": 1}, "admin must be"),
        ({"expires_at": float("nan")}, "expires_at"),
        ({"expires_at": float("inf")}, "expires_at"),
    ],
)
def test_odd_fields_are_refused(fields: dict[str, Any], why: str) -> None:
    """Each field is checked when the context is made."""
    with pytest.raises(UsageError, match=why):
        operator_context(**{"tenant": "acme", "principal": "agent", **fields})


def test_expiry() -> None:
    """Without an end or before it a context is active, from then on it is refused."""
    now = time.time()
    operator_context(tenant="acme", principal="a").require_active()
    operator_context(tenant="acme", principal="a", expires_at=now + 60).require_active()
    with pytest.raises(CredentialError, match="authenticate again"):
        operator_context(tenant="acme", principal="a", expires_at=now - 1).require_active()


def test_narrowing_takes_away() -> None:
    """Roles, groups and clearance may shrink; what is not named stays."""
    less = ACME.narrowed(roles=["reader"], clearance=1)
    assert (less.roles, less.groups, less.clearance) == ({"reader"}, {"sales"}, 1)
    assert (less.tenant, less.principal) == (ACME.tenant, ACME.principal)


def test_a_narrowed_context_does_not_administer() -> None:
    """Whoever narrows hands it on."""
    admin = operator_context(tenant="acme", principal="root", admin=True)
    assert admin.narrowed().admin is False


names = st.frozensets(st.sampled_from(["reader", "writer", "sales", "admin"]))


@settings(max_examples=50, derandomize=True, deadline=None)
@given(roles=names, groups=names, clearance=st.integers(-1, 4))
def test_narrowing_never_widens(
    roles: frozenset[str], groups: frozenset[str], clearance: int
) -> None:
    """It is refused, or the result is within the context."""
    try:
        made = ACME.narrowed(roles=roles, groups=groups, clearance=clearance)
    except (AccessError, UsageError):
        return
    assert made.roles <= ACME.roles
    assert made.groups <= ACME.groups
    assert 0 <= made.clearance <= ACME.clearance
