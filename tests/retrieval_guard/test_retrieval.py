"""The guard over hits: any step that raises refuses the whole answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ragbastion import Decision, RetrievalGuard
from ragbastion.core.errors import StoreError, UsageError
from ragbastion.core.events import Event, MemoryEventSink
from ragbastion.core.store import Hit
from ragbastion.ingest.provenance import ChunkVerifier

from .conftest import COLLECTION, World, context

FACTS = "Refunds for annual plans are paid within fourteen days. SSN 219-09-9999."


class BrokenScanner:
    """A scanner that fails, with the text in its message as careless libraries do."""

    def strip(self, text: str, threshold: float | None = None) -> Any:
        """Raise."""
        raise RuntimeError(f"cannot read {text}")


class BrokenRedactor:
    """A redactor that fails."""

    def redact_batch(self, texts: Sequence[str], entities: Collection[str] | None = None) -> Any:
        """Raise."""
        raise MemoryError


class ShortRedactor:
    """A redactor that loses a text."""

    def redact_batch(self, texts: Sequence[str], entities: Collection[str] | None = None) -> Any:
        """Return too few."""
        return []


class BrokenPolicy:
    """A policy engine that fails."""

    def may_read(self, chunk: Any, **_: Any) -> Any:
        """Raise."""
        raise ValueError("no")


class BrokenVerifier:
    """A verifier that fails on a chunk."""

    def verify_batch(self, pairs: Any, *, collection_uid: str) -> Any:
        """Raise."""
        raise StoreError("state file 'provenance.db' cannot be used")

    def first_arrivals(self, tenant: str, collection_uid: str) -> dict[str, float]:
        """Know of no source."""
        return {}

    def change_mark(self) -> tuple[int, int]:
        """Answer."""
        return 0, 0


class FullSink:
    """A sink that cannot keep an event."""

    def emit(self, event: Event) -> None:
        """Raise."""
        raise StoreError("no space is left")


@pytest.fixture
def hits(world: World) -> list[Hit]:
    """One honest hit."""
    point = world.point(world.plant(FACTS))
    return [Hit(point=point, score=0.9)]


def _guard(world: World, **broken: Any) -> RetrievalGuard:
    guard = world.guard
    parts = {
        "scanner": guard.scanner,
        "redactor": guard.redactor,
        "policy": guard.policies,
        "verifier": ChunkVerifier(Path(guard.settings.state_dir)),
        "events": MemoryEventSink(),
    }
    return RetrievalGuard(sessions=guard.sessions, settings=guard.settings, **{**parts, **broken})


@pytest.mark.parametrize(
    ("step", "broken"),
    [
        ("strip", {"scanner": BrokenScanner()}),
        ("redact", {"redactor": BrokenRedactor()}),
        ("redact", {"redactor": ShortRedactor()}),
        ("policy", {"policy": BrokenPolicy()}),
        ("verify", {"verifier": BrokenVerifier()}),
    ],
)
def test_a_step_that_raises_refuses_the_whole_answer(
    world: World, hits: list[Hit], step: str, broken: dict[str, Any]
) -> None:
    """Nothing is served, the decision is BLOCK, and the reason names the step, not the text."""
    events = MemoryEventSink()
    guard = _guard(world, events=events, **broken)
    answer = guard.guard("refunds", hits, context(), world.guard.store.collection(COLLECTION))
    assert (answer.context, answer.chunks) == ("", ())
    assert answer.verdict.decision is Decision.BLOCK
    assert f"the step '{step}' failed" in answer.verdict.reasons[0]
    assert "219-09-9999" not in str(answer.as_dict())
    assert (events.events[0].outcome, events.events[0].detail["refused"]) == ("block", [step])


def test_an_event_that_cannot_be_kept_refuses_the_answer(world: World, hits: list[Hit]) -> None:
    """What cannot be audited is not served."""
    guard = _guard(world, events=FullSink())
    with pytest.raises(StoreError, match="no space"):
        guard.guard("refunds", hits, context(), world.guard.store.collection(COLLECTION))


def test_a_search_that_raises_is_the_callers_error(world: World, hits: list[Hit]) -> None:
    """The store's own error reaches the caller unchanged."""

    def search(wanted: int) -> list[Hit]:
        raise StoreError("the store is down")

    info = world.guard.store.collection(COLLECTION)
    with pytest.raises(StoreError, match="the store is down"):
        _guard(world).retrieve("refunds", search, context(), info)


