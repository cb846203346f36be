"""A ledger that was put back is found by the log, document by document, and can be made good."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ragbastion.core.chunk import Digest, TenantId
from ragbastion.core.errors import RollbackError, StoreError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import StoredPoint
from ragbastion.ingest import Ledger
from ragbastion.ingest.ledger import LedgerEntry, LedgerKey
from ragbastion.ingest.ledger_mending import mend
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier, from_point
from ragbastion.ingest.provenance.log import Tampering, open_log, verify_log

from ...conftest import REQUEST, Rig
from ..conftest import make_chunks

OLD, NEW = b"Refunds take ninety days.", b"Refunds take fourteen days."


def ingest(rig: Rig, data: bytes, name: str = "a.txt") -> StoredPoint:
    """Ingest a document of one chunk and return the point."""
    report = rig.pipeline.ingest_bytes(data, name, REQUEST)
    assert not report.failures
    return next(point for point in rig.points() if point.payload["document"] == name)


def copied(source: Path, target: Path) -> Path:
    """Copy a database that is open, over another one that may be."""
    with sqlite3.connect(source) as read, sqlite3.connect(target) as write:
        read.backup(write)
    read.close()
    write.close()
    return target


def backed_up(rig: Rig, folder: Path) -> Path:
    """Keep a copy of the ledger as it is."""
    return copied(rig.state / "ledger.db", folder / "ledger.bak")


def put_back(rig: Rig, copy: Path) -> None:
    """Restore the ledger from a copy, as somebody does who can write the state folder."""
    copied(copy, rig.state / "ledger.db")


def found(rig: Rig) -> list[tuple[Tampering, int | None]]:
    """Return what an audit of the state folder finds."""
    return [(each.kind, each.index) for each in verify_log(rig.state).findings]


def reasons(rig: Rig) -> str:
    """Return the reasons of an audit's findings."""
    return "\n".join(each.reason for each in verify_log(rig.state).findings)


def test_an_honest_ledger_is_clean(rig: Rig) -> None:
    """After ingesting, replacing, ingesting again, and signing past the ledger."""
    ingest(rig, OLD)
    ingest(rig, NEW)
    ingest(rig, OLD)
    ingest(rig, NEW, "b.txt")
    signer = BatchSigner(rig.state)
    signer.sign(make_chunks(2), collection_uid="not-ingested")
    signer.close()
    assert found(rig) == []


def test_a_ledger_that_was_put_back_is_named(rig: Rig, tmp_path: Path) -> None:
    """With the entry that it lacks, and the one that it has; other documents are not."""
    ingest(rig, NEW, "b.txt")
    ingest(rig, OLD)
    copy = backed_up(rig, tmp_path)
    ingest(rig, NEW)
    put_back(rig, copy)
    (rollback, _), (behind, at) = found(rig)
    assert (rollback, behind) == (Tampering.ROLLBACK, Tampering.LEDGER_BEHIND)
    told = reasons(rig)
    assert "'ledger.db' was put back" in told
    assert f"a.txt' got its current version by entry {at}, and it has that of entry" in told
    assert "b.txt" not in told


def test_a_document_that_the_copy_never_had_is_named(rig: Rig, tmp_path: Path) -> None:
    """So is one that was withdrawn since: without its entry any version of it would pass."""
    ingest(rig, OLD, "b.txt")
    copy = backed_up(rig, tmp_path)
    ingest(rig, OLD)
    [hidden] = [point for point in rig.points() if point.payload["document"] == "b.txt"]
    rig.pipeline._parts.writer.withdraw(_key(rig, hidden), "docs")
    put_back(rig, copy)
    told = reasons(rig)
    assert found(rig)[1:] == [(Tampering.LEDGER_BEHIND, 5), (Tampering.LEDGER_BEHIND, 6)]
    assert "a.txt' got its current version by entry 5, and it has no version" in told
    assert "b.txt' was withdrawn by entry 6, and it has that of entry" in told


