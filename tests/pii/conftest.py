"""One redactor for all tests of the folder: the pipeline takes seconds to load."""

from __future__ import annotations

import pytest
from ragbastion.pii import Redactor


@pytest.fixture(scope="session")
def redactor() -> Redactor:
    """Return a redactor with default settings."""
    return Redactor()