def test_deeper_candidates_are_fetched_until_enough_are_kept(world: World) -> None:
    """The search is asked for twice as many hits as long as too few are kept."""
    good = world.plant("Refunds are paid in May.")
    bad = [world.plant(f"Refunds number {at}.") for at in range(30)]
    for chunk in bad:
        world.tamper(chunk, text="Refunds are never paid.")
    ranked = [Hit(point=world.point(chunk), score=0.9) for chunk in [*bad, good]]
    asked: list[int] = []

    def search(wanted: int) -> list[Hit]:
        asked.append(wanted)
        return ranked[:wanted]

    info = world.guard.store.collection(COLLECTION)
    answer = _guard(world).retrieve("refunds", search, context(), info, limit=1)
    assert [chunk.id for chunk in answer.chunks] == [good.id]
    assert asked == [4, 8, 16, 32]


def test_candidates_are_bounded(world: World) -> None:
    """A store full of bad points is not searched beyond the setting."""
    chunk = world.plant("Refunds are paid in May.")
    world.tamper(chunk, text="Refunds are never paid.")
    point = world.point(chunk)
    asked: list[int] = []

    def search(wanted: int) -> list[Hit]:
        asked.append(wanted)
        return [Hit(point=point, score=0.5)] * wanted

    info = world.guard.store.collection(COLLECTION)
    answer = _guard(world).retrieve("refunds", search, context(), info)
    assert answer.chunks == ()
    assert max(asked) == 400


@pytest.mark.parametrize("renamed", [False, True])
def test_a_hit_of_another_tenant_is_never_served(world: World, renamed: bool) -> None:
    """A search that leaks another tenant's point is caught, even if its payload was renamed."""
    world.plant("Refunds of acme.")
    leaked = world.point(world.plant("Refunds of globex.", tenant="globex"))
    if renamed:
        leaked = replace(leaked, payload={**leaked.payload, "tenant": "acme"})
    info = world.guard.store.collection(COLLECTION)
    answer = _guard(world).guard("refunds", [Hit(point=leaked, score=0.9)], context(), info)
    assert (answer.chunks, [drop.step for drop in answer.dropped]) == ((), ["verify"])


def test_no_hits_make_an_empty_answer(world: World, hits: list[Hit]) -> None:
    """An empty search is no failure."""
    info = world.guard.store.collection(COLLECTION)
    answer = _guard(world).guard("refunds", [], context(), info)
    assert (answer.context, answer.verdict.decision) == ("", Decision.ALLOW)


def test_obligations_that_cannot_be_met_refuse(world: World, hits: list[Hit]) -> None:
    """A policy that obliges to something that a text guard cannot do is not half obeyed."""

    class Obliging:
        def may_read(self, chunk: Any, **who: Any) -> Any:
            from ragbastion.policies import Authorization, Effect

            return Authorization(
                decision=Effect.ALLOW, reasons=(), obligations=("notify:security",)
            )

    info = world.guard.store.collection(COLLECTION)
    answer = _guard(world, policy=Obliging()).guard("refunds", hits, context(), info)
    assert answer.verdict.decision is Decision.BLOCK
    assert "notify:security" in answer.verdict.reasons[0]


def test_an_unknown_limit_is_refused(world: World, hits: list[Hit]) -> None:
    """The function form checks its limit too."""
    info = world.guard.store.collection(COLLECTION)
    with pytest.raises(UsageError, match="limit"):
        _guard(world).guard("refunds", hits, context(), info, limit=0)


@pytest.mark.parametrize("hits", [None, ["a text"], [Hit(point=None, score="high")]])  # type: ignore[arg-type]
def test_what_are_no_hits_is_refused(world: World, hits: Any) -> None:
    """Before anything is ranked or served, by an error that says what to give."""
    collection = world.guard.store.create_collection(COLLECTION, world.guard.embedder.identity)
    with pytest.raises(UsageError, match="hits refused"):
        _guard(world).guard("when are refunds paid", hits, context(), collection)


def test_a_score_that_is_no_number_hides_no_better_hit(world: World) -> None:
    """NaN compares with nothing: sorted among the others it would leave them in any order."""
    points = [world.point(world.plant(f"Refund rule {at} of the plan.")) for at in range(6)]
    collection = world.guard.store.create_collection(COLLECTION, world.guard.embedder.identity)
    scores = [float("nan"), 0.1, float("nan"), np.float32(0.9), float("nan"), 0.5]
    hits = [Hit(point=point, score=score) for point, score in zip(points, scores, strict=True)]
    guard = _guard(world)
    answer = guard.guard("what is a refund", hits, context(), collection, limit=1)
    assert [chunk.id for chunk in answer.chunks] == [points[3].id]
