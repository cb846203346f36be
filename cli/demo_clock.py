"""The clock of the demo: what a collection has held for a month was written a month ago."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

DAY_S = 86_400.0


@contextmanager
def days_ago(days: float) -> Iterator[None]:
    """Set the clock of this process back, as if what runs within had run then.

    Whoever keeps `time.time` from within goes by the right time afterwards.
    """
    right = time.time
    behind_s = days * DAY_S

    def clock() -> float:
        return right() - behind_s

    time.time = clock
    try:
        yield
    finally:
        behind_s = 0.0
        time.time = right
