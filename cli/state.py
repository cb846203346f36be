"""What a command works on: the settings with its options applied, and a guard over them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core.settings import Settings
    from ..retrieval_guard import Guard


def load(
    config: Path | None = None, *, store: str | None = None, collection: str | None = None
) -> Settings:
    """Return the settings of file and environment, with the options that were given on top."""
    from ..core.settings import load_settings

    settings = load_settings(config)
    given: dict[str, Any] = {"store": store, "collection": collection}
    changes = {name: value for name, value in given.items() if value is not None}
    return settings.with_(**changes) if changes else settings


@contextmanager
def open_guard(settings: Settings) -> Iterator[Guard]:
    """Open the guard and close it with its store, whatever happens."""
    from ..retrieval_guard import Guard

    with Guard.from_settings(settings) as guard:
        yield guard


def user_name() -> str:
    """Return the name of the user that runs the command; it stands in the audit log."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
