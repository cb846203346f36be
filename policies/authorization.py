"""What a policy decision is: an effect, the reasons for it, and what the caller must still do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.verdict import _Ordered


class Effect(_Ordered):
    """What may happen with a proposed action, from mildest to strictest."""

    ALLOW = "allow"
    REQUIRE_APPROVAL = "require_approval"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The decision on one action, and why.

    ``reasons`` are sentences for a person. ``obligations`` (``mask:US_SSN``,
    ``approval:finance-leads``) bind the caller: an action whose obligations cannot be met must not
    run. ``policies`` are the ids of the policies that determined the decision.
    """

    decision: Effect
    reasons: tuple[str, ...]
    obligations: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()

    @classmethod
    def deny(cls, *reasons: str) -> Authorization:
        """Return a denial that no policy had to decide: the request itself is refused."""
        return cls(decision=Effect.DENY, reasons=reasons)

    @property
    def effect(self) -> Effect:
        """The decision, by the word that Cedar uses."""
        return self.decision

    @property
    def allowed(self) -> bool:
        """Whether the action may run now, with its obligations met."""
        return self.decision is Effect.ALLOW

    def masked_entities(self) -> tuple[str, ...]:
        """Return the entity types that the ``mask:`` obligations name."""
        return tuple(
            item.removeprefix("mask:") for item in self.obligations if item.startswith("mask:")
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of the command-line contract, less the line's id."""
        return {
            "decision": self.decision.value,
            "reasons": list(self.reasons),
            "obligations": list(self.obligations),
        }
