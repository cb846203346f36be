"""The sources of the settings' state folder, administered in the user's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from .state import user_name
from .tenant_state import opened_log

if TYPE_CHECKING:
    from ..core.settings import Settings
    from ..ingest.provenance import SourceAdmin


@contextmanager
def opened(settings: Settings) -> Iterator[SourceAdmin]:
    """Open the sources with the audit log as their sink; close both."""
    from ..ingest.provenance import SourceAdmin

    with opened_log(settings) as log:
        admin = SourceAdmin(
            settings.state_dir, log, principal=user_name(), settings=settings.provenance
        )
        with closing(admin):
            yield admin
