"""What is held back is kept with its bytes, told of, and served no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ragbastion.core.settings import Settings

from .conftest import ATTACK, write

if TYPE_CHECKING:
    from conftest import Rig


def test_a_hostile_document_is_quarantined(rig: Rig, tmp_path: Path) -> None:
    """It is kept with its bytes and reasons, and nothing of it is stored."""
    path = write(tmp_path / "a.txt", f"Opening hours. {ATTACK}")
    report = rig.ingest(path)
    [item] = report.quarantined_items
    assert (report.quarantined, report.ingested, item.document) == (1, 0, "a.txt")
    assert rig.quarantine.original(item.id) == path.read_bytes()
    assert "instructions aimed at the model" in item.reasons[0]
    assert rig.points() == []


def test_a_document_that_turns_hostile_keeps_its_old_version(rig: Rig, tmp_path: Path) -> None:
    """The new version is quarantined and the old one stays served."""
    path = write(tmp_path / "a.txt", "The harbour opens at six.")
    rig.ingest(path)
    write(path, ATTACK)
    assert rig.ingest(path).quarantined == 1
    assert rig.texts() == ["The harbour opens at six."]


def test_served_bytes_that_a_new_scanner_holds_are_withdrawn(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    """If the same bytes are hostile by new thresholds, they are no longer served."""
    path = write(tmp_path / "a.txt", ATTACK)
    lax = make_rig(settings=_with_threshold(tmp_path / "state", 1.0))
    assert lax.ingest(path).ingested == 1
    strict = make_rig(settings=_with_threshold(tmp_path / "state", 0.5), store=lax.store)
    assert strict.ingest(path).quarantined == 1
    assert strict.points() == []


def _with_threshold(state: Path, threshold: float) -> Settings:
    return Settings.model_validate({"state_dir": state, "scan": {"threshold": threshold}})


def test_held_documents_stay_held(rig: Rig, tmp_path: Path) -> None:
    """Ingested again, a held document makes no second row and says that it is known."""
    path = write(tmp_path / "a.txt", ATTACK)
    first = rig.ingest(path).quarantined_items[0]
    [again] = rig.ingest(path).quarantined_items
    assert (again.id, again.known) == (first.id, True)
    assert len(rig.quarantine.list(state=None)) == 1


def test_a_rejected_document_stays_out(rig: Rig, tmp_path: Path) -> None:
    """Ingested again, it is told as rejected and by whom."""
    path = write(tmp_path / "a.txt", ATTACK)
    [item] = rig.ingest(path).quarantined_items
    rig.pipeline.reject(item.id, reviewer="ann", reason="phishing")
    [again] = rig.ingest(path).quarantined_items
    assert again.reasons == ("rejected by ann",)
    assert rig.points() == []
