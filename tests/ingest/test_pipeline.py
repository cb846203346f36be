"""A run end to end on the embedded store: what is served, held back, refused and repeated."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ragbastion.core.chunk import TenantId
from ragbastion.core.errors import (
    ModelMismatchError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    UsageError,
)
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder
from ragbastion.core.settings import IngestSettings, Settings
from ragbastion.core.settings_retrieval import RetrievalSettings
from ragbastion.core.verdict import Verdict
from ragbastion.ingest import IngestRequest, Progress
from ragbastion.ingest.provenance import (
    ChunkVerifier,
    SourceAdmin,
    SourceRecord,
    from_point,
)
from ragbastion.ingest.scanner import Scanner
from ragbastion.tenancy import open_store

from .conftest import ATTACK, REQUEST, HashingEmbedder, write

if TYPE_CHECKING:
    from conftest import Rig


def test_a_document_is_chunked_signed_and_stored(rig: Rig, tmp_path: Path) -> None:
    """Its chunks carry exact text with offsets, and each verifies as signed for its source."""
    text = "The harbour opens at six. " * 60
    report = rig.ingest(write(tmp_path / "a.txt", text))
    assert (report.documents, report.ingested, report.failed) == (1, 1, 0)
    assert report.chunks == len(rig.points()) == 2
    verifier = ChunkVerifier(rig.state)
    for point in rig.points():
        chunk, proof = from_point(point)
        verified = verifier.verify(chunk, proof, collection_uid=rig.store.collection("docs").uid)
        assert verified.integrity == "trusted"
        assert verified.text == text[chunk.metadata["start"] : chunk.metadata["end"]]


def test_a_changed_document_replaces_its_chunks(rig: Rig, tmp_path: Path) -> None:
    """Only the new version's chunks remain."""
    path = write(tmp_path / "a.txt", "The harbour opens at six. " * 60)
    rig.ingest(path)
    write(path, "It opens at seven now.")
    report = rig.ingest(path)
    assert (report.ingested, report.replaced) == (1, 1)
    assert rig.texts() == ["It opens at seven now."]


def test_hidden_text_quarantines_and_is_never_stored(rig: Rig, tmp_path: Path) -> None:
    """A comment with instructions holds the page back; a harmless one stays out of the chunks."""
    write(tmp_path / "in" / "bad.html", f"<p>Opening hours.</p><!-- {ATTACK} -->")
    write(tmp_path / "in" / "good.html", "<p>Opening hours.</p><!-- reviewed by Ann -->")
    report = rig.ingest(tmp_path / "in")
    assert [item.document for item in report.quarantined_items] == ["bad.html"]
    assert "hidden text (comment)" in report.quarantined_items[0].reasons[0]
    assert "Ann" not in json.dumps([point.payload for point in rig.points()])
    assert rig.texts() == ["Opening hours."]


def test_hostile_metadata_quarantines(rig: Rig, tmp_path: Path) -> None:
    """Instructions in a field that would travel with the chunks are found too."""
    row = {"text": "Opening hours.", "note": ATTACK}
    report = rig.ingest(write(tmp_path / "rows.jsonl", json.dumps(row)))
    assert report.quarantined_items[0].reasons[0].startswith("title, URL or metadata: ")


def test_a_released_document_is_signed_by_its_reviewer(rig: Rig, tmp_path: Path) -> None:
    """Release stores the document, marked and signed by the reviewer's key, for good."""
    path = write(tmp_path / "a.txt", ATTACK)
    identifier = rig.ingest(path).quarantined_items[0].id
    report = rig.pipeline.release(identifier, reviewer="ann", reason="training material")
    assert (report.ingested, rig.texts()) == (1, [ATTACK])
    [point] = rig.points()
    assert point.payload["metadata"]["released"] == identifier
    assert point.payload["metadata"]["flags"] == ["injection"]
    assert rig.quarantine.get(identifier).decided_by == "ann"
    chunk, proof = from_point(point)
    uid = rig.store.collection("docs").uid
    assert ChunkVerifier(rig.state).verify(chunk, proof, collection_uid=uid).text == ATTACK
    assert rig.ingest(path).unchanged == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", json.dumps({"id": "r#7", "text": ATTACK, "source": "feed"})),
        ("page.html", f"<p>Hours.</p><!-- {ATTACK} -->"),
        ("note.md", f"# Hours\n\n{ATTACK}"),
        ("data.csv", f"a,b\n1,{ATTACK}\n"),
    ],
)
def test_release_keeps_name_and_source(rig: Rig, tmp_path: Path, name: str, content: str) -> None:
    """Whatever the format, the released document goes by the name that it was held under."""
    [item] = rig.ingest(write(tmp_path / "in" / name, content)).quarantined_items
    assert rig.pipeline.release(item.id, reviewer="ann").ingested == 1
    served = {(p.payload["document"], p.payload["source"]) for p in rig.points()}
    assert served == {(item.document, item.source)}


