"""Which sources are new: opened by ingestion lately, and vouched for by nobody.

The founding sources of a tenant, those opened soon after its first, are not: where all is new,
nobody older could be believed in their place.
"""

from __future__ import annotations

from collections.abc import Sequence

from .provenance.source_records import SourceRecord

DAY_S = 86_400.0


class Probation:
    """Tells of a tenant's sources whether they are in probation at a time.

    ``days`` and ``founding_days`` are those of `RetrievalSettings`.
    """

    def __init__(
        self, records: Sequence[SourceRecord], *, days: float, founding_days: float
    ) -> None:
        self._records = {record.source: record for record in records}
        self._span, self._founding_span = days * DAY_S, founding_days * DAY_S
        # By whomever: where a person opened the first ones, who comes next is no founder for that.
        self._founded = min((record.opened_at for record in records), default=None)

    def covers(self, source: str, now: float) -> bool:
        """Tell whether a source is in probation; one that was never opened is opened now.

        One that was opened in the future is new: somebody turned a clock.
        """
        record = self._records.get(source)
        if record is not None and record.opened_by:
            return False
        opened = record.opened_at if record is not None else now
        founded = opened if self._founded is None else self._founded
        if self._founding_span > 0 and opened - founded <= self._founding_span:
            return False
        return not 0 <= now - opened >= self._span
