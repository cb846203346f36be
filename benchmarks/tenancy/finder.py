"""The leak finder as a library: what it is asked, and what it tells.

>>> from ragbastion.benchmarks.tenancy import GUARDED, find_leaks
>>> report = find_leaks(GUARDED, calls=1000)
>>> report.clean, report.leaks
(True, {})
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.errors import DetectorError, UsageError
from .attack import EXPECTED, Attack, Tallies, add_up, histories_for
from .findings import Finding, Tally
from .subjects import ASYNC_NAIVE, NAIVE, Subject

SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakReport:
    """What was found: ``tallies`` by subject, ``control`` of the naive wrapper."""

    tallies: Tallies
    control: Tallies

    @property
    def clean(self) -> bool:
        """Say whether nothing leaked in any subject; the control's leaks are its purpose."""
        return not self.leaks

    @property
    def leaks(self) -> dict[str, int]:
        """How many calls leaked, by method, over all subjects."""
        return leaks_of(self.tallies)

    @property
    def findings(self) -> list[Finding]:
        """The first leaks of each block, in full."""
        return [finding for tally in self.tallies.values() for finding in tally.findings]

    @property
    def calls(self) -> int:
        """How many calls were made on the clients under test; their twins' are not counted."""
        return sum(tally.calls for tally in self.tallies.values())


def find_leaks(
    subjects: Subject | Sequence[Subject], *, calls: int = 2000, seed: int = SEED
) -> LeakReport:
    """Plant canaries in several tenants and attack the clients under test through every method.

    ``calls``: about how many are generated in all, shared among ``subjects``; with several, their
    answers to the same calls are compared. 200 to 600 calls a second in local mode, on one core.
    Raises `DetectorError` if the naive wrapper, which is attacked as well, is not found to leak.
    """
    listed = [subjects] if isinstance(subjects, Subject) else list(subjects)
    if not listed or len({each.name for each in listed}) < len(listed):
        raise UsageError("leak finder refused: give at least one subject, each with its own name")
    found: Tallies = {each.name: Tally() for each in listed}
    attack = Attack(listed, seed)
    try:
        for number in range(histories_for(calls, len(listed))):
            add_up(found, attack.block(number, 1))
    finally:
        attack.close()
    controls = [NAIVE] if not any(each.asynchronous for each in listed) else [NAIVE, ASYNC_NAIVE]
    return LeakReport(tallies=found, control=attacked_control(controls, seed))


def attacked_control(controls: Sequence[Subject], seed: int) -> Tallies:
    """Attack wrappers that are known to leak; raise `DetectorError` if a leak is missed."""
    attack = Attack(controls, seed)
    try:
        tallies = attack.control()
    finally:
        attack.close()
    for name, tally in tallies.items():
        if missed := EXPECTED - tally.leaks.keys():
            raise DetectorError(
                f"the leak finder missed leaks of the {name} ({', '.join(sorted(missed))}): "
                "what it says of other clients proves nothing"
            )
    return tallies


def leaks_of(tallies: Tallies) -> dict[str, int]:
    """Return how many calls leaked, by method, over all subjects."""
    found: dict[str, int] = {}
    for tally in tallies.values():
        for method, number in tally.leaks.items():
            found[method] = found.get(method, 0) + number
    return found
