"""Proposed actions over HTTP: decided for the key's own identity."""

import pytest
from ragbastion.core.chunk import Integrity

from .conftest import ADMIN_KEY, Service


def refund(cents: object, **more: object) -> dict[str, object]:
    """Return a proposal of a refund."""
    args = {"amount_cents": cents}
    return {
        "id": "r1",
        "action": "refund",
        "resource": "order:o-1",
        "args": args,
        "session": "s-1",
        **more,
    }


def authorize(service: Service, key: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
    """Return status and answer."""
    answer = service.client(key).post("/v1/authorize", json=body)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("cents", "decision"),
    [(100, "allow"), (50_000, "allow"), (50_001, "require_approval"), ("100", "deny")],
)
def test_authorize_answers_as_the_contract_says(
    service: Service, cents: object, decision: str
) -> None:
    """The fields are those of a line of 'authorize --jsonl'."""
    status, answer = authorize(service, service.reader, refund(cents, session=f"s-{cents}"))
    assert status == 200
    assert set(answer) == {"id", "decision", "reasons", "obligations"}
    assert (answer["id"], answer["decision"]) == ("r1", decision)


@pytest.mark.parametrize("missing", ["action", "resource", "args", "session"])
def test_a_missing_field_denies(service: Service, missing: str) -> None:
    """The reason names what is missing."""
    body = {name: value for name, value in refund(100).items() if name != missing}
    status, answer = authorize(service, service.reader, body)
    assert (status, answer["decision"]) == (200, "deny")
    assert missing in str(answer["reasons"])


def test_an_unknown_field_is_refused(service: Service) -> None:
    """A field that no policy sees might be the one that mattered."""
    status, answer = authorize(service, service.reader, refund(100, approved=True))
    assert (status, set(answer)) == (422, {"error"})


@pytest.mark.parametrize(
    "claim", [{"principal": "agent-9"}, {"roles": ["support", "billing"]}, {"tenant": "globex"}]
)
def test_a_body_cannot_claim_more_than_the_key(service: Service, claim: dict[str, object]) -> None:
    """Another identity than the key's is 403."""
    assert authorize(service, service.reader, refund(100, **claim))[0] == 403


def test_naming_another_tenant_counts_against_the_session(service: Service) -> None:
    """A probe is refused, kept in the audit log, and remembered."""
    authorize(service, service.reader, refund(100, session="probe", tenant="globex"))
    facts = service.guard.sessions.facts("acme", "agent-7", "probe")
    assert facts.counts["foreign_tenant_probe"] == pytest.approx(1.0, abs=0.01)
    assert service.guard.audit.tail(1, "acme")[0].record["outcome"] == "deny"


def test_an_admin_key_decides_for_others(service: Service) -> None:
    """A service that acts for many agents names each."""
    body = refund(100, tenant="acme", principal="agent-1", roles=["support"])
    assert authorize(service, ADMIN_KEY, body)[1]["decision"] == "allow"


def test_an_admin_key_without_a_tenant_is_denied(service: Service) -> None:
    """The contract says that what is missing denies."""
    answer = authorize(service, ADMIN_KEY, refund(100))[1]
    assert (answer["decision"], answer["reasons"]) == ("deny", ["'tenant' is missing"])


def test_what_a_session_has_read_counts(service: Service) -> None:
    """A session that read unverified text may not act on its own."""
    service.guard.sessions.observe_read("acme", "agent-7", "tainted", Integrity.UNVERIFIED)
    answer = authorize(service, service.reader, refund(100, session="tainted"))[1]
    assert answer["decision"] != "allow"


def test_a_caller_cannot_talk_a_session_clean(service: Service) -> None:
    """Claims about a session may worsen what is known of it, not better it."""
    service.guard.sessions.observe_read("acme", "agent-7", "claimed", Integrity.UNVERIFIED)
    claim = {"id": "claimed", "risk": 0, "integrity": "trusted"}
    answer = authorize(service, service.reader, refund(100, session=claim))[1]
    assert answer["decision"] != "allow"


def test_a_decision_is_audited(service: Service) -> None:
    """The audit log has the decision, and not the arguments."""
    authorize(service, service.reader, refund(50_002, session="audited"))
    record = service.guard.audit.tail(1)[0].record
    assert (record["kind"], record["outcome"]) == ("authorize", "require_approval")
    assert (record["tenant"], record["principal"]) == ("acme", "agent-7")
