"""What a context accepts and when it expires."""

import time

import pytest
from ragbastion.core.errors import CredentialError, UsageError
from ragbastion.tenancy import TenantContext


def test_context_keeps_what_it_is_given() -> None:
    """Fields come back as given, and equal contexts are equal."""
    made = TenantContext(
        tenant="acme", principal="Agent A", roles=frozenset({"reader"}), purpose="support"
    )
    assert (made.tenant, made.principal, made.session) == ("acme", "Agent A", "")
    assert made == TenantContext(
        tenant="acme", principal="Agent A", roles=frozenset({"reader"}), purpose="support"
    )


def test_context_cannot_be_changed() -> None:
    """A context is frozen."""
    made = TenantContext(tenant="acme", principal="a")
    with pytest.raises(AttributeError):
        made.tenant = "globex"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"tenant": ""}, "tenant refused"),
        ({"tenant": "a/b"}, "tenant refused"),
        ({"principal": ""}, "principal is empty"),
        ({"principal": "a\nb"}, "principal holds character U[+]000A at 1"),
        ({"principal": "a\u202eb"}, "U[+]202E"),
        ({"principal": "x" * 257}, "at most 256"),
        ({"principal": "mu\u0308"}, "NFC"),
        ({"principal": 7}, "must be a text"),
        ({"session": "a\x00"}, "session holds"),
        ({"purpose": "a\u2028"}, "purpose holds"),
        ({"roles": ["reader"]}, "roles must be a frozenset"),
        ({"roles": frozenset({"a\x1b"})}, "role holds"),
        ({"roles": frozenset(map(str, range(65)))}, "at most 64"),
        ({"expires_at": float("nan")}, "expires_at"),
        ({"expires_at": float("inf")}, "expires_at"),
    ],
)
def test_odd_fields_are_refused(fields: dict[str, object], why: str) -> None:
    """Each field is checked when the context is made."""
    given = {"tenant": "acme", "principal": "agent", **fields}
    with pytest.raises(UsageError, match=why):
        TenantContext(**given)  # type: ignore[arg-type]


def test_expiry() -> None:
    """Without an end or before it a context is active, from then on it is refused."""
    now = time.time()
    TenantContext(tenant="acme", principal="a").require_active()
    TenantContext(tenant="acme", principal="a", expires_at=now + 60).require_active()
    with pytest.raises(CredentialError, match="authenticate again"):
        TenantContext(tenant="acme", principal="a", expires_at=now - 1).require_active()
