"""Stores that are not installed: their tests are skipped, or fail where CI must run them."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import NoReturn

import pytest

REQUIRED = "REQUIRE_STORES"
"""The variable by which ``make check`` says that no store may be missing."""


def require_modules(extra: str, *modules: str) -> None:
    """Skip the test if a module is missing; fail it where all stores are required."""
    for module in modules:
        if not _is_there(module):
            missing(f"needs {module}: pip install 'ragbastion[{extra}]'")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it where all stores are required."""
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}; {REQUIRED} says that it must be there")
    pytest.skip(reason)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
