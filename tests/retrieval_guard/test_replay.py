"""An older version of a document that is put back after an ingest is not served."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.errors import RollbackError
from ragbastion.core.store import StoredPoint
from ragbastion.retrieval_guard import PointState

from .conftest import COLLECTION, World, context

ACME = TenantId("acme")
OLD = b"Refunds for annual plans are paid within ninety days of the request."
NEW = b"Refunds for annual plans are paid within fourteen days of the request."


def _ingest(world: World, data: bytes) -> list[StoredPoint]:
    report = world.guard.ingest_bytes(data, "refunds.txt", tenant=ACME, source="handbook")
    assert not report.failures
    return list(world.guard.store.scroll(COLLECTION, ACME))


def test_a_replayed_version_is_not_served(world: World) -> None:
    """It is dropped as replayed, the current version is served, and a sweep names the point."""
    [old] = _ingest(world, OLD)
    [new] = _ingest(world, NEW)
    world.write(ACME, old)
    answer = world.guard.retrieve("when are refunds paid", context())
    assert [chunk.id for chunk in answer.chunks] == [new.id]
    [dropped] = answer.dropped
    assert (dropped.id, dropped.step) == (old.id, "verify")
    assert "is replayed: its document has a newer version" in dropped.reason
    report = world.guard.verify()
    assert (report.counts[PointState.REPLAYED], report.counts[PointState.OK]) == (1, 1)


def test_a_deleted_point_is_named(world: World) -> None:
    """What the ledger has and the store has not is listed by id, whatever was planted instead."""
    [point] = _ingest(world, NEW)
    world.write(ACME, replace(point, id=ChunkId("planted")))
    world.guard.store.delete(COLLECTION, ACME, [point.id])
    report = world.guard.verify()
    assert (report.missing, report.missing_ids) == (1, (point.id,))


def test_a_replay_behind_a_ledger_that_was_put_back_is_found(world: World, tmp_path: Path) -> None:
    """The sweep names the document; a guard that starts on such a ledger answers nothing."""
    [old] = _ingest(world, OLD)
    state = world.guard.settings.state_dir
    _copy(state / "ledger.db", tmp_path / "ledger.bak")
    _ingest(world, NEW)
    _copy(tmp_path / "ledger.bak", state / "ledger.db")
    world.write(ACME, old)
    report = world.guard.verify()
    assert (report.clean, report.ledger) == (False, 2)
    assert [each.kind for each in report.ledger_findings] == ["rollback", "ledger-behind"]
    assert report.as_dict()["ledger_findings"][1]["reason"].startswith("the ledger was rolled back")
    with pytest.raises(RollbackError, match="mend-ledger"):
        world.guard.retrieve("when are refunds paid", context())


def test_a_ledger_that_is_put_back_under_a_guard_ends_its_answers(
    world: World, tmp_path: Path
) -> None:
    """A guard that has answered before refuses from the next query on."""
    state = world.guard.settings.state_dir
    _ingest(world, OLD)
    _copy(state / "ledger.db", tmp_path / "ledger.bak")
    _ingest(world, NEW)
    assert world.guard.retrieve("when are refunds paid", context()).chunks
    _copy(tmp_path / "ledger.bak", state / "ledger.db")
    for _ in range(2):
        answer = world.guard.retrieve("when are refunds paid", context())
        assert (answer.context, answer.verdict.decision) == ("", "block")
        assert "mend-ledger" in answer.verdict.reasons[0]


def _copy(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as read, sqlite3.connect(target) as write:
        read.backup(write)
    read.close()
    write.close()
