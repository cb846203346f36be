"""``ragbastion trace`` and ``blast`` over an audit log."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from ragbastion.core.events import Event
from ragbastion.policies import AuditLog

from .conftest import Run

ROW = {
    "id": "c1",
    "source": "menu",
    "document": "menu.md",
    "digest": "ab",
    "envelope": "e" * 32,
    "integrity": "trusted",
    "decision": "allow",
}


@pytest.fixture(autouse=True)
def answer(own_state: Path) -> None:
    """One answer of the audit log, whose batch nobody holds any more."""
    with closing(AuditLog(own_state / "state" / "audit.db")) as log:
        event = Event(
            kind="retrieve",
            tenant="acme",
            subject="a1",
            outcome="allow",
            detail={"collection": "documents", "served": [[ROW]]},
        )
        log.emit(event)


def test_trace_writes_the_evidence(run: Run) -> None:
    """As JSON: the passages, and of each batch what it is worth now."""
    done = run("trace", "a1", "--json")
    assert (done.code, done.json["served"]) == (0, [ROW])
    [batch] = done.json["batches"]
    assert (batch["envelope"], batch["now"]) == (
        "e" * 32,
        "the state folder does not hold this envelope",
    )


def test_trace_writes_a_table(run: Run) -> None:
    """For people: the document and its source."""
    done = run("trace", "a1")
    assert "menu.md" in done.out
    assert "answer a1" in done.out


def test_an_unknown_answer_is_wrong_usage(run: Run) -> None:
    """Exit code 2, and what to do."""
    done = run("trace", "a2")
    assert (done.code, "no such answer" in done.errors) == (2, True)


def test_blast_lists_answers(run: Run) -> None:
    """Exit code 1: the source has touched some."""
    done = run("blast", "menu", "--json")
    assert (done.code, [each["answer_id"] for each in done.json]) == (1, ["a1"])
    assert "menu.md" in run("blast", "menu").out


@pytest.mark.parametrize(
    "arguments", [("yard",), ("menu", "--since", "2999-01-01"), ("menu", "--tenant", "globex")]
)
def test_blast_of_what_is_not_known_is_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    """A misspelt name, or a time to come, must not look like an answer."""
    done = run("blast", *arguments, "--json")
    assert (done.code, done.out) == (2, "")


def test_blast_of_nothing_is_clean(run: Run) -> None:
    """Exit code 0, and an empty list, of a source that is open and was never quoted."""
    run("sources", "add", "yard", "--tenant", "acme")
    for arguments in (("yard",), ("yard", "--tenant", "acme", "--since", "2020-01-01")):
        done = run("blast", *arguments, "--json")
        assert (done.code, done.json) == (0, [])
    assert run("blast", "yard", "--tenant", "globex").code == 2


@pytest.mark.parametrize("arguments", [("trace", "a1"), ("blast", "menu")])
def test_no_audit_log_is_no_answer(run: Run, own_state: Path, arguments: tuple[str, ...]) -> None:
    """In the wrong folder, or where the log was lost, nothing is clean, and nothing is made."""
    (own_state / "state" / "audit.db").unlink()
    done = run(*arguments)
    assert (done.code, "audit.db" in done.errors) == (2, True)
    assert not (own_state / "state" / "audit.db").exists()