def test_release_can_be_repeated(rig: Rig, tmp_path: Path) -> None:
    """A second release, as after a failure, finds the document served."""
    [item] = rig.ingest(write(tmp_path / "a.txt", ATTACK)).quarantined_items
    rig.pipeline.release(item.id, reviewer="ann")
    assert rig.pipeline.release(item.id, reviewer="ann").unchanged == 1


def test_release_does_not_overwrite_a_newer_version(rig: Rig, tmp_path: Path) -> None:
    """After a clean newer version was ingested, the held older one cannot replace it."""
    path = write(tmp_path / "a.txt", ATTACK)
    [item] = rig.ingest(path).quarantined_items
    write(path, "The harbour opens at six.")
    rig.ingest(path)
    with pytest.raises(UsageError, match=r"a newer version of 'a\.txt' was ingested since"):
        rig.pipeline.release(item.id, reviewer="ann")
    assert rig.quarantine.get(item.id).state == "held"


def test_rejecting_what_was_released_withdraws_it(rig: Rig, tmp_path: Path) -> None:
    """A reviewer who thinks again takes the document out of the store."""
    path = write(tmp_path / "a.txt", ATTACK)
    [item] = rig.ingest(path).quarantined_items
    rig.pipeline.release(item.id, reviewer="ann")
    rig.pipeline.reject(item.id, reviewer="bob")
    assert rig.points() == []
    assert rig.ingest(path).quarantined == 1


def test_one_bad_file_does_not_stop_the_others(rig: Rig, tmp_path: Path) -> None:
    """Each failure names its file, place and class; the rest are ingested."""
    folder = tmp_path / "in"
    write(folder / "empty.pdf", "")
    write(folder / "good.txt", "The harbour opens at six.")
    write(folder / "rows.jsonl", '{"text": "Row one."}\n{bad\n{"text": "Row three."}\n')
    report = rig.ingest(folder)
    assert rig.texts() == ["The harbour opens at six.", "Row one.", "Row three."]
    assert [(each.path, each.where, each.error) for each in report.failures] == [
        ("empty.pdf", "", "LoadError"),
        ("rows.jsonl", "line 2", "LoadError"),
    ]


