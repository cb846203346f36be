"""Fixtures of the policy tests: the shipped engine, and a line of the contract to vary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ragbastion.policies import PolicyEngine

Line = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def engine() -> PolicyEngine:
    """Return the engine with the shipped policies."""
    return PolicyEngine.from_directory(None)


@pytest.fixture
def line() -> Line:
    """Return a builder of contract lines: a refund of 400 by a support agent, with changes."""

    def build(**changes: Any) -> dict[str, Any]:
        base = {
            "id": "1",
            "tenant": "acme",
            "principal": "agent-7",
            "roles": ["support"],
            "action": "refund",
            "resource": "order:o-1",
            "args": {"amount_cents": 40_000},
            "session": "s-1",
        }
        return {**base, **changes}

    return build
