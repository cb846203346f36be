"""Whose passages stand around a question, and who can still be asked for: against floods.

One source with more passages around a question than are fetched hides all that lies behind them.
So the search is repeated among established sources that were not heard yet.

- INVARIANT: a source in probation is never among those asked for, so that no number of its passages
  keeps an established one from being reached.
- INVARIANT: whose voice has given all that it may is left out first; whoever crowds the next search
  too is left out of the one after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set

from ..core.store import Hit

MAX_ROUNDS = 3
"""Searches after the first, each of which asks for `retrieval.max_candidates` at most: so many
established sources with other flagged or equal passages by the hundred empty an answer."""


class Crowd:
    """Counts the hits of one retrieval by the source that they claim."""

    def __init__(self, established: Set[str], loud: int) -> None:
        self._established = frozenset(established)
        self._loud = loud
        self._found: Counter[str] = Counter()

    def note(self, hits: Sequence[Hit]) -> None:
        """Count hits that are new."""
        self._found.update(str(hit.point.payload.get("source")) for hit in hits)

    @property
    def is_strange(self) -> bool:
        """Whether most hits are of others than the established sources that there are."""
        if not self._established:
            return False
        known = sum(n for name, n in self._found.items() if name in self._established)
        return 2 * known < self._found.total()

    def unheard(self, full: Set[str], *, loud: bool) -> frozenset[str]:
        """Return the established sources but for the ``full``, and for the loud ones if not wanted.

        Loud is who has more hits than are fetched at first.
        """
        left = self._established - full
        # By those that were found, of whom there are few.
        crowding = {name for name, n in self._found.items() if n > self._loud}
        return left if loud else left - crowding


def depths(first: int, most: int) -> Iterator[int]:
    """Yield how many hits to ask for, twice as many each time, up to ``most``."""
    wanted = first
    while wanted < most:
        yield wanted
        wanted *= 2
    yield most
