"""What makes a policy folder unusable, and that each fault is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ragbastion.core.errors import UsageError
from ragbastion.policies import Effect, PolicyEngine
from ragbastion.policies.folder import EXAMPLES, SCHEMA_FILE

PERMIT = '@id("p") @reason("all") permit (principal, action, resource);'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that holds the shipped schema and no policy."""
    shutil.copy(EXAMPLES / SCHEMA_FILE, tmp_path / SCHEMA_FILE)
    return tmp_path


def test_the_shipped_folder_has_no_problem() -> None:
    """What is shipped passes its own check."""
    report = PolicyEngine.check(None)
    assert report.as_dict()["problems"] == []
    assert "refund-over-500-needs-approval" in report.policies
    assert "send_email" in report.actions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("permit (", "does not parse"),
        ('@reason("x") permit (principal, action, resource);', "without @id"),
        ('@id("x") permit (principal, action, resource);', "no @reason"),
        (PERMIT + PERMIT, "@id is used"),
        (PERMIT.replace("@id", '@obligaton("mask:US_SSN") @id'), "unknown annotation @obligaton"),
        (PERMIT.replace("@id", '@obligation("mask US_SSN") @id'), "not of the form"),
        (PERMIT.replace("@id", '@effect_on_deny("ASK") @id'), "must be 'REQUIRE_APPROVAL'"),
        (PERMIT.replace(";", " when { context.nothing == 1 };"), "nothing"),
        (PERMIT.replace("(principal,", "(principal == ?principal,"), "templates"),
        (PERMIT.replace(";", " when { context.args.amount_cents > 1 };"), "amount_cents"),
        ("", "no policy permits anything"),
    ],
)
def test_a_faulty_policy_is_named(folder: Path, text: str, message: str) -> None:
    """The report names the fault, and the engine refuses the folder for the same reason."""
    (folder / "own.cedar").write_text(text)
    report = PolicyEngine.check(folder)
    assert not report.ok
    assert any(message in str(problem) for problem in report.problems)
    with pytest.raises(UsageError, match="refused"):
        PolicyEngine.from_directory(folder)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"X": {"entityTypes": {}, "actions": {}}}'])
def test_a_faulty_schema_is_named(folder: Path, text: str) -> None:
    """A schema that cannot be used is a problem of the schema file."""
    (folder / SCHEMA_FILE).write_text(text)
    (folder / "own.cedar").write_text(PERMIT)
    assert PolicyEngine.check(folder).problems[0].file == SCHEMA_FILE


def test_own_policies_decide(folder: Path) -> None:
    """A folder of one's own replaces the shipped policies wholly."""
    (folder / "own.cedar").write_text(PERMIT)
    engine = PolicyEngine.from_directory(folder)
    line = {"tenant": "t", "principal": "a", "roles": [], "action": "refund", "resource": "o1",
            "args": {"amount_cents": 10**9}, "session": "s"}  # fmt: skip
    assert engine.authorize(line).decision is Effect.ALLOW


def test_a_policy_that_errors_denies(folder: Path) -> None:
    """Cedar skips a forbid that overflows; here the request is denied with the error."""
    forbid = (
        '@id("f") @reason("too much") forbid (principal, action == RagBastion::Action::"refund", '
        "resource) when { context.args.amount_cents * 1000000 > 5 };"
    )
    (folder / "own.cedar").write_text(PERMIT + forbid)
    line = {"tenant": "t", "principal": "a", "roles": [], "action": "refund", "resource": "o1",
            "args": {"amount_cents": 2**60}, "session": "s"}  # fmt: skip
    answer = PolicyEngine.from_directory(folder).authorize(line)
    assert answer.decision is Effect.DENY
    assert "policy error" in answer.reasons[0]
