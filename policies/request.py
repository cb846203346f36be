"""The action that an agent proposes, and how it is read from a JSON line.

Form is lenient (see `resource`), meaning is strict: a missing, empty, unknown or mistyped field
raises `PolicyError`, which the caller turns into a denial with that reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.chunk import Integrity, lowest_integrity
from ..core.errors import PolicyError
from .names import checked_name, role_name
from .resource import Resource
from .session import SessionFacts, Signal

_REQUIRED = ("tenant", "principal", "roles", "action", "resource", "args", "session")
_OPTIONAL = ("id", "integrity")
_SESSION_KEYS = frozenset({"id", "risk", "integrity", "counts"})
_MAX_ROLES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """One proposed action.

    ``resource`` is a `Resource` or any string that `Resource.parse` reads. ``args`` are the tool
    call's arguments (untrusted). ``integrity`` is the worst label of the context that the agent
    acts on, None if it acts on none.
    """

    tenant: str
    principal: str
    action: str
    resource: Resource | str
    roles: frozenset[str] = frozenset()
    args: Mapping[str, Any] = field(default_factory=dict)
    session: SessionFacts | None = None
    integrity: Integrity | None = None

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> ActionRequest:
        """Read ``{"tenant","principal","roles","action","resource","args","session"}``.

        ``id`` and ``integrity`` may be given too. Raises `PolicyError` naming the field.
        """
        if not isinstance(line, Mapping):
            raise PolicyError(f"the request is {type(line).__name__}, expected an object")
        _refuse_unknown(line)
        for name in _REQUIRED:
            if line.get(name) is None:
                raise PolicyError(f"'{name}' is missing")
        if not isinstance(line["args"], Mapping):
            raise PolicyError(f"'args' is {type(line['args']).__name__}, expected an object")
        return cls(
            tenant=checked_name(line["tenant"], "tenant"),
            principal=checked_name(line["principal"], "principal"),
            roles=_roles(line["roles"]),
            action=checked_name(line["action"], "action"),
            resource=Resource.parse(line["resource"]),
            args=line["args"],
            session=_session(line["session"]),
            integrity=_integrity(line.get("integrity"), "integrity"),
        )

    def lowest_integrity(self) -> Integrity | None:
        """Return the worst label of the action's context and of what the session has read."""
        labels = [self.integrity, self.session.integrity if self.session else None]
        known = [label for label in labels if label is not None]
        return lowest_integrity(known) if known else None


def _refuse_unknown(line: Mapping[str, Any]) -> None:
    # An ignored field could be the one that would have denied (`risk_score`, `tenant_id`).
    unknown = sorted(str(name) for name in line if name not in (*_REQUIRED, *_OPTIONAL))
    if unknown:
        raise PolicyError(f"unknown field '{unknown[0][:64]}': the policies would not see it")


def _roles(value: object) -> frozenset[str]:
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise PolicyError(f"'roles' is {type(value).__name__}, expected a list of strings")
    if len(value) > _MAX_ROLES:
        raise PolicyError(f"'roles' holds more than {_MAX_ROLES} names")
    return frozenset(role_name(checked_name(role, "roles")) for role in value)


def _session(value: object) -> SessionFacts:
    if isinstance(value, str):
        return SessionFacts(session=checked_name(value, "session"))
    if not isinstance(value, Mapping):
        raise PolicyError(f"'session' is {type(value).__name__}, expected an id or an object")
    unknown = sorted(str(name) for name in value if name not in _SESSION_KEYS)
    if unknown:
        raise PolicyError(f"unknown field 'session.{unknown[0][:64]}': no policy would see it")
    return SessionFacts(
        session=checked_name(value["id"], "session.id") if "id" in value else "",
        risk=_risk(value.get("risk", 0)),
        integrity=_integrity(value.get("integrity"), "session.integrity"),
        counts=_counts(value.get("counts", {})),
    )


def _risk(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 100:
        raise PolicyError("'session.risk' must be an integer from 0 to 100")
    return value


def _counts(value: object) -> dict[Signal, float]:
    known = {signal.value for signal in Signal}
    if not isinstance(value, Mapping) or any(name not in known for name in value):
        raise PolicyError(f"'session.counts' must be an object with the names {sorted(known)}")
    if any(type(count) not in (int, float) or not 0 <= count < 1e9 for count in value.values()):
        raise PolicyError("'session.counts' must hold numbers of at least 0")
    return {Signal(name): float(count) for name, count in value.items()}


def _integrity(value: object, field_name: str) -> Integrity | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in {label.value for label in Integrity}:
        raise PolicyError(f"'{field_name}' must be trusted, untrusted or unverified")
    return Integrity(value)
