"""What a run takes through: new and changed documents, of sources that may be signed for."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings import IngestSettings, ProvenanceSettings, Settings
from ragbastion.ingest.provenance import BatchSigner, SourceAdmin, SourceRecord

from .conftest import REQUEST, write
from .provenance.conftest import make_chunks

if TYPE_CHECKING:
    from conftest import Rig


def test_ingesting_again_changes_nothing(rig: Rig, tmp_path: Path) -> None:
    """Unchanged documents are skipped and the store stays as it was, proofs included."""
    path = write(tmp_path / "a.txt", "The harbour opens at six.")
    rig.ingest(path)
    before = [point.payload for point in rig.points()]
    report = rig.ingest(path)
    assert (report.unchanged, report.ingested, report.chunks) == (1, 0, 0)
    assert [point.payload for point in rig.points()] == before


def test_new_settings_ingest_again(make_rig: Callable[..., Rig], tmp_path: Path) -> None:
    """A change of what decides the chunks makes every document due."""
    path = write(tmp_path / "a.txt", "The harbour opens at six. " * 10)
    first = make_rig()
    first.ingest(path)
    settings = Settings(
        state_dir=first.state, ingest=IngestSettings(chunk_tokens=16, chunk_overlap_tokens=0)
    )
    report = make_rig(settings=settings, store=first.store).ingest(path)
    assert (report.replaced, len(first.texts())) == (1, 5)


def test_lost_points_are_written_again(rig: Rig, tmp_path: Path) -> None:
    """Points that vanished from the store come back, whatever the ledger says."""
    paths = [write(tmp_path / f"{name}.txt", f"Pier {name} is open.") for name in "ab"]
    rig.ingest(*paths)
    rig.store.delete("docs", REQUEST.tenant, [rig.points()[0].id])
    report = rig.ingest(*paths)
    assert (report.ingested, report.unchanged) == (1, 1)
    assert rig.texts() == ["Pier a is open.", "Pier b is open."]


def test_a_revoked_source_is_not_told_of_as_admitted(rig: Rig, tmp_path: Path) -> None:
    """Its documents are refused first, and nothing is stored."""
    rig.ingest(write(tmp_path / "a.txt", "The harbour opens at six."))
    admin = SourceAdmin(rig.state, MemoryEventSink(), principal="root")
    admin.revoke_source("acme", "wiki", "poisoned")
    admin.close()
    before = len(rig.events.events)
    report = rig.ingest(write(tmp_path / "b.txt", "The ferry leaves at nine."))
    assert [event.kind for event in rig.events.events[before:]] == ["ingest.failed"]
    [failure] = report.failures
    assert (failure.where, failure.error) == ("sign", "ProvenanceError")
    assert "source 'wiki' is revoked; open it again" in failure.message
    assert rig.texts() == ["The harbour opens at six."]


ROWS = "".join(
    json.dumps({"text": text, "source": source}) + "\n"
    for text, source in [("Row one.", "wiki"), ("Row two.", "forum"), ("Row three.", "wiki")]
)


def _revoke_forum(rig: Rig) -> None:
    admin = SourceAdmin(rig.state, MemoryEventSink(), principal="root")
    admin.open(SourceRecord(tenant="acme", source="forum"))
    admin.revoke_source("acme", "forum", "poisoned")
    admin.close()


def _lock_forums_key(rig: Rig) -> None:
    signer = BatchSigner(rig.state)
    signer.sign(make_chunks(1, source="forum"), collection_uid="u")
    signer.close()
    name = hashlib.sha256(b"acme/source/forum").hexdigest()[:32]
    (rig.state / "keys" / f"{name}.pem").chmod(0o644)


def _open_wiki(rig: Rig) -> None:
    admin = SourceAdmin(rig.state, MemoryEventSink(), principal="root")
    admin.open(SourceRecord(tenant="acme", source="wiki"))
    admin.close()


@pytest.mark.parametrize(
    ("spoil", "how", "why"),
    [
        (_revoke_forum, "first-use", "source 'forum' is revoked"),
        (_open_wiki, "by-hand", "source 'forum' is not open; 'ragbastion sources add' opens it"),
        (_lock_forums_key, "first-use", "others can read it"),
    ],
)
def test_documents_of_a_source_that_may_not_speak_are_refused_alone(
    make_rig: Callable[..., Rig],
    tmp_path: Path,
    spoil: Callable[[Rig], None],
    how: str,
    why: str,
) -> None:
    """Each with the reason; those of other sources of the batch go in, now and on the next run."""
    provenance = ProvenanceSettings.model_validate({"open_sources": how})
    rig = make_rig(settings=Settings(state_dir=tmp_path / "state", provenance=provenance))
    spoil(rig)
    path = write(tmp_path / "rows.jsonl", ROWS)
    report = rig.ingest(path)
    assert (report.ingested, report.failed) == (2, 1)
    [failure] = report.failures
    assert failure.path == "rows.jsonl#2"
    assert why in failure.message
    assert rig.texts() == ["Row one.", "Row three."]
    again = rig.ingest(path)
    assert (again.unchanged, again.failed) == (2, 1)


def test_a_clock_that_runs_back_refuses_what_it_cannot_sign(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents of a source that signed later are refused, and told of as such; others go on."""
    rig.ingest(write(tmp_path / "a.txt", "The harbour opens at six."))
    now, before = time.time(), len(rig.events.events)
    monkeypatch.setattr(time, "time", lambda: now - 86_400)
    rows = [{"id": name, "text": f"The {name} ferry leaves at nine.", "source": source}
            for name, source in (("early", "wiki"), ("late", "feed"))]  # fmt: skip
    lines = write(tmp_path / "b.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    report = rig.ingest(lines)
    assert (report.ingested, report.failed) == (1, 1)
    [failure] = report.failures
    assert (failure.path, failure.where) == ("b.jsonl#early", "sign")
    assert "this machine's clock is 86" in failure.message
    told = [event.detail["ids"] for event in rig.events.events[before:]
            if event.kind == "ingest.admitted"]  # fmt: skip
    assert told == [["b.jsonl#late"]]
