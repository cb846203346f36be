"""Quarantine keeps bytes and decisions, one row a document."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ragbastion.core.chunk import Digest, DocumentId, TenantId
from ragbastion.core.errors import StoreFullError, StoreLockedError, UsageError
from ragbastion.core.verdict import Decision, Finding, Verdict
from ragbastion.ingest.quarantine import Quarantine, QuarantineKey, QuarantineState

VERDICT = Verdict(
    decision=Decision.QUARANTINE,
    score=0.9,
    findings=(Finding(kind="injection", detector="d", score=0.9),),
)


def key(document: str = "a.txt", *, digest: str = "d1", tenant: str = "acme") -> QuarantineKey:
    """Return the key of a document in collection docs, source wiki."""
    return QuarantineKey(
        tenant=TenantId(tenant),
        collection="docs",
        source="wiki",
        document=DocumentId(document),
        digest=Digest(digest),
    )


@pytest.fixture
def quarantine(tmp_path: Path) -> Quarantine:
    """Return an empty quarantine."""
    return Quarantine(tmp_path / "quarantine.db")


def test_a_document_is_kept_with_its_bytes_and_verdict(quarantine: Quarantine) -> None:
    """What was added comes back: key, bytes, media type and verdict."""
    identifier = quarantine.add(key(), b"\x00raw", "text/plain", VERDICT)
    record = quarantine.get(identifier)
    assert (record.key, record.media_type, record.state) == (key(), "text/plain", "held")
    assert record.verdict["score"] == 0.9
    assert record.size_bytes == 4
    assert quarantine.original(identifier) == b"\x00raw"


def test_the_same_bytes_make_one_row(quarantine: Quarantine) -> None:
    """Adding the same document again returns the same id and changes nothing."""
    first = quarantine.add(key(), b"raw", "text/plain", VERDICT)
    assert quarantine.add(key(), b"raw", "text/plain", Verdict.allow()) == first
    assert [record.id for record in quarantine.list(state=None)] == [first]


def test_ids_are_short_and_the_same_anywhere(tmp_path: Path, quarantine: Quarantine) -> None:
    """Two quarantines give one document the same id of fourteen characters."""
    other = Quarantine(tmp_path / "other.db")
    first = quarantine.add(key(), b"raw", "text/plain", VERDICT)
    assert other.add(key(), b"raw", "text/plain", VERDICT) == first
    assert len(first) == 14


@pytest.mark.parametrize(
    "other", [key("b.txt"), key(digest="d2"), key(tenant="rival")], ids=["name", "bytes", "tenant"]
)
def test_another_document_is_another_row(quarantine: Quarantine, other: QuarantineKey) -> None:
    """A change of name, bytes or tenant is another document, not decided by the first."""
    identifier = quarantine.add(key(), b"raw", "text/plain", VERDICT)
    quarantine.decide(identifier, "released", reviewer="ann")
    assert quarantine.find(other) is None
    assert quarantine.add(other, b"raw", "text/plain", VERDICT) != identifier


def test_list_filters_by_tenant_and_state(quarantine: Quarantine) -> None:
    """Only the tenant's documents in the state asked for are listed."""
    mine = quarantine.add(key(), b"raw", "text/plain", VERDICT)
    done = quarantine.add(key("b.txt"), b"raw", "text/plain", VERDICT)
    quarantine.add(key(tenant="rival"), b"raw", "text/plain", VERDICT)
    quarantine.decide(done, "rejected", reviewer="ann")
    assert [record.id for record in quarantine.list("acme")] == [mine]
    assert [record.id for record in quarantine.list("acme", "rejected")] == [done]
    assert len(quarantine.list(state=None)) == 3


def test_a_decision_names_who_when_and_why(quarantine: Quarantine) -> None:
    """The record carries the last decision, and the history all of them."""
    identifier = quarantine.add(key(), b"raw", "text/plain", VERDICT)
    quarantine.decide(identifier, "rejected", reviewer="ann", reason="phishing")
    record = quarantine.decide(identifier, "released", reviewer="bob", reason="a drill")
    assert (record.state, record.decided_by, record.reason) == ("released", "bob", "a drill")
    assert [(each["state"], each["reviewer"]) for each in quarantine.history(identifier)] == [
        ("rejected", "ann"),
        ("released", "bob"),
    ]


def test_deciding_twice_alike_is_one_decision(quarantine: Quarantine) -> None:
    """The same decision again changes nothing, so that a release can be repeated."""
    identifier = quarantine.add(key(), b"raw", "text/plain", VERDICT)
    quarantine.decide(identifier, QuarantineState.RELEASED, reviewer="ann")
    quarantine.decide(identifier, QuarantineState.RELEASED, reviewer="bob")
    assert [each["reviewer"] for each in quarantine.history(identifier)] == ["ann"]


@pytest.mark.parametrize(
    ("state", "reviewer", "message"),
    [
        ("released", " ", "name the reviewer"),
        ("gone", "ann", "use one of held, released, rejected"),
        ("held", "ann", "release it or reject it"),
    ],
)
def test_a_decision_without_meaning_is_refused(
    quarantine: Quarantine, state: str, reviewer: str, message: str
) -> None:
    """A nameless reviewer, an unknown state and a return to held are usage errors."""
    identifier = quarantine.add(key(), b"raw", "text/plain", VERDICT)
    with pytest.raises(UsageError, match=message):
        quarantine.decide(identifier, state, reviewer=reviewer)


def test_an_unknown_id_is_refused(quarantine: Quarantine) -> None:
    """Every call with an id that does not exist says so."""
    for call in (
        lambda: quarantine.get("q-none"),
        lambda: quarantine.original("q-none"),
        lambda: quarantine.decide("q-none", "released", reviewer="ann"),
    ):
        with pytest.raises(UsageError, match="holds no 'q-none'"):
            call()


def test_the_file_is_owner_only(tmp_path: Path, quarantine: Quarantine) -> None:
    """Nobody else can read what was quarantined."""
    quarantine.add(key(), b"raw", "text/plain", VERDICT)
    modes = {path.stat().st_mode & 0o077 for path in tmp_path.glob("quarantine.db*")}
    assert modes == {0}


def test_a_full_disk_keeps_what_was_there(quarantine: Quarantine) -> None:
    """When no page is left, adding raises and leaves the earlier rows as they were."""
    first = quarantine.add(key(), b"raw", "text/plain", VERDICT)
    quarantine._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreFullError, match="no space is left"):
        quarantine.add(key("b.txt"), b"x" * 1_000_000, "text/plain", VERDICT)
    assert [record.id for record in quarantine.list()] == [first]


def test_a_locked_file_is_a_clear_error(tmp_path: Path, quarantine: Quarantine) -> None:
    """While another process writes, adding says that the file is locked."""
    other = sqlite3.connect(tmp_path / "quarantine.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    quarantine._connection.execute("PRAGMA busy_timeout = 10")
    with pytest.raises(StoreLockedError, match="locked by another process"):
        quarantine.add(key(), b"raw", "text/plain", VERDICT)
    other.close()


def test_the_label_is_kept_for_a_release(quarantine: Quarantine) -> None:
    """The first one that came with the bytes; nothing where there was none."""
    label = {"_ragbastion_access_owner": "ann"}
    first = quarantine.add(key(), b"raw", "text/plain", VERDICT, label)
    quarantine.add(key(), b"raw", "text/plain", VERDICT, {"_ragbastion_access_owner": "eve"})
    other = quarantine.add(key("b.txt"), b"raw", "text/plain", VERDICT)
    assert (quarantine.label(first), quarantine.label(other)) == (label, {})
