"""Every public name of the installed clients is attacked."""

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient
from ragbastion.benchmarks.tenancy import ASYNC_GUARDED, GUARDED, NAIVE
from ragbastion.benchmarks.tenancy.calls import GENERATED
from ragbastion.benchmarks.tenancy.findings import Kind, Tally
from ragbastion.benchmarks.tenancy.subjects import Subject
from ragbastion.benchmarks.tenancy.surface import attack_surface, names
from ragbastion.tenancy import GuardedQdrantClient
from ragbastion.tenancy.guarded_methods import METHODS, Access

from .conftest import SEED, PairOf


@pytest.mark.parametrize("plain", [QdrantClient, AsyncQdrantClient])
def test_every_public_name_is_attacked(plain: type) -> None:
    """A release that adds a name has it attacked, with arguments made for it or without."""
    raw = plain(":memory:")
    public = {name for name in dir(raw) if not name.startswith("_")}
    assert set(names(raw)) | set(GENERATED) | {"close"} >= public
    assert {"_client", "http", "grpc_points"} <= set(names(raw))


def test_every_enforced_method_has_its_generator() -> None:
    """A method that tenants may call is attacked with generated arguments."""
    enforced = {name for name, access in METHODS.items() if access is Access.ENFORCED}
    assert set(GENERATED) | {"close"} == enforced


@pytest.mark.parametrize("subject", [GUARDED, ASYNC_GUARDED], ids=lambda subject: subject.name)
def test_names_beyond_a_tenant_are_refused(subject: Subject, pair_of: PairOf) -> None:
    """Administration, raw parts and what tells nothing alike."""
    tally = Tally()
    attack_surface(pair_of(subject), SEED, tally)
    assert tally.leaks == {}
    reached = {m for m, columns in tally.cells.items() if columns["all"].get("answered")}
    assert reached == {"close"}


def test_a_name_that_opens_is_found(monkeypatch: pytest.MonkeyPatch, pair_of: PairOf) -> None:
    """A guard that hands out what it does not know leaks by each such name."""
    monkeypatch.setattr(
        GuardedQdrantClient, "__getattr__", lambda self, name: getattr(self._guarded, name)
    )
    tally = Tally()
    attack_surface(pair_of(GUARDED), SEED, tally)
    found = {finding.method: finding.kind for finding in tally.findings}
    assert found["_client"] == Kind.REACH
    assert found["get_collections"] == Kind.TEXT
    assert found["migrate"] == Kind.TEXT
    assert found["delete_collection"] == Kind.CHANGE


def test_on_a_shared_server_nothing_is_administered(pair_of: PairOf) -> None:
    """What can be reached is told, not called: others' collections stay."""
    store = QdrantClient(":memory:")

    def client() -> QdrantClient:
        made = QdrantClient(":memory:")
        made._client.collections = store._client.collections  # type: ignore[attr-defined]
        return made

    subject = Subject(name="shared", client_for=NAIVE.client_for, raw=client)
    store.create_collection("others", vectors_config={})
    tally = Tally()
    pair = pair_of(subject)
    attack_surface(pair, SEED, tally)
    assert "delete_collection" in tally.leaks
    kinds = {finding.kind for finding in tally.findings if finding.method == "delete_collection"}
    assert kinds == {Kind.REACH}
    pair.close()
    assert [each.name for each in store.get_collections().collections] == ["others"]
