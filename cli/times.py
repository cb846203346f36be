"""Times as they are written on the command line."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import typer

from ..core.errors import UsageError


def seconds_of(text: str | None, option: str) -> float | None:
    """Return an ISO 8601 time in seconds since the epoch, UTC if it names no zone; None of None."""
    if text is None:
        return None
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} is no time: write it as 2030-01-31") from None
    return (named if named.tzinfo else named.replace(tzinfo=UTC)).timestamp()


def past_seconds_of(text: str | None, option: str) -> float | None:
    """Return a time as `seconds_of` does; raise `UsageError` for one that has not been."""
    seconds = seconds_of(text, option)
    if seconds is not None and not 0 <= seconds <= time.time():
        raise UsageError(
            f"{option} refused: {'1970 is the earliest' if seconds < 0 else 'it is in the future'}"
            "; name a time that has been, UTC if it names no zone"
        )
    return seconds