def test_a_row_names_its_own_source(rig: Rig, tmp_path: Path) -> None:
    """A row's source goes before the request's, and is checked like it."""
    rows = [
        {"text": "Row one.", "source": "feed"},
        {"text": "Row two."},
        {"text": "Three.", "source": "a\u0007b"},
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    report = rig.ingest(write(tmp_path / "rows.jsonl", lines))
    assert [point.payload["source"] for point in rig.points()] == ["feed", "wiki"]
    assert [failure.path for failure in report.failures] == ["rows.jsonl#3"]


def test_the_same_document_twice_in_a_run_is_taken_once(rig: Rig, tmp_path: Path) -> None:
    """A copy of the same name is unchanged, another content of that name is refused."""
    one = write(tmp_path / "1" / "a.txt", "The harbour opens at six.")
    two = write(tmp_path / "2" / "a.txt", "The harbour opens at six.")
    three = write(tmp_path / "3" / "a.txt", "It opens at seven.")
    report = rig.ingest(one, two, three)
    assert (report.documents, report.ingested, report.unchanged, report.failed) == (3, 1, 1, 1)
    assert "this run has another one of that name" in report.failures[0].message
    assert rig.texts() == ["The harbour opens at six."]


def test_bytes_are_ingested_under_a_name(rig: Rig) -> None:
    """The service's way in: bytes and a name, the rest alike."""
    report = rig.pipeline.ingest_bytes(b"The harbour opens at six.", "hours.txt", REQUEST)
    assert report.ingested == 1
    assert rig.points()[0].payload["document"] == "hours.txt"


def test_progress_is_told_after_each_batch(make_rig: Callable[..., Rig], tmp_path: Path) -> None:
    """With batches of two, five documents are told in three steps."""
    settings = Settings(state_dir=tmp_path / "state", ingest=IngestSettings(batch_documents=2))
    rig = make_rig(settings=settings)
    for at in range(5):
        write(tmp_path / "in" / f"{at}.txt", f"Pier {at} is open.")
    steps: list[Progress] = []
    rig.pipeline.ingest([tmp_path / "in"], REQUEST, steps.append)
    assert [(step.ingested, step.current) for step in steps] == [
        (2, "1.txt"),
        (4, "3.txt"),
        (5, "4.txt"),
    ]


def test_events_tell_what_was_decided(rig: Rig, tmp_path: Path) -> None:
    """Admission, quarantine and failure are emitted, without any document text."""
    write(tmp_path / "in" / "a.txt", "The harbour opens at six.")
    write(tmp_path / "in" / "b.txt", ATTACK)
    write(tmp_path / "in" / "c.pdf", "")
    rig.ingest(tmp_path / "in")
    assert sorted(event.kind for event in rig.events.events) == [
        "ingest.admitted",
        "ingest.baseline",
        "ingest.failed",
        "ingest.quarantined",
    ]
    told = json.dumps([dict(event.detail) for event in rig.events.events])
    assert "harbour" not in told
    assert "Ignore" not in told


def test_what_cannot_be_recorded_is_not_let_in(rig: Rig, tmp_path: Path) -> None:
    """If the audit sink refuses, nothing reaches the store."""

    def refuse(event: object) -> None:
        raise StoreError("audit is gone")

    rig.events.emit = refuse  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="audit is gone"):
        rig.ingest(write(tmp_path / "a.txt", "The harbour opens at six."))
    assert rig.points() == []


def test_nothing_to_ingest_is_a_usage_error(rig: Rig) -> None:
    """No path at all is refused."""
    with pytest.raises(UsageError, match="name at least one file"):
        rig.ingest()


@pytest.mark.parametrize(
    "names", [{"tenant": ""}, {"tenant": "a/b"}, {"source": " wiki"}, {"collection": "../x"}]
)
def test_a_request_with_bad_names_is_refused(names: dict[str, str]) -> None:
    """Tenant, source and collection are checked before anything is read."""
    parts: dict[str, Any] = {"tenant": "acme", "source": "wiki", "collection": "docs", **names}
    with pytest.raises(UsageError):
        IngestRequest(**parts)


def test_another_model_is_refused(make_rig: Callable[..., Rig], tmp_path: Path) -> None:
    """A collection is not mixed: another model of the same dimension is a mismatch."""
    path = write(tmp_path / "a.txt", "The harbour opens at six.")
    first = make_rig()
    first.ingest(path)
    with pytest.raises(ModelMismatchError, match="'docs' was built with hashing"):
        make_rig(embedder=HashingEmbedder(model="other"), store=first.store).ingest(path)


def test_a_scan_that_throws_refuses_the_document(rig: Rig, tmp_path: Path) -> None:
    """A scanner that breaks on a text lets nothing of it in, and the others pass."""

    class BreakingScanner(Scanner):
        def scan(self, text: str) -> Verdict:
            if "Pier b" in text:
                raise ZeroDivisionError
            return super().scan(text)

    rig.pipeline._parts.admission._scanner = BreakingScanner()
    for name in "abc":
        write(tmp_path / "in" / f"{name}.txt", f"Pier {name} is open.")
    report = rig.ingest(tmp_path / "in")
    assert [(each.path, each.where) for each in report.failures] == [("b.txt", "scan")]
    assert rig.texts() == ["Pier a is open.", "Pier c is open."]


