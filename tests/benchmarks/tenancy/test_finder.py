"""The library function: what is clean, what leaks, and what it refuses."""

from typing import Any

import pytest
from ragbastion.benchmarks.tenancy import (
    ASYNC_GUARDED,
    ASYNC_NAIVE,
    GUARDED,
    NAIVE,
    Kind,
    LeakReport,
    Subject,
    find_leaks,
)
from ragbastion.benchmarks.tenancy import attack as attack_module
from ragbastion.benchmarks.tenancy import finder as finder_module
from ragbastion.benchmarks.tenancy.attack import EXPECTED, Attack
from ragbastion.benchmarks.tenancy.calls import GENERATED
from ragbastion.core.errors import DetectorError, UsageError
from ragbastion.tenancy import AsyncGuardedQdrantClient


@pytest.fixture(scope="module")
def report() -> LeakReport:
    """Attack both guarded clients and both naive ones, six hundred calls each and more."""
    return find_leaks([GUARDED, ASYNC_GUARDED], calls=1200)


def test_the_guarded_clients_are_clean(report: LeakReport) -> None:
    """Neither gives anything away, and they agree call for call."""
    assert (report.leaks, report.findings, report.clean) == ({}, [], True)
    counts = {name: tally.calls for name, tally in report.tallies.items()}
    assert counts["guarded"] == counts["guarded, async"] > 600


def test_every_method_is_called_and_answers(report: LeakReport) -> None:
    """A run in which a method is only ever refused would prove little of it."""
    for tally in report.tallies.values():
        answered = {m for m, columns in tally.cells.items() if columns["all"].get("answered")}
        assert answered == {*GENERATED, "close"}


@pytest.mark.parametrize("name", [NAIVE.name, ASYNC_NAIVE.name])
def test_the_naive_wrapper_is_flagged(report: LeakReport, name: str) -> None:
    """Each method that it passes on leaks, and so do search by id, raw parts and close."""
    flagged = report.control[name].leaks.keys()
    assert flagged >= EXPECTED
    assert {"_client", "close", "delete_collection", "get_collections"} <= flagged


def test_the_kinds_of_leaks_are_told_apart(report: LeakReport) -> None:
    """Texts, numbers, vectors, differences, changes and names that were reached."""
    kinds = {finding.kind for tally in report.control.values() for finding in tally.findings}
    assert kinds == set(Kind) - {Kind.CRASH, Kind.DISAGREEMENT}


def test_a_finder_that_misses_a_leak_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control in which nothing is found proves that the finder finds nothing."""
    monkeypatch.setattr(finder_module, "NAIVE", GUARDED)
    monkeypatch.setattr(attack_module, "BLOCK", 1)
    monkeypatch.setattr(Attack.control, "__defaults__", (1,))
    with pytest.raises(DetectorError, match="missed leaks of the guarded"):
        find_leaks(GUARDED, calls=1)


def test_clients_that_disagree_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An async client that counts otherwise is found though it gives nothing away."""
    counted = AsyncGuardedQdrantClient.count

    async def one_more(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = await counted(self, *args, **kwargs)
        return found.model_copy(update={"count": found.count + 1})

    monkeypatch.setattr(AsyncGuardedQdrantClient, "count", one_more)
    monkeypatch.setattr(attack_module, "BLOCK", 1)
    attack = Attack([GUARDED, ASYNC_GUARDED], 7)
    tally = attack.block(1)[ASYNC_GUARDED.name]
    attack.close()
    assert tally.leaks.keys() == {"count"}
    assert {finding.kind for finding in tally.findings} == {Kind.DISAGREEMENT}


@pytest.mark.parametrize("subjects", [[], [GUARDED, GUARDED]])
def test_subjects_are_some_and_named_apart(subjects: list[Subject]) -> None:
    """None, or two of one name, cannot be meant."""
    with pytest.raises(UsageError, match="give at least one subject"):
        find_leaks(subjects)
