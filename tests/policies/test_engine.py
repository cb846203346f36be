"""The shipped policies and the rules that the engine keeps whatever the policies say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.core.chunk import Chunk, ChunkId, Digest, DocumentId, Integrity, TenantId
from ragbastion.core.errors import UsageError
from ragbastion.policies import ActionRequest, Effect, PolicyEngine, Resource, SessionFacts

Line = Callable[..., dict[str, Any]]
_ENGINE = PolicyEngine.from_directory(None)


@pytest.mark.parametrize(
    ("cents", "decision"),
    [
        (1, "allow"),
        (50_000, "allow"),
        (50_001, "require_approval"),
        (2**62, "require_approval"),
        (0, "deny"),
        (-100, "deny"),
    ],
)
def test_a_refund_above_500_needs_approval(
    engine: PolicyEngine, line: Line, cents: int, decision: str
) -> None:
    """The limit is 50,000 cents; zero and less are no refund."""
    assert engine.authorize(line(args={"amount_cents": cents})).decision == decision


@pytest.mark.parametrize(
    "args",
    [{}, {"amount_cents": None}, {"amount_cents": True}, {"amount_cents": 400.0},
     {"amount_cents": "40000"}, {"amount_cents": 2**70}, {"amount": 400}],
)  # fmt: skip
def test_a_refund_without_integer_cents_is_denied(
    engine: PolicyEngine, line: Line, args: dict[str, Any]
) -> None:
    """A missing or mistyped amount denies and names the argument."""
    answer = engine.authorize(line(args=args))
    assert answer.decision is Effect.DENY
    assert "args.amount_cents" in answer.reasons[0]


def test_an_approval_names_who_approves(engine: PolicyEngine, line: Line) -> None:
    """The obligation says whose approval is needed, and the reason which policy asks."""
    assert engine.authorize(line(args={"amount_cents": 80_000})).as_dict() == {
        "decision": "require_approval",
        "reasons": ["refund-over-500-needs-approval: a refund above 500 needs approval"],
        "obligations": ["approval:finance-leads"],
    }


def test_approval_is_not_offered_for_what_no_policy_permits(
    engine: PolicyEngine, line: Line
) -> None:
    """Without a role that may refund, an approval would not help: deny."""
    answer = engine.authorize(line(roles=[], args={"amount_cents": 80_000}))
    assert answer.decision is Effect.DENY
    assert answer.reasons == ("no policy permits 'refund' for principal 'agent-7' (roles: none)",)


@pytest.mark.parametrize("principal", ["A", "a", "agent-a", "agent-A", "Agent:A", "agent_a", " A "])
@pytest.mark.parametrize(
    "resource",
    [
        "finance/q3.pdf",
        "Finance/q3.pdf",
        "docs/finance-q3.pdf",
        "document:finance/q3",
        'Document::"finance/q3"',
        "%66inance/q3.pdf",
        {"type": "document", "id": "q3.pdf", "department": "finance"},
        {"type": "Document", "id": "q3.pdf", "labels": ["Finance"]},
    ],
)
@pytest.mark.parametrize("action", ["retrieve", "read"])
def test_agent_a_reads_no_finance_document(
    engine: PolicyEngine, line: Line, principal: str, resource: Any, action: str
) -> None:
    """However the agent and the document are spelled."""
    answer = engine.authorize(line(principal=principal, action=action, resource=resource, args={}))
    assert answer.decision is Effect.DENY
    assert answer.policies == ("agent-a-no-finance",)


@pytest.mark.parametrize(
    ("principal", "resource"),
    [("a", "hr/handbook.pdf"), ("b", "finance/q3.pdf"), ("agent-ab", "finance/q3.pdf")],
)
def test_others_and_other_documents_are_readable(
    engine: PolicyEngine, line: Line, principal: str, resource: str
) -> None:
    """The forbid reaches agent A and finance, and nothing else; no role is needed."""
    request = line(principal=principal, action="retrieve", resource=resource, args={}, roles=[])
    assert engine.authorize(request).decision is Effect.ALLOW


def test_arguments_that_name_finance_count(engine: PolicyEngine, line: Line) -> None:
    """A department in a filter argument is read like one in the resource."""
    args = {"filter": {"department": "finance"}}
    answer = engine.authorize(line(principal="a", action="query", resource="documents", args=args))
    assert answer.decision is Effect.DENY


@pytest.mark.parametrize("action", ["respond", "answer", "return"])
def test_every_output_must_mask_ssns(engine: PolicyEngine, line: Line, action: str) -> None:
    """An allowed answer carries the obligation to mask."""
    answer = engine.authorize(line(action=action, resource="answer:1", args={"text": "Hello"}))
    assert (answer.decision, answer.obligations) == (Effect.ALLOW, ("mask:US_SSN",))
    assert answer.masked_entities() == ("US_SSN",)


@pytest.mark.parametrize(
    "args",
    [{"mask": False}, {"show_full_ssn": True}, {"fields": ["name", "full_ssn"]}, {"unmasked": True},
     {"ssn_format": "full"}, {"options": {"redact": "off"}}, {"maskSSN": 0}],
)  # fmt: skip
def test_an_output_that_switches_the_mask_off_is_denied(
    engine: PolicyEngine, line: Line, args: dict[str, Any]
) -> None:
    """Arguments that ask for a full SSN deny the output."""
    answer = engine.authorize(line(action="return", resource="customer:42", args=args))
    assert answer.policies == ("never-a-full-ssn",)


@pytest.mark.parametrize(
    "args",
    [{"text": "We never give a full SSN."}, {"mask": True}, {"show_full_ssn": False},
     {"fields": ["ssn_last4"]}, {"full_name": True}],
)  # fmt: skip
def test_an_ordinary_output_is_not_taken_for_one_that_asks(
    engine: PolicyEngine, line: Line, args: dict[str, Any]
) -> None:
    """Near misses stay allowed, with the mask."""
    answer = engine.authorize(line(action="return", resource="customer:42", args=args))
    assert answer.decision is Effect.ALLOW


def test_a_resource_that_is_a_full_ssn_is_not_returned(engine: PolicyEngine, line: Line) -> None:
    """The name of what is returned counts like an argument."""
    answer = engine.authorize(line(action="return", resource="customer:42/full-ssn", args={}))
    assert answer.policies == ("never-a-full-ssn",)


def test_another_tenants_resource_is_denied(engine: PolicyEngine, line: Line) -> None:
    """The tenant boundary holds for every action."""
    resource = {"type": "document", "id": "plan.md", "tenant": "globex"}
    answer = engine.authorize(line(action="read", resource=resource, args={}))
    assert answer.policies == ("tenant-boundary",)


def test_a_tenant_in_the_arguments_must_be_the_principals(engine: PolicyEngine, line: Line) -> None:
    """A filter argument cannot name another tenant."""
    answer = engine.authorize(line(action="read", resource="x", args={"f": {"tenant": "globex"}}))
    assert answer.reasons == ("the arguments name another tenant than the principal's",)


@pytest.mark.parametrize(
    ("session", "decision"),
    [
        ({"id": "s", "risk": 0}, "allow"),
        ({"id": "s", "risk": 50}, "require_approval"),
        ({"id": "s", "risk": 90}, "deny"),
        ({"id": "s", "integrity": "unverified"}, "require_approval"),
        ({"id": "s", "integrity": "untrusted"}, "allow"),
        ({"id": "s", "integrity": "trusted"}, "allow"),
    ],
)
def test_a_side_effect_depends_on_the_session(
    engine: PolicyEngine, line: Line, session: dict[str, Any], decision: str
) -> None:
    """Risk and what was read before decide whether a side effect runs, waits or stops."""
    assert engine.authorize(line(session=session)).decision == decision


def test_the_contexts_integrity_counts_like_the_sessions(engine: PolicyEngine) -> None:
    """The lowest label of the context and of the session is the one judged."""
    request = ActionRequest(
        tenant="acme",
        principal="b",
        roles=frozenset({"support"}),
        action="send_email",
        resource="bob@example.org",
        session=SessionFacts(session="s", integrity=Integrity.TRUSTED),
        integrity=Integrity.UNVERIFIED,
    )
    answer = engine.authorize(request)
    assert answer.decision is Effect.REQUIRE_APPROVAL
    assert answer.obligations == ("approval:security", "mask:US_SSN")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": "launch"}, "unknown action 'launch'"),
        ({"roles": ["wizard"]}, "no policy names any of the roles ['wizard']"),
        ({"resource": "rocket:1"}, "unknown resource type 'rocket'"),
        ({"resource": "document:1"}, "action 'refund' does not apply to Document"),
        ({"resource": "hr/../finance/x"}, "'..'"),
        ({"tenant": "  "}, "'tenant' is empty"),
        ({"principal": "a\u200b"}, "invisible"),
        ({"principal": 7}, "'principal' is int"),
        ({"roles": "support"}, "'roles' is str"),
        ({"args": []}, "'args' is list"),
        ({"session": None}, "'session' is missing"),
        ({"session": {"risk_score": 95}}, "session.risk_score"),
        ({"session": {"risk": 101}}, "'session.risk'"),
        ({"dry_run": True}, "unknown field 'dry_run'"),
        ({"resource": {"type": "order"}}, "'resource.id' is missing"),
    ],
)
def test_what_is_unknown_or_malformed_is_denied_with_the_reason(
    engine: PolicyEngine, line: Line, changes: dict[str, Any], reason: str
) -> None:
    """Each refusal names the field that it is about."""
    answer = engine.authorize(line(**changes))
    assert answer.decision is Effect.DENY
    assert reason in answer.reasons[0]


@pytest.mark.parametrize(
    "field", ["tenant", "principal", "roles", "action", "resource", "args", "session"]
)
def test_every_field_of_the_line_is_needed(engine: PolicyEngine, line: Line, field: str) -> None:
    """A line without one of them is denied by name."""
    short = line()
    del short[field]
    assert engine.authorize(short).reasons == (f"'{field}' is missing",)


@given(
    st.dictionaries(
        st.sampled_from(["tenant", "principal", "roles", "action", "resource", "args", "session"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=8,
        ),
    )
)
def test_no_json_at_all_makes_the_engine_raise_or_allow(changes: dict[str, Any]) -> None:
    """Whatever stands in the fields, an action that no policy knows is never allowed."""
    base = {"tenant": "t", "principal": "p", "roles": [], "action": "launch", "resource": "r",
            "args": {}, "session": "s"}  # fmt: skip
    request = {**base, **changes}
    if request["action"] not in _ENGINE.actions:
        assert _ENGINE.authorize(request).decision is Effect.DENY


def chunk(document: str, **metadata: Any) -> Chunk:
    """Return a chunk of a document."""
    return Chunk(
        id=ChunkId("c1"),
        text="x",
        tenant=TenantId("acme"),
        source=metadata.pop("source", "wiki"),
        document=DocumentId(document),
        document_digest=Digest("0" * 64),
        position=0,
        metadata=metadata,
    )


@pytest.mark.parametrize(
    ("held", "decision"),
    [
        (chunk("finance/q3.md"), "deny"),
        (chunk("q3.md", department="Finance"), "deny"),
        (chunk("q3.md", source="finance-share"), "deny"),
        (chunk("handbook.md"), "allow"),
    ],
)
def test_a_chunk_is_judged_by_its_document(
    engine: PolicyEngine, held: Chunk, decision: str
) -> None:
    """Agent A is not served finance chunks, wherever the department is named."""
    assert engine.may_read(held, tenant="acme", principal="agent-a").decision == decision


def test_a_chunk_of_another_tenant_is_not_readable(engine: PolicyEngine) -> None:
    """A hit that crossed tenants is denied by policy too."""
    assert not engine.may_read(chunk("x.md"), tenant="globex", principal="b").allowed


def test_reading_leaves_out_roles_that_no_policy_names(engine: PolicyEngine) -> None:
    """A credential's unknown role confers nothing and takes nothing away."""
    held = chunk("handbook.md")
    assert engine.may_read(held, tenant="acme", principal="b", roles=["wizard"]).allowed


def test_an_explanation_says_which_policies_apply(engine: PolicyEngine, line: Line) -> None:
    """Every policy is listed, with whether its condition holds and whether it decided."""
    notes = {n.id: n for n in engine.explain(line(args={"amount_cents": 80_000})).notes}
    assert len(notes) == len(engine.policies)
    assert notes["support-may-refund"].applies
    assert not notes["support-may-refund"].determining
    assert notes["refund-over-500-needs-approval"].determining


def test_an_explanation_of_a_malformed_line_is_its_denial(engine: PolicyEngine) -> None:
    """There is nothing to evaluate, so no policy is listed."""
    assert engine.explain({}).as_dict()["policies"] == []


def test_a_missing_folder_is_a_usage_error(tmp_path: Any) -> None:
    """A wrong path never falls back to the shipped policies."""
    with pytest.raises(UsageError, match="does not exist"):
        PolicyEngine.from_directory(tmp_path / "nowhere")


def test_a_resource_object_is_read_for_its_first_folder() -> None:
    """Without a department, the first folder of the id is it."""
    assert Resource.parse("Finance/2026/q3.pdf").department == "finance"