def test_a_ledger_that_is_gone_is_named(rig: Rig) -> None:
    """Removing it would let every version pass."""
    ingest(rig, OLD)
    rig.ledger.close()
    (rig.state / "ledger.db").unlink()
    [each] = verify_log(rig.state).findings
    assert (each.kind, each.reason) == (Tampering.ROLLBACK, "the ledger 'ledger.db' is gone")


def test_a_ledger_that_was_written_to_is_ahead(rig: Rig) -> None:
    """A version that nobody signed is none that the log was told of."""
    ingest(rig, OLD)
    with sqlite3.connect(rig.state / "ledger.db") as database:
        database.execute("UPDATE documents SET digest = 'ff'")
    database.close()
    assert found(rig) == [(Tampering.LEDGER_AHEAD, None)]
    assert "it has a version of 'document/acme/" in reasons(rig)


def test_a_log_that_was_put_back_without_the_ledger_is_named(rig: Rig, tmp_path: Path) -> None:
    """With the registry and the seen checkpoint, which would hide it: the ledger is ahead."""
    ingest(rig, OLD)
    names = ("provenance.db", "provenance_log.db")
    for name in names:
        copied(rig.state / name, tmp_path / name)
    shutil.copy(rig.state / "provenance_log.seen", tmp_path)
    _date_later(rig)
    ingest(rig, NEW)
    ingest(rig, NEW, "b.txt")
    for name in names:
        copied(tmp_path / name, rig.state / name)
    shutil.copy(tmp_path / "provenance_log.seen", rig.state)
    assert [kind for kind, _ in found(rig)] == [Tampering.LEDGER_AHEAD] * 2


def _date_later(rig: Rig) -> None:
    """Date what the ledger enters from now on later: entries of the log have whole seconds."""
    with sqlite3.connect(rig.state / "ledger.db") as database:
        database.execute(
            "CREATE TRIGGER later AFTER INSERT ON documents BEGIN "
            "UPDATE documents SET at = at + 5 WHERE document = NEW.document; END"
        )
    database.close()


def test_everything_put_back_is_found_from_outside_alone(rig: Rig, tmp_path: Path) -> None:
    """Log, registry, ledger and seen checkpoint agree; a checkpoint kept elsewhere does not."""
    ingest(rig, OLD)
    names = ("provenance.db", "provenance_log.db", "ledger.db")
    for name in names:
        copied(rig.state / name, tmp_path / name)
    shutil.copy(rig.state / "provenance_log.seen", tmp_path)
    ingest(rig, NEW)
    log = open_log(rig.state)
    kept = log.checkpoint().note
    log.close()
    for name in names:
        copied(tmp_path / name, rig.state / name)
    shutil.copy(tmp_path / "provenance_log.seen", rig.state)
    assert verify_log(rig.state).clean
    assert [each.kind for each in verify_log(rig.state, seen=[kept]).findings] == [
        Tampering.ROLLBACK
    ]


