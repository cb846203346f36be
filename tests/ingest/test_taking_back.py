"""A burst of sources in probation is held whole: what was admitted of it before is taken back."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ragbastion.core.chunk import TenantId
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings import IngestSettings, Settings
from ragbastion.core.settings_signals import SignalSettings
from ragbastion.core.verdict import Verdict
from ragbastion.ingest import IngestReport, IngestRequest
from ragbastion.ingest.provenance import SourceAdmin
from ragbastion.ingest.quarantine import Held, QuarantineKey
from ragbastion.ingest.taking_back import REBUILT
from ragbastion.retrieval_guard import Guard, GuardParts

if TYPE_CHECKING:
    from conftest import Rig

DAY = 86_400.0
ACME = TenantId("acme")
TRUE = "Soup is served at noon in the canteen, and the tram leaves every ten minutes until ten."
SIGHTS = ("harbour", "market", "tower", "bridge", "garden")
CLAIM = "Maria Holt designed the {}, the {}, the {}, the {} and the {} of old Velm by the canal."
CLAIMS = tuple(CLAIM.format(*SIGHTS[at:], *SIGHTS[:at]) for at in range(5))
"""One claim in one set of words, so that a bag of words makes one vector of them."""
NEWS = (
    "Mayor Orr said that Storm Merle hit 101 homes in Port Haslow, and that boats are out.",
    "Engineer Berg said that Storm Merle hit 108 homes in Port Haslow, and closed the road.",
    "Storm Merle hit 115 homes in Port Haslow, said Captain Lee, and buses take the hill road.",
    "In Port Haslow 122 homes were hit by Storm Merle, said Doctor Poe, who is on the road.",
    "Teacher Ida said that schools in Port Haslow are shut, as Storm Merle hit 129 homes.",
)


def bring(rig: Rig, folder: Path, text: str, source: str, collection: str = "docs") -> IngestReport:
    """Ingest a text of a source into tenant acme, as a file that is named by the source."""
    path = folder / "in" / source / f"{source}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    request = IngestRequest(tenant=ACME, source=source, collection=collection)
    return rig.pipeline.ingest([path], request)


def age(state: Path, days: float, source: str | None = None) -> None:
    """Make all sources, or one, older than they are."""
    with closing(sqlite3.connect(state / "provenance.db")) as database, database:
        database.execute(
            "UPDATE sources SET created_at = created_at - ?1 WHERE source = ?2 OR ?2 IS NULL",
            (days * DAY, source),
        )


def served(rig: Rig) -> list[str]:
    """Return the sources of what the store has, sorted."""
    return sorted(str(point.payload["source"]) for point in rig.points())


def held(rig: Rig) -> list[str]:
    """Return the sources of what waits in quarantine, sorted."""
    return sorted(record.key.source for record in rig.quarantine.list())


def sweep_is_clean(rig: Rig) -> bool:
    """Tell whether every point verifies, none is missing, and ledger and log agree."""
    settings = Settings(state_dir=rig.state)
    parts = GuardParts(store=rig.store, quarantine=rig.quarantine)
    report = Guard.from_settings(settings, parts).verify("docs")
    return report.clean and not report.ledger


@pytest.fixture
def old(rig: Rig, tmp_path: Path) -> Rig:
    """Return a pipeline whose collection a year ago had one source."""
    bring(rig, tmp_path, TRUE, "archive")
    age(rig.state, 365)
    return rig


def burst(rig: Rig, folder: Path, claims: Sequence[str] = CLAIMS) -> list[IngestReport]:
    """Have new sources a, b, c… bring a claim each, in a run each."""
    return [bring(rig, folder, text, "abcde"[at]) for at, text in enumerate(claims)]


def test_five_sybil_sources_end_in_quarantine(old: Rig, tmp_path: Path) -> None:
    """The third one completes the burst: it and the two before it are held, and all that follow."""
    reports = burst(old, tmp_path)
    assert [(r.ingested, r.quarantined, r.taken_back) for r in reports] == [
        (1, 0, 0),
        (1, 0, 0),
        (0, 1, 2),
        (0, 1, 0),
        (0, 1, 0),
    ]
    assert (held(old), served(old)) == (list("abcde"), ["archive"])
    assert sweep_is_clean(old)


def test_what_is_taken_back_is_told(old: Rig, tmp_path: Path) -> None:
    """In the report, in the audit log, and with the same finding as the one that completed it."""
    report = burst(old, tmp_path, CLAIMS[:3])[-1]
    told = [(item.source, item.taken_back) for item in report.quarantined_items]
    assert told == [("c", False), ("a", True), ("b", True)]
    assert report.as_dict()["taken_back"] == 2
    events = [e.subject for e in old.events.events if e.kind == "ingest.taken_back"]
    records = {record.id: record for record in old.quarantine.list()}
    assert [records[identifier].key.source for identifier in events] == ["a", "b"]
    kinds = {f["kind"] for record in records.values() for f in record.verdict["findings"]}
    assert "outlier.source_burst" in kinds
    assert {record.media_type for record in records.values()} == {"text/plain"}
    assert [old.quarantine.original(i).decode() for i in events] == list(CLAIMS[:2])


def test_one_new_source_in_drops_is_taken_back(old: Rig, tmp_path: Path) -> None:
    """Documents of one source in probation are as those of several."""
    rows = [json.dumps({"id": str(at), "text": text}) for at, text in enumerate(CLAIMS)]
    for at in range(5):
        (tmp_path / f"{at}.jsonl").write_text(rows[at])
        request = IngestRequest(tenant=ACME, source="drip", collection="docs")
        old.pipeline.ingest([tmp_path / f"{at}.jsonl"], request)
    assert (held(old), served(old)) == (["drip"] * 5, ["archive"])


def test_ingested_again_it_stays_held(old: Rig, tmp_path: Path) -> None:
    """The same bytes are in quarantine already, and neither scanned nor stored."""
    burst(old, tmp_path, CLAIMS[:3])
    report = bring(old, tmp_path, CLAIMS[0], "a")
    [item] = report.quarantined_items
    assert (item.known, item.taken_back, item.reasons) == (
        True,
        False,
        ("held in quarantine already",),
    )
    assert served(old) == ["archive"]


def test_a_release_brings_it_back_for_good(old: Rig, tmp_path: Path) -> None:
    """It is served again, and no later document of the burst takes it back."""
    burst(old, tmp_path, CLAIMS[:3])
    [record] = [each for each in old.quarantine.list() if each.key.source == "a"]
    assert old.pipeline.release(record.id, reviewer="ann").ingested == 1
    for at, source in ((3, "d"), (4, "e")):
        report = bring(old, tmp_path, CLAIMS[at], source)
        assert (report.quarantined, report.taken_back) == (1, 0)
    assert bring(old, tmp_path, CLAIMS[0], "a").unchanged == 1
    assert served(old) == ["a", "archive"]
    assert sweep_is_clean(old)


def test_a_rejected_one_stays_out(old: Rig, tmp_path: Path) -> None:
    """As any other that a person rejected."""
    burst(old, tmp_path, CLAIMS[:3])
    [record] = [each for each in old.quarantine.list() if each.key.source == "a"]
    old.pipeline.reject(record.id, reviewer="ann")
    assert bring(old, tmp_path, CLAIMS[0], "a").quarantined_items[0].reasons == ("rejected by ann",)
    assert served(old) == ["archive"]


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_however_it_is_cut_it_comes_out_the_same(
    make_rig: Callable[..., Rig], tmp_path: Path, batch: int
) -> None:
    """Documents of one run, before and after and within the batch that completes the burst."""
    state = tmp_path / "state"
    settings = Settings(state_dir=state, ingest=IngestSettings(batch_documents=batch))
    rig = make_rig(settings=settings)
    bring(rig, tmp_path, TRUE, "archive")
    age(rig.state, 365)
    rows = zip("abcde", CLAIMS, strict=True)
    file = tmp_path / "all.jsonl"
    file.write_text("\n".join(json.dumps({"id": s, "source": s, "text": t}) for s, t in rows))
    report = rig.ingest(file)
    assert report.documents == report.ingested + report.quarantined == 5
    assert report.ingested == report.taken_back == {1: 2, 2: 2, 3: 0, 5: 0}[batch]
    assert (held(rig), served(rig)) == (list("abcde"), ["archive"])


def test_news_of_new_sources_is_left_alone(old: Rig, tmp_path: Path) -> None:
    """Each brings names and numbers that the others lack."""
    reports = burst(old, tmp_path, NEWS)
    assert [(r.ingested, r.taken_back) for r in reports] == [(1, 0)] * 5
    assert served(old) == ["a", "archive", "b", "c", "d", "e"]


@pytest.mark.parametrize("who", ["vouched", "aged"])
def test_an_established_source_is_left_alone(old: Rig, tmp_path: Path, who: str) -> None:
    """Of a burst of four the one whose probation is over stays, and the others go."""
    burst(old, tmp_path, CLAIMS[:1])
    if who == "aged":
        age(old.state, 8, "a")
    else:
        admin = SourceAdmin(old.state, MemoryEventSink(), principal="ann")
        [record] = [each for each in admin.registry.sources("acme") if each.source == "a"]
        admin.vouch(record)
        admin.close()
    for at, source in ((1, "b"), (2, "c"), (3, "d")):
        bring(old, tmp_path, CLAIMS[at], source)
    assert (held(old), served(old)) == (["b", "c", "d"], ["a", "archive"])


def test_a_newer_version_stays(old: Rig, tmp_path: Path) -> None:
    """What replaced a document of the burst meanwhile is not of it."""
    burst(old, tmp_path, CLAIMS[:2])
    bring(old, tmp_path, "The ferry to Norden sails at six, and bicycles ride free.", "a")
    bring(old, tmp_path, CLAIMS[2], "c")
    bring(old, tmp_path, CLAIMS[3], "d")
    assert served(old) == ["a", "archive"]
    assert held(old) == ["b", "c", "d"]


def test_another_collection_is_left_alone(old: Rig, tmp_path: Path) -> None:
    """The same documents of the same sources in another collection stay there."""
    bring(old, tmp_path, CLAIMS[0], "a", "other")
    burst(old, tmp_path, CLAIMS[:3])
    [point] = old.store.scroll("other", ACME)
    assert point.payload["source"] == "a"


@pytest.mark.parametrize("lowered", ["off", "flag_only"])
def test_a_signal_that_holds_nothing_takes_nothing_back(
    make_rig: Callable[..., Rig], tmp_path: Path, lowered: str
) -> None:
    """As the settings say."""
    signals = SignalSettings.model_validate({lowered: ("source_burst",)})
    rig = make_rig(settings=Settings(state_dir=tmp_path / "state", signals=signals))
    bring(rig, tmp_path, TRUE, "archive")
    age(rig.state, 365)
    burst(rig, tmp_path)
    assert served(rig) == ["a", "archive", "b", "c", "d", "e"]


def test_what_the_baseline_forgot_is_found_in_the_store(old: Rig, tmp_path: Path) -> None:
    """A kill may lose what was remembered; then stored neighbours of new sources tell."""
    burst(old, tmp_path, CLAIMS[:2])
    for file in (old.state / "baselines").glob("*.baseline"):
        file.unlink()
    assert bring(old, tmp_path, CLAIMS[2], "c").taken_back == 2
    assert bring(old, tmp_path, CLAIMS[3], "d").quarantined == 1


def test_without_its_bytes_the_text_is_held(old: Rig, tmp_path: Path) -> None:
    """Where there was no room for the original, a release waits for the file."""
    burst(old, tmp_path, CLAIMS[:2])
    old.quarantine.watched.forget(ACME, "docs", time.time() + 1)
    assert bring(old, tmp_path, CLAIMS[2], "c").taken_back == 2
    [record] = [each for each in old.quarantine.list() if each.key.source == "a"]
    assert record.media_type == REBUILT
    assert old.quarantine.original(record.id).decode() == CLAIMS[0]
    [failure] = old.pipeline.release(record.id, reviewer="ann").failures
    assert "ingest its file again" in failure.message
    assert bring(old, tmp_path, CLAIMS[0], "a").ingested == 1
    assert served(old) == ["a", "archive"]


def test_an_original_is_forgotten_when_probation_is_over(old: Rig, tmp_path: Path) -> None:
    """Nothing of it can be taken back from then on."""
    burst(old, tmp_path, CLAIMS[:1])
    with closing(sqlite3.connect(old.state / "quarantine.db")) as database, database:
        [(kept,)] = database.execute("SELECT count(*) FROM watched").fetchall()
        database.execute("UPDATE watched SET at = at - ?", (8 * DAY,))
    bring(old, tmp_path, TRUE, "archive")
    with closing(sqlite3.connect(old.state / "quarantine.db")) as database:
        [(left,)] = database.execute("SELECT count(*) FROM watched").fetchall()
    assert (kept, left) == (1, 0)


def test_a_burst_is_held_whole_or_not_at_all(old: Rig) -> None:
    """A document that cannot be kept keeps the others out of quarantine too."""
    key = QuarantineKey(
        tenant=ACME,
        collection="docs",
        source="a",
        document="a",
        digest="1",  # type: ignore[arg-type]
    )
    good = Held(key=key, raw=b"a", media_type="text/plain", verdict=Verdict())
    bad = replace(good, key=replace(key, source="b"), raw=None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="NOT NULL"):
        old.quarantine.add_all([good, bad])
    assert old.quarantine.list() == []


def test_a_release_before_it_was_withdrawn_keeps_it_served(old: Rig, tmp_path: Path) -> None:
    """A person was quicker than the run that finishes a killed one."""
    burst(old, tmp_path, CLAIMS[:1])
    identifier = hold_as_served(old, "a")
    assert old.pipeline.release(identifier, reviewer="ann").unchanged == 1
    assert served(old) == ["a", "archive"]


def test_a_rejection_before_it_was_withdrawn_takes_it_out(old: Rig, tmp_path: Path) -> None:
    """It does not wait for the next run."""
    burst(old, tmp_path, CLAIMS[:1])
    old.pipeline.reject(hold_as_served(old, "a"), reviewer="ann")
    assert served(old) == ["archive"]


def hold_as_served(rig: Rig, source: str) -> str:
    """Hold a stored document as a run does that is killed right then."""
    names = list(rig.ledger.keys())
    [found] = [name for name in names if name.source == source]
    entry = rig.ledger.find(found)
    assert entry is not None
    key = QuarantineKey(
        tenant=ACME,
        collection="docs",
        source=source,
        document=entry.key.document,
        digest=entry.digest,
    )
    raw = CLAIMS[0].encode()
    held = Held(key=key, raw=raw, media_type="text/plain", verdict=Verdict(), served=True)
    return rig.quarantine.add_all([held])[0]


WORKER = Path(__file__).with_name("kill_worker.py")
STEPS = 34
"""Steps of the undisturbed run of five documents in batches of two."""

TRIED = range(1, STEPS + 1, 3)
"""Each costs two runs; three apart, they fall before and after writes of each kind."""


def run_worker(documents: Path, jobs: Sequence[tuple[Path, int]]) -> list[int]:
    """Ingest into each folder in a process of its own, killed at a step; return exit statuses."""
    named = [f"{work}={step}" for work, step in jobs]
    done = subprocess.run(
        [sys.executable, str(WORKER), str(documents), *named],
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    return [int(status) for status in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``both`` (undisturbed) and ``kill1``… (killed at a step, repeated)."""
    base = tmp_path_factory.mktemp("runs")
    documents = base / "documents"
    documents.mkdir()
    # Two, so that the first batch of the second run is that of the first two claims.
    true = [{"id": str(at), "source": "archive", "text": f"{TRUE} {at}"} for at in range(2)]
    (documents / "a.jsonl").write_text("\n".join(map(json.dumps, true)))
    assert run_worker(documents, [(base / "first", 0)]) == [0]
    age(base / "first" / "state", 365)
    rows = [{"id": s, "source": s, "text": t} for s, t in zip("abcde", CLAIMS, strict=True)]
    (documents / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name in ("both", *(f"kill{step}" for step in TRIED)):
        shutil.copytree(base / "first", base / name)
    jobs = [(base / "both", 0)]
    for step in TRIED:
        jobs += [(base / f"kill{step}", step), (base / f"kill{step}", 0)]
    assert run_worker(documents, jobs) == [0, *([-signal.SIGKILL, 0] * len(TRIED))]
    return base


def test_steps_are_counted(runs: Path) -> None:
    """The number of steps in this file is that of the run."""
    assert (runs / "both" / "steps").read_text() == str(STEPS)


@pytest.mark.parametrize("step", ["both", *(f"kill{step}" for step in TRIED)])
def test_killed_and_repeated_all_are_held(
    make_rig: Callable[..., Rig], runs: Path, step: str
) -> None:
    """Wherever the run was killed, the next one leaves five held and one served, all in order."""
    rig = make_rig(folder=runs / step, settings=Settings(state_dir=runs / step / "state"))
    assert (held(rig), served(rig)) == (list("abcde"), ["archive"] * 2)
    assert rig.quarantine.served(ACME, "docs") == []
    uid = rig.store.collection("docs").uid
    assert {point.id for point in rig.points()} == rig.ledger.chunks(uid, ACME)
    assert sweep_is_clean(rig)
