"""A sweep tells apart what may be wrong with a point, and what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.events import MemoryEventSink
from ragbastion.ingest.provenance import ChunkVerifier, SourceAdmin
from ragbastion.retrieval_guard import PointState
from ragbastion.retrieval_guard.sweep import Sweep

from .conftest import COLLECTION, World


@pytest.fixture
def sweep(world: World) -> Sweep:
    """A sweep of the world's collection, which has one honest point."""
    world.plant("Soup at noon.")
    verifier = ChunkVerifier(world.guard.settings.state_dir)
    return Sweep(verifier, world.guard.store.collection(COLLECTION))


def test_a_point_of_another_tenant_is_moved(world: World, sweep: Sweep) -> None:
    """A point in a partition that is not its tenant's was moved, whoever signed it."""
    point = world.point(world.planted[0])
    sweep.add(TenantId("globex"), [point])
    [finding] = sweep.report().findings
    assert (finding.state, finding.tenant, finding.source) == (
        PointState.MOVED,
        "globex",
        "handbook",
    )


def test_what_is_no_chunk_is_altered(world: World, sweep: Sweep) -> None:
    """A payload that was never ours counts as altered."""
    sweep.add(TenantId("acme"), [replace(world.point(world.planted[0]), payload={})])
    assert sweep.report().counts[PointState.ALTERED] == 1


@pytest.mark.parametrize("what", ["source", "key"])
def test_a_point_of_what_is_revoked_is_revoked(world: World, sweep: Sweep, what: str) -> None:
    """It is as it was signed, so it does not count as altered, and it is not clean."""
    admin = SourceAdmin(world.guard.settings.state_dir, MemoryEventSink(), principal="root")
    if what == "source":
        admin.revoke_source("acme", "handbook", "poisoned")
    else:
        [key] = admin.registry.keys("acme", "source/handbook")
        admin.revoke_key("acme", key.key_id, "stolen")
    admin.close()
    sweep.add(TenantId("acme"), [world.point(world.planted[0])], expected=[world.planted[0].id])
    report = sweep.report()
    assert (report.clean, report.missing) == (False, 0)
    assert (report.counts[PointState.REVOKED], report.counts[PointState.ALTERED]) == (1, 0)
    assert "revoked" in report.findings[0].reason


def test_an_altered_point_of_a_trusted_source_is_altered(world: World, sweep: Sweep) -> None:
    """And not revoked."""
    world.tamper(world.planted[0], text="Soup at one.")
    sweep.add(TenantId("acme"), [world.point(world.planted[0])])
    report = sweep.report()
    assert (report.counts[PointState.REVOKED], report.counts[PointState.ALTERED]) == (0, 1)


def test_deleted_points_are_missing(world: World, sweep: Sweep) -> None:
    """A planted point does not make up for one that the ledger expects and the store lost."""
    honest = world.point(world.planted[0])
    planted = replace(honest, id=ChunkId("planted"), payload={**honest.payload, "proof": None})
    lost = ChunkId("lost")
    sweep.add(TenantId("acme"), [honest, planted], expected=[honest.id, lost])
    report = sweep.report()
    assert (report.missing, report.missing_ids, report.clean) == (1, (lost,), False)
    assert (report.counts[PointState.OK], report.counts[PointState.UNSIGNED]) == (1, 1)
