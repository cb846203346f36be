"""The side with the guard: everything through the public `Guard`, and what each layer did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ..core.chunk import ChunkId, TenantId
from ..retrieval_guard import Guard, ProposedAction, Retrieval
from ..tenancy import TenantContext, operator_context
from .demo_agent import ToolCall, answer, propose
from .demo_fill import Held
from .demo_manifest import Scenario
from .demo_outcome import Outcome, reached


class GuardedRag:
    """Asks on behalf of a scenario's principal and records which layers acted."""

    def __init__(
        self, guard: Guard, held: Mapping[str, Held], new_sources: frozenset[str] = frozenset()
    ) -> None:
        self._guard = guard
        self._held = held
        self._new_sources = new_sources

    def outcome(self, scenario: Scenario) -> Outcome:
        """Return what the agent of the scenario was fed and did."""
        context = operator_context(
            tenant=scenario.tenant,
            principal=scenario.principal,
            roles=frozenset(scenario.roles),
            session=scenario.id,
        )
        return self._said(scenario, context) if scenario.says else self._asked(scenario, context)

    def _said(self, scenario: Scenario, context: TenantContext) -> Outcome:
        """Send an answer out, as an agent does at the end."""
        sent = self._guard.respond(scenario.says, context)
        notes = tuple(f"masked {entity.type}" for entity in sent.entities)
        return Outcome(
            passages=(sent.text,),
            reached=reached(scenario.marker, [sent.text]),
            layers=("redaction",) if notes else (),
            notes=notes,
        )

    def _asked(self, scenario: Scenario, context: TenantContext) -> Outcome:
        retrieval = self._guard.retrieve(scenario.question, context)
        passages = [chunk.text for chunk in retrieval.chunks]
        layers = [*self._at_ingest(scenario), *_at_retrieval(retrieval, scenario)]
        if scenario.by_id:
            fetched = self._by_id(scenario)
            passages += fetched
            layers += [] if fetched else ["isolation"]
        did, held, notes = self._act(propose(passages), context)
        told = retrieval.verdict.reasons
        if scenario.poisons:
            told = tuple(self._evidence(retrieval, scenario))
        return Outcome(
            passages=tuple(passages),
            reached=reached(scenario.marker, [*passages, retrieval.context]),
            answer=answer(passages, scenario.answer_pattern),
            did=tuple(did),
            held=held,
            layers=tuple(dict.fromkeys([*layers, *(["policy"] if held else [])])),
            signals=self._signals(scenario),
            notes=(*told, *notes),
            poison=_poison(retrieval, scenario),
            certified=self._certified(retrieval, scenario) if scenario.poisons else None,
            certificate=retrieval.certificate.statement if scenario.poisons else "",
        )

    def _act(
        self, calls: Sequence[ToolCall], context: TenantContext
    ) -> tuple[list[ToolCall], dict[str, str], list[str]]:
        """Put each proposed call before policy: what runs, what is held, and why."""
        did: list[ToolCall] = []
        held: dict[str, str] = {}
        notes: list[str] = []
        for call in calls:
            action = ProposedAction(name=call.name, resource=call.resource, args=call.args)
            decided = self._guard.authorize(action, context)
            if decided.allowed:
                did.append(call)
            else:
                held[call.name] = decided.decision.value
                notes += [f"{call.name}: {reason}" for reason in decided.reasons]
        return did, held, notes

    def _by_id(self, scenario: Scenario) -> list[str]:
        """Fetch another tenant's points by their ids, as the scenario's own tenant."""
        collection = self._guard.settings.collection
        owners = {TenantId(file.split("/")[0]) for file in scenario.files}
        ids: list[ChunkId] = [
            point.id
            for owner in owners
            for point in self._guard.store.scroll(collection, owner)
            if _file(owner, point.payload) in scenario.files
        ]
        found = self._guard.store.get(collection, TenantId(scenario.tenant), ids)
        return [str(point.payload["text"]) for point in found]

    def _at_ingest(self, scenario: Scenario) -> list[str]:
        return ["quarantine"] if set(self._held).intersection(scenario.files) else []

    def _signals(self, scenario: Scenario) -> tuple[str, ...]:
        """Return why documents of the attack were held, most frequent first."""
        held = (self._held[file].signals for file in scenario.files if file in self._held)
        return tuple(
            name for name, _ in Counter(name for each in held for name in each).most_common()
        )

    def _certified(self, retrieval: Retrieval, scenario: Scenario) -> int:
        """Return how many passages the certificate allows the sources of the attack."""
        own = {f"{scenario.tenant}/{source}" for source in scenario.sources}
        new = len(own & self._new_sources)
        return retrieval.certificate.bound(established=len(own) - new, new=new)

    def _evidence(self, retrieval: Retrieval, scenario: Scenario) -> Iterator[str]:
        """Say what stopped poison, where, and what the answer certifies."""
        held = len(set(self._held).intersection(scenario.files))
        if held:
            why = ", ".join(self._signals(scenario))
            yield f"held at ingestion: {held} of {len(scenario.files)} documents ({why})"
        steps = Counter(each.step for each in retrieval.dropped if each.source in scenario.sources)
        for step, count in steps.items():
            yield f"left out at retrieval: {count} ({step})"
        served = _poison(retrieval, scenario)
        allowed = self._certified(retrieval, scenario)
        yield f"served: {served} of {len(retrieval.chunks)} passages; certified: {allowed} at most"
        yield f"certificate: {retrieval.certificate.statement}"


def _file(tenant: TenantId, payload: object) -> str:
    assert isinstance(payload, dict)  # noqa: S101 - payloads of the store are objects
    return f"{tenant}/{payload['source']}/{payload['document']}"


def _poison(retrieval: Retrieval, scenario: Scenario) -> int:
    """Count the served passages of the attack's own documents."""
    return sum(
        f"{scenario.tenant}/{c.source}/{c.document}" in scenario.files for c in retrieval.chunks
    )


def _at_retrieval(retrieval: Retrieval, scenario: Scenario) -> Iterator[str]:
    """Name the steps that left out passages of the attack's source, or changed a passage."""
    for dropped in retrieval.dropped:
        if dropped.step == "policy" or dropped.source in scenario.sources:
            yield dropped.step
    for chunk in retrieval.chunks:
        for finding in chunk.verdict.findings:
            yield "redaction" if finding.kind == "pii" else "strip"
