"""One scanner for the tests of this folder; it is immutable."""

from __future__ import annotations

import pytest
from ragbastion.ingest.scanner import Scanner


@pytest.fixture(scope="session")
def scanner() -> Scanner:
    """A scanner with default settings."""
    return Scanner()
