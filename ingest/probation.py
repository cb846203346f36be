"""Which sources are new: opened by ingestion lately, and vouched for by nobody.

The founding sources of a tenant, those no more than the probation younger than its first, are not:
where all is new, nobody older could be believed in their place.
"""

from __future__ import annotations

from collections.abc import Sequence

from .provenance.source_records import SourceRecord

DAY_S = 86_400.0


class Probation:
    """Tells of a tenant's sources whether they are in probation at a time."""

    def __init__(self, records: Sequence[SourceRecord], days: float) -> None:
        self._records = {record.source: record for record in records}
        self._span = days * DAY_S
        opened = [record.opened_at for record in records if not record.opened_by]
        self._founded = min(opened, default=None)

    def covers(self, source: str, now: float) -> bool:
        """Tell whether a source is in probation; one that was never opened is opened now.

        One that was opened in the future is new: somebody turned a clock.
        """
        record = self._records.get(source)
        if record is not None and record.opened_by:
            return False
        opened = record.opened_at if record is not None else now
        if self._founded is None or opened - self._founded <= self._span:
            return False
        return not 0 <= now - opened >= self._span
