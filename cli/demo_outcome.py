"""What was observed of a scenario on one side, and whether it is what the manifest expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .demo_agent import ToolCall, read
from .demo_manifest import Expected, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the agent was fed and did.

    ``passages`` are its context, or the answer that left it. ``reached`` tells whether the attack's
    marker stood in it. ``did`` ran; ``held`` were stopped by policy, with its decision. ``layers``
    are the parts of the guard that acted, ``signals`` why ingestion held documents of the attack,
    ``notes`` what was said. ``poison`` passages of the attack were served, and the certificate
    allows ``certified``, None where that is not asked for.
    """

    passages: tuple[str, ...]
    reached: bool
    answer: str = ""
    did: tuple[ToolCall, ...] = ()
    held: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    poison: int = 0
    certified: int | None = None
    certificate: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, without the passages."""
        return {
            "reached": self.reached,
            "answer": self.answer,
            "did": [f"{call.name} {call.resource}" for call in self.did],
            "held": dict(self.held),
            "layers": list(self.layers),
            "signals": list(self.signals),
            "poison": self.poison,
            "certified": self.certified,
            "certificate": self.certificate,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A scenario with what was observed on both sides, and every difference from what should be."""

    scenario: Scenario
    without_guard: Outcome
    with_guard: Outcome

    @property
    def differences(self) -> tuple[str, ...]:
        """Sentences; empty if everything came as the manifest says."""
        expected = self.scenario
        return (
            *_differences("without guard", expected.without_guard, self.own_without_guard),
            *_differences("with guard", expected.with_guard, self.with_guard),
        )

    @property
    def own_without_guard(self) -> Outcome:
        """The unguarded outcome, less what other attacks in its store made the agent do."""
        expected = self.scenario.without_guard.did
        if not expected:
            return self.without_guard
        did = tuple(call for call in self.without_guard.did if call.name in expected)
        return replace(self.without_guard, did=did)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.scenario.id,
            "title": self.scenario.title,
            "files": list(self.scenario.files),
            "poisons": self.scenario.poisons,
            "without_guard": self.without_guard.as_dict(),
            "with_guard": self.with_guard.as_dict(),
            "as_expected": not self.differences,
            "differences": list(self.differences),
        }


def reached(marker: str, passages: Sequence[str]) -> bool:
    """Tell whether the marker stands in what the passages say to a model."""
    return bool(marker) and marker in read("\n".join(passages))


def _differences(side: str, expected: Expected, seen: Outcome) -> list[str]:
    observed: dict[str, Any] = {
        "reached": seen.reached,
        "did": tuple(sorted({call.name for call in seen.did})),
        "held": dict(seen.held),
        "answer": seen.answer,
    }
    wanted = expected.model_dump(exclude={"by", "signal"}, exclude_none=True)
    if "did" in wanted:
        wanted["did"] = tuple(sorted(wanted["did"]))
    found = [
        f"{side}: {name} is {observed[name]!r}, expected {value!r}"
        for name, value in wanted.items()
        if observed[name] != value
    ]
    if expected.by is not None and expected.by not in seen.layers:
        found.append(f"{side}: '{expected.by}' did not act, but {list(seen.layers)}")
    if expected.signal is not None and expected.signal not in seen.signals:
        found.append(f"{side}: '{expected.signal}' held nothing, but {list(seen.signals)}")
    if seen.certified is not None and seen.poison > seen.certified:
        found.append(f"{side}: {seen.poison} poisoned passages, certified {seen.certified}")
    return found
