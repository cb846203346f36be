"""What is known of a session when an action is judged: its risk, and the worst it has read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import prod
from typing import Any

from ..core.chunk import Integrity, lowest_integrity


class Signal(StrEnum):
    """What raises a session's risk."""

    INJECTION_READ = "injection_read"
    """A passage that holds instructions was found among what the session retrieved."""
    DENIAL = "denial"
    """A policy denied an action of the session."""
    FOREIGN_TENANT_PROBE = "foreign_tenant_probe"
    """The session named another tenant."""
    LOW_INTEGRITY_READ = "low_integrity_read"
    """A passage without a valid trusted signature was served."""


# First values, chosen by hand and not calibrated: (probability that one such event adds, cap).
# Three probes of a foreign tenant stop a session (0.9); denials and injections alone never do,
# because a document's author can cause them in an honest session.
WEIGHTS: Mapping[Signal, tuple[float, float]] = {
    Signal.INJECTION_READ: (0.25, 0.75),
    Signal.DENIAL: (0.10, 0.50),
    Signal.FOREIGN_TENANT_PROBE: (0.30, 0.90),
    Signal.LOW_INTEGRITY_READ: (0.05, 0.40),
}


def risk_of(counts: Mapping[Signal, float]) -> int:
    """Return 100·(1−Π(1−p_i)), rounded; p_i = min(cap, weight·count) of signal i."""
    kept = (
        1.0 - min(cap, weight * counts.get(name, 0.0)) for name, (weight, cap) in WEIGHTS.items()
    )
    return round(100.0 * (1.0 - prod(kept)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """The facts of one session; ``risk`` is 0 to 100, ``counts`` are decayed event counts.

    ``integrity`` is the worst label that the session has read, None if it has read nothing.
    """

    session: str = ""
    risk: int = 0
    integrity: Integrity | None = None
    counts: Mapping[Signal, float] = field(default_factory=dict)

    def worst(self, other: SessionFacts | None) -> SessionFacts:
        """Combine with other facts of the same session, keeping the worse of each."""
        if other is None:
            return self
        labels = [label for label in (self.integrity, other.integrity) if label is not None]
        signals = {*self.counts, *other.counts}
        return SessionFacts(
            session=self.session or other.session,
            risk=max(self.risk, other.risk),
            integrity=lowest_integrity(labels) if labels else None,
            counts={
                name: max(self.counts.get(name, 0.0), other.counts.get(name, 0.0))
                for name in signals
            },
        )

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON form."""
        return {
            "session": self.session,
            "risk": self.risk,
            "integrity": self.integrity.value if self.integrity else None,
            "counts": {name.value: round(count, 3) for name, count in sorted(self.counts.items())},
        }
