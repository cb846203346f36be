"""A revoked source's chunks leave the store, and come back if the revocation was mistaken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ragbastion.core.events import MemoryEventSink
from ragbastion.ingest import IngestRequest
from ragbastion.ingest.provenance import ChunkVerifier, from_point
from ragbastion.ingest.provenance.source_admin import SourceAdmin
from ragbastion.ingest.withdrawal import HIDDEN, Withdrawal

if TYPE_CHECKING:
    from conftest import Rig

TENANT = "acme"


@dataclass
class Case:
    """A store with documents of two sources, and what administers it."""

    rig: Rig
    admin: SourceAdmin
    withdrawal: Withdrawal
    folder: Path

    def texts(self, collection: str = "docs") -> list[str]:
        """Return what the tenant has, in order."""
        points = self.rig.store.scroll(collection, TENANT)
        return sorted(str(point.payload["text"]) for point in points)


@pytest.fixture
def case(rig: Rig, tmp_path: Path) -> Iterator[Case]:
    """Return two documents of 'wiki' and one of 'hr'."""
    folder = tmp_path / "in"
    folder.mkdir()
    request = IngestRequest(tenant=TENANT, source="wiki", collection="docs")
    for name, source in (("a", "wiki"), ("b", "wiki"), ("c", "hr")):
        path = folder / f"{name}.txt"
        path.write_text(f"The harbour {name} opens at six.")
        rig.pipeline.ingest([path], replace(request, source=source))
    admin = SourceAdmin(rig.state, MemoryEventSink(), principal="root")
    verifier = ChunkVerifier(rig.state)
    yield Case(rig, admin, Withdrawal(rig.store, rig.ledger, verifier), folder)
    verifier.close()
    admin.close()


A, B, C = (f"The harbour {name} opens at six." for name in "abc")


def test_what_is_believed_is_never_taken(case: Case) -> None:
    """Without a revocation nothing happens."""
    assert case.withdrawal.withdraw("docs", TENANT, "wiki", hide=False) == 0
    assert case.texts() == [A, B, C]


def test_a_purge_takes_the_source_and_no_other(case: Case) -> None:
    """The ledger expects them no more, and a second purge finds nothing."""
    case.admin.revoke_source(TENANT, "wiki", "poisoned")
    assert case.withdrawal.withdraw("docs", TENANT, "wiki", hide=False) == 2
    assert case.texts() == [C]
    assert case.rig.ledger.points(case.rig.store.collection("docs").uid, TENANT) == 1
    assert case.withdrawal.withdraw("docs", TENANT, "wiki", hide=False) == 0


def test_another_tenants_chunks_stay(case: Case) -> None:
    """A source of the same name of another tenant is another source."""
    request = IngestRequest(tenant="other", source="wiki", collection="docs")
    case.rig.pipeline.ingest([case.folder / "a.txt"], request)
    case.admin.revoke_source(TENANT, "wiki", "poisoned")
    case.withdrawal.withdraw("docs", TENANT, "wiki", hide=False)
    assert case.rig.store.count("docs", "other") == 1


def test_hidden_chunks_do_not_verify_where_they_are(case: Case) -> None:
    """They are kept in a collection that vouches for none of them, even once believed again."""
    case.admin.revoke_source(TENANT, "wiki", "poisoned")
    assert case.withdrawal.withdraw("docs", TENANT, "wiki", hide=True) == 2
    assert (case.texts(), case.texts("docs" + HIDDEN)) == ([C], [A, B])
    case.admin.reinstate(TENANT, "wiki", "mistake")
    uid = case.rig.store.collection("docs" + HIDDEN).uid
    pairs = [from_point(each) for each in case.rig.store.scroll("docs" + HIDDEN, TENANT)]
    found = ChunkVerifier(case.rig.state).verify_batch(pairs, collection_uid=uid)
    assert ["it was moved" in str(each) for each in found] == [True, True]


def test_hidden_chunks_come_back_and_verify(case: Case) -> None:
    """Only once the revocation is taken back; the ledger knows them again."""
    case.admin.revoke_source(TENANT, "wiki", "poisoned")
    case.withdrawal.withdraw("docs", TENANT, "wiki", hide=True)
    assert case.withdrawal.restore("docs", TENANT, "wiki") == (0, 0)
    case.admin.reinstate(TENANT, "wiki", "mistake")
    assert case.withdrawal.restore("docs", TENANT, "wiki") == (2, 0)
    assert (case.texts(), case.texts("docs" + HIDDEN)) == ([A, B, C], [])
    uid = case.rig.store.collection("docs").uid
    assert case.rig.ledger.points(uid, TENANT) == 3
    pairs = [from_point(each) for each in case.rig.store.scroll("docs", TENANT)]
    found = ChunkVerifier(case.rig.state).verify_batch(pairs, collection_uid=uid)
    assert {str(each.integrity) for each in found} == {"trusted"}


def test_a_restored_document_is_replaced_by_its_next_version(case: Case) -> None:
    """Nothing of the old one is left behind."""
    case.admin.revoke_source(TENANT, "wiki", "poisoned")
    case.withdrawal.withdraw("docs", TENANT, "wiki", hide=True)
    case.admin.reinstate(TENANT, "wiki", "mistake")
    case.withdrawal.restore("docs", TENANT, "wiki")
    (case.folder / "a.txt").write_text("The harbour a opens at seven.")
    case.rig.ingest(case.folder / "a.txt")
    assert case.texts() == ["The harbour a opens at seven.", B, C]


def test_an_old_version_does_not_come_back(case: Case) -> None:
    """A document that was ingested again in the meantime stays as it is."""
    case.admin.revoke_source(TENANT, "wiki", "poisoned")
    case.withdrawal.withdraw("docs", TENANT, "wiki", hide=True)
    case.admin.reinstate(TENANT, "wiki", "mistake")
    (case.folder / "a.txt").write_text("The harbour a opens at seven.")
    case.rig.ingest(case.folder / "a.txt")
    assert case.withdrawal.restore("docs", TENANT, "wiki") == (1, 1)
    assert case.texts() == ["The harbour a opens at seven.", B, C]


def test_without_a_hidden_collection_nothing_comes_back(case: Case) -> None:
    """And none is made."""
    assert case.withdrawal.restore("docs", TENANT, "wiki") == (0, 0)
    assert [each.name for each in case.rig.store.collections()] == ["docs"]
