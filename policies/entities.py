"""A request in Cedar's form: entities and context, each value checked against the schema first.

Only attributes that the schema declares are passed: Cedar refuses a record with any other, and an
argument that no policy can look at does not change a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import PolicyError
from .disclosure import disclosures
from .names import agent_name, checked_name
from .request import ActionRequest
from .resource import Resource, claims
from .schema import ActionShape, SchemaShape, Shape
from .session import SessionFacts, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class CedarCall:
    """What Cedar is asked: the request, and the entities it speaks of."""

    request: Mapping[str, Any]
    entities: tuple[Mapping[str, Any], ...]


def build_call(request: ActionRequest, schema: SchemaShape) -> CedarCall:
    """Build the call; raises `PolicyError` if the request does not fit the schema."""
    action = schema.actions.get(request.action)
    if action is None:
        raise PolicyError(f"unknown action '{request.action}': known are {sorted(schema.actions)}")
    resource = request.resource
    if not isinstance(resource, Resource):
        resource = Resource.parse(resource)
    tenant = checked_name(request.tenant, "tenant")
    named, words = claims(request.args)
    if any(other.strip() != tenant for other in named):
        raise PolicyError("the arguments name another tenant than the principal's")
    kind = _resource_type(resource, action, schema)
    principal_uid = {"type": f"{schema.namespace}::Agent", "id": request.principal}
    resource_uid = {"type": f"{schema.namespace}::{kind}", "id": resource.id}
    entities = (
        _principal(request, tenant, principal_uid, schema),
        {
            "uid": resource_uid,
            "attrs": _resource_attributes(resource, tenant, words, schema.entities[kind]),
            "parents": [],
        },
    )
    body = {
        "principal": principal_uid,
        "action": {"type": f"{schema.namespace}::Action", "id": action.name},
        "resource": resource_uid,
        "context": _context(request, action, resource),
    }
    return CedarCall(request=body, entities=entities)


def _resource_type(resource: Resource, action: ActionShape, schema: SchemaShape) -> str:
    if not resource.type:
        return action.resource_types[0]
    kind = schema.type_named(resource.type)
    if kind is None:
        raise PolicyError(f"unknown resource type '{resource.type}'")
    if kind not in action.resource_types:
        raise PolicyError(f"action '{action.name}' does not apply to {kind}")
    return kind


def _principal(
    request: ActionRequest, tenant: str, uid: Mapping[str, str], schema: SchemaShape
) -> Mapping[str, Any]:
    values = {
        "tenant": tenant,
        "name": agent_name(checked_name(request.principal, "principal")),
        "roles": sorted(request.roles),
    }
    role_type = f"{schema.namespace}::Role"
    return {
        "uid": uid,
        "attrs": _declared(values, schema.entities["Agent"], "principal"),
        "parents": [{"type": role_type, "id": role} for role in sorted(request.roles)],
    }


def _resource_attributes(
    resource: Resource, tenant: str, words: frozenset[str], declared: Mapping[str, Shape]
) -> dict[str, Any]:
    values = {
        **resource.attributes,
        "tenant": resource.tenant or tenant,
        "department": resource.department,
        "names": sorted(resource.names | words),
    }
    return _declared(values, declared, "resource")


def _context(request: ActionRequest, action: ActionShape, resource: Resource) -> dict[str, Any]:
    integrity = request.lowest_integrity()
    declared = action.context.attributes
    values: dict[str, Any] = {
        "integrity": integrity.value if integrity else "none",
        "disclosures": sorted(disclosures({"args": request.args, "resource": resource.id})),
    }
    scalars = {name: shape for name, shape in declared.items() if shape.kind != "Record"}
    context = _declared(values, scalars, "context")
    if "session" in declared:
        facts = _session_values(request.session or SessionFacts())
        context["session"] = _declared(facts, declared["session"].attributes, "session")
    if "args" in declared:
        context["args"] = _declared(request.args, action.arguments, "args")
    return context


def _session_values(facts: SessionFacts) -> dict[str, int]:
    def count(signal: Signal) -> int:
        return round(facts.counts.get(signal, 0.0))

    return {
        "risk": facts.risk,
        "injections": count(Signal.INJECTION_READ),
        "denials": count(Signal.DENIAL),
        "foreign_probes": count(Signal.FOREIGN_TENANT_PROBE),
        "low_integrity_reads": count(Signal.LOW_INTEGRITY_READ),
    }


def _declared(
    values: Mapping[str, Any], declared: Mapping[str, Shape], where: str
) -> dict[str, Any]:
    """Return the declared ones of ``values``, or raise `PolicyError` naming what does not fit."""
    fitting: dict[str, Any] = {}
    for name, shape in declared.items():
        if name not in values:
            if shape.required:
                raise PolicyError(f"'{where}.{name}' is missing")
            continue
        problem = shape.problem(values[name])
        if problem:
            raise PolicyError(f"'{where}.{name}' {problem}")
        value = values[name]
        fitting[name] = sorted(value) if isinstance(value, (set, frozenset)) else value
    return fitting
