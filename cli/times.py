"""Times as they are written on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import typer


def seconds_of(text: str | None, option: str) -> float | None:
    """Return an ISO 8601 time in seconds since the epoch, UTC if it names no zone; None of None."""
    if text is None:
        return None
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} is no time: write it as 2030-01-31") from None
    return (named if named.tzinfo else named.replace(tzinfo=UTC)).timestamp()
