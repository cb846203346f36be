"""Which sources are new: opened by ingestion lately, and vouched for by nobody.

The founding sources of a collection, those opened soon after its first passage arrived, are not:
where all is new, nobody older could be believed in their place. Retrieval reads probation likewise
(``retrieval_guard/corroboration/standing.py``).

- INVARIANT: what a person opened is no founding date: where all others are vouched for, the first
  source that comes by itself is new.
"""

from __future__ import annotations

from collections.abc import Sequence

from .provenance.source_records import SourceRecord

DAY_S = 86_400.0


class Probation:
    """Tells of a tenant's sources whether they are in probation at a time.

    ``founded`` is when the collection's first passage arrived, None while there is none.
    """

    def __init__(
        self,
        records: Sequence[SourceRecord],
        days: float,
        *,
        founded: float | None,
        founding_days: float,
    ) -> None:
        self._records = {record.source: record for record in records}
        self._span = days * DAY_S
        self._founded = founded
        self._founding_span = founding_days * DAY_S

    def covers(self, source: str, now: float) -> bool:
        """Tell whether a source is in probation; one that was never opened is opened now.

        One that was opened in the future is new: somebody turned a clock.
        """
        record = self._records.get(source)
        if record is not None and record.opened_by:
            return False
        opened = record.opened_at if record is not None else now
        if self._is_founding(opened):
            return False
        return not 0 <= now - opened >= self._span

    def _is_founding(self, opened: float) -> bool:
        if not self._founding_span:
            return False
        return self._founded is None or opened - self._founded <= self._founding_span
