"""Who acts comes from the context; a proposal that says otherwise is refused and remembered."""

from __future__ import annotations

from typing import Any

import pytest
from ragbastion.policies import ActionRequest, Effect
from ragbastion.retrieval_guard import ProposedAction

from .conftest import World, context

REFUND = {"action": "refund", "resource": "order:o-1", "args": {"amount_cents": 100}}


@pytest.mark.parametrize(
    "action",
    [
        REFUND,
        {**REFUND, "tenant": "acme", "principal": "agent-7"},
        ProposedAction(name="refund", resource="order:o-1", args={"amount_cents": 100}),
        ActionRequest(
            tenant="acme",
            principal="agent-7",
            action="refund",
            resource="order:o-1",
            args={"amount_cents": 100},
        ),
    ],
)
def test_every_form_of_a_small_refund_is_allowed(world: World, action: Any) -> None:
    """A mapping, a proposal and a request mean the same."""
    assert world.guard.authorize(action, context()).decision is Effect.ALLOW


@pytest.mark.parametrize("named", [{"tenant": "globex"}, {"principal": "root"}])
def test_another_identity_is_denied_and_remembered(world: World, named: dict[str, str]) -> None:
    """Naming another tenant or principal denies, and raises the session's risk."""
    answer = world.guard.authorize({**REFUND, **named}, context(session="s"))
    assert answer.decision is Effect.DENY
    assert world.guard.sessions.facts("acme", "agent-7", "s").risk == 30


@pytest.mark.parametrize(
    "action",
    [
        {},
        {**REFUND, "action": None},
        {**REFUND, "resource": None},
        {**REFUND, "args": []},
        {**REFUND, "approved": True},
        {**REFUND, "integrity": "golden"},
        "refund",
        None,
    ],
)
def test_what_cannot_be_read_is_denied(world: World, action: Any) -> None:
    """Whatever is missing, mistyped or unknown denies with a reason, and never raises."""
    answer = world.guard.authorize(action, context())
    assert answer.decision is Effect.DENY
    assert answer.reasons


def test_roles_of_a_proposal_are_ignored(world: World) -> None:
    """An agent cannot give itself a role: those of the context count."""
    proposal = {"action": "delete", "resource": "order:o-1", "args": {}, "roles": ["admin"]}
    assert world.guard.authorize(proposal, context()).decision is Effect.DENY


def test_decisions_are_audited(world: World) -> None:
    """Each decision leaves an event with its policies and without the arguments."""
    world.guard.authorize({**REFUND, "args": {"amount_cents": 90_000}}, context())
    [event] = world.events.events
    assert (event.kind, event.outcome) == ("authorize", "require_approval")
    assert event.detail["policies"] == ["refund-over-500-needs-approval"]
    assert "90000" not in str(event.detail)