def test_a_killed_run_is_no_rollback(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that was signed and never entered; an hour later it is named as unfinished."""
    ingest(rig, OLD)

    def fail(*_: object) -> None:
        raise StoreError("the store is down")

    with monkeypatch.context() as patch:
        patch.setattr(rig.store, "upsert", fail)
        with pytest.raises(StoreError, match="the store is down"):
            rig.pipeline.ingest_bytes(NEW, "a.txt", REQUEST)
    assert found(rig) == []
    with sqlite3.connect(rig.state / "ledger.db") as database:
        database.execute("UPDATE noted SET at = at - 4000")
    database.close()
    [each] = verify_log(rig.state).findings
    assert each.kind is Tampering.UNFINISHED
    assert "ingest it again" in each.reason


@pytest.mark.parametrize("data", [OLD, NEW])
def test_the_next_run_finishes_what_was_killed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    """Also with the older version again, which the ledger has as current."""
    ingest(rig, OLD)
    with monkeypatch.context() as patch:
        patch.setattr(rig.ledger, "commit", _killed)
        with pytest.raises(KeyboardInterrupt):
            rig.pipeline.ingest_bytes(NEW, "a.txt", REQUEST)
    ingest(rig, data)
    with sqlite3.connect(rig.state / "ledger.db") as database:
        database.execute("UPDATE noted SET at = 0")
    database.close()
    assert (found(rig), rig.texts()) == ([], [data.decode()])


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_was_taken_out_of_the_store_is_no_rollback(rig: Rig) -> None:
    """As after a revocation with --purge: the ledger has no version, and says which it had."""
    rig.ledger.retire(_key(rig, ingest(rig, OLD)))
    assert found(rig) == []


def test_evidence_of_an_older_version_is_no_rollback(rig: Rig) -> None:
    """What is signed past the ledger, or imported, is not what the ledger answers for."""
    chunk, _ = from_point(ingest(rig, NEW))
    signer = BatchSigner(rig.state)
    older = replace(chunk, document_digest=Digest("ab" * 32))
    signer.sign([older], collection_uid=_key(rig, rig.points()[0]).collection)
    signer.close()
    assert found(rig) == []


def test_nothing_is_built_on_a_ledger_that_was_put_back(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    """Neither retrieval nor ingestion starts; the error says what to do."""
    rig = make_rig()
    ingest(rig, OLD)
    copy = backed_up(rig, tmp_path)
    verifier = ChunkVerifier(rig.state)
    verifier.require_ledger()
    ingest(rig, NEW)
    put_back(rig, copy)
    verifier.verify_batch([], collection_uid="any")
    for _ in range(2):
        with pytest.raises(RollbackError, match=r"run 'ragbastion log mend-ledger'"):
            verifier.require_ledger()
    with pytest.raises(RollbackError, match=r"'ledger.db' was put back"):
        rig.pipeline.ingest_bytes(NEW, "c.txt", REQUEST)
    verifier.close()


def test_a_mended_ledger_serves_nothing_older(rig: Rig, tmp_path: Path) -> None:
    """What it lost is withdrawn until it is ingested again; the rest goes on, and all is clean."""
    ingest(rig, OLD, "b.txt")
    old = ingest(rig, OLD)
    copy = backed_up(rig, tmp_path)
    ingest(rig, NEW)
    put_back(rig, copy)
    events, signer = MemoryEventSink(), BatchSigner(rig.state)
    [mended] = mend(rig.ledger, signer, events, "dana")
    assert (mended.document, mend(rig.ledger, signer, events, "dana")) == ("a.txt", [])
    signer.close()
    [event] = events.events
    assert (event.kind, event.principal, event.subject) == ("ledger.mended", "dana", "a.txt")
    assert (found(rig), rig.ledger.find(_key(rig, old))) == ([], None)
    ingest(rig, NEW)
    assert (found(rig), rig.texts()) == ([], [NEW.decode(), OLD.decode()])


def _key(rig: Rig, point: StoredPoint) -> LedgerKey:
    chunk, _ = from_point(point)
    uid = rig.store.collection("docs").uid
    names = {"collection": uid, "tenant": chunk.tenant, "source": chunk.source}
    return LedgerKey(**names, document=chunk.document)  # type: ignore[arg-type]


def test_two_ingestions_at_once_both_count(tmp_path: Path) -> None:
    """An envelope that another process logged first still says that the ledger answers for it."""
    first, second = BatchSigner(tmp_path), BatchSigner(tmp_path)
    ledger = Ledger(tmp_path / "ledger.db")
    [chunk] = make_chunks(1)
    key = LedgerKey(collection="u", tenant=TenantId("acme"), source="wiki", document=chunk.document)
    entry = LedgerEntry(key=key, digest=chunk.document_digest, pipeline="p", chunks=(chunk.id,))
    change = ledger.intend([entry])
    meanwhile = first._logged.sync
    first._logged.sync = lambda kept=None: second._logged.sync() + meanwhile(kept)  # type: ignore[method-assign]
    first.sign([chunk], collection_uid="u", ledger_changes=change)
    with pytest.raises(RollbackError):
        second.require_ledger(change - 1)
    said = second._logged.document(("acme", "u", "wiki"), chunk.document)
    assert said is not None
    assert said.fields["ledger"] == change
    for each in (first, second, ledger):
        each.close()