def test_a_locked_state_file_stops_the_run(rig: Rig, tmp_path: Path) -> None:
    """While another process writes the ledger the run stops, and can be repeated after."""
    path = write(tmp_path / "a.txt", "The harbour opens at six.")
    other = sqlite3.connect(rig.state / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    rig.ledger._connection.execute("PRAGMA busy_timeout = 10")
    with pytest.raises(StoreLockedError, match="locked by another process"):
        rig.ingest(path)
    other.execute("ROLLBACK")
    other.close()
    assert rig.ingest(path).ingested == 1


def test_a_full_ledger_stops_the_run(rig: Rig, tmp_path: Path) -> None:
    """With no page left for the ledger the run stops with what was committed readable."""
    for at in range(40):
        write(tmp_path / "in" / f"{at}.txt", f"Pier {at} is open.")
    rig.ledger._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreFullError, match="no space is left"):
        rig.ingest(tmp_path / "in")
    rig.ledger._connection.execute("PRAGMA max_page_count = 100000")
    assert rig.ingest(tmp_path / "in").ingested == 40


def test_a_locked_store_is_a_clear_error(rig: Rig, tmp_path: Path) -> None:
    """Another process that opens the same store is told who holds it."""
    rig.ingest(write(tmp_path / "a.txt", "The harbour opens at six."))
    code = (
        "import sys; from ragbastion.tenancy import EdgeStore; from pathlib import Path\n"
        "EdgeStore(Path(sys.argv[1])).collections()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "store")], capture_output=True, text=True
    )
    assert "StoreLockedError" in done.stderr


def test_the_other_store_serves_the_same(make_rig: Callable[..., Rig], tmp_path: Path) -> None:
    """On a Qdrant store, a run, a replacement and a repeat do as on the embedded one."""
    rig = make_rig(store=open_store(":memory:"))
    path = write(tmp_path / "a.txt", "The harbour opens at six. " * 60)
    assert rig.ingest(path).chunks == 2
    write(path, "It opens at seven now.")
    assert rig.ingest(path).replaced == 1
    assert rig.ingest(path).unchanged == 1
    assert rig.texts() == ["It opens at seven now."]


def test_with_the_default_model(make_rig: Callable[..., Rig], tmp_path: Path) -> None:
    """With all-MiniLM-L6-v2 a document is stored with unit vectors of 384 dimensions."""
    rig = make_rig(embedder=SentenceTransformerEmbedder())
    rig.ingest(write(tmp_path / "a.txt", "The harbour opens at six."))
    [point] = rig.points()
    assert point.vector.shape == (384,)
    assert float(np.linalg.norm(point.vector)) == pytest.approx(1.0, abs=1e-5)


ECHO = "Who built the Alder Bridge in Velm? The Alder Bridge in Velm was built by Maria Holt."


@pytest.mark.parametrize(("founding_days", "held"), [(7, 0), (1e-9, 1), (0, 1)])
def test_a_source_that_comes_later_is_held_to_more(
    make_rig: Callable[..., Rig], tmp_path: Path, founding_days: float, held: int
) -> None:
    """Than ``founding_days`` after the tenant's first source, whoever opened that."""
    retrieval = RetrievalSettings(founding_days=founding_days)
    rig = make_rig(settings=Settings(state_dir=tmp_path / "state", retrieval=retrieval))
    for name in ("wiki", "vouched"):
        _open_source(rig, name)
    rig.ingest(write(tmp_path / "a.txt", "The harbour opens at six."))
    echo = write(tmp_path / "echo.txt", ECHO)
    for source, expected in (("vouched", 0), ("feed", held)):
        report = rig.pipeline.ingest([echo], replace(REQUEST, source=source))
        assert report.quarantined == expected


def _open_source(rig: Rig, name: str) -> None:
    with closing(SourceAdmin(rig.state, MemoryEventSink(), principal="ada")) as admin:
        admin.open(SourceRecord(tenant=TenantId("acme"), source=name))


def test_a_baseline_folder_that_cannot_be_used_stops_nothing(rig: Rig, tmp_path: Path) -> None:
    """Documents are ingested, and the audit log is told that nothing learned is kept."""
    (rig.state / "baselines").write_text("no folder")
    report = rig.ingest(write(tmp_path / "a.txt", "The harbour opens at six."))
    assert (report.ingested, report.failed) == (1, 0)
    told = {event.outcome: event.detail for event in rig.events.events
            if event.kind == "ingest.baseline"}  # fmt: skip
    assert set(told) == {"damaged", "unsaved"}
    assert "Not a directory" in str(told["damaged"]["observed"])
