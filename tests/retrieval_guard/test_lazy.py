"""A part is built once, when it is first asked for, and closed only by who built it."""

from __future__ import annotations

import pytest
from ragbastion.core.errors import UsageError
from ragbastion.retrieval_guard.lazy import Lazy


class Part:
    """Counts what happens to it."""

    closed = 0

    def close(self) -> None:
        """Count."""
        self.closed += 1


def test_a_part_is_built_once() -> None:
    """Two calls return the same value."""
    lazy: Lazy[Part] = Lazy(None, Part)
    assert lazy() is lazy()


def test_a_part_that_was_given_is_not_closed() -> None:
    """Who brings a part closes it."""
    part = Part()
    lazy = Lazy(part, Part)
    lazy.close()
    assert part.closed == 0


def test_a_part_that_was_built_is_closed_once() -> None:
    """Closing twice is allowed; using it afterwards is not."""
    lazy: Lazy[Part] = Lazy(None, Part)
    part = lazy()
    lazy.close()
    lazy.close()
    assert part.closed == 1
    with pytest.raises(UsageError, match="closed"):
        lazy()


def test_a_build_that_fails_is_tried_again() -> None:
    """A part that could not be built at first is not remembered as broken."""
    tries = iter([None, Part()])

    def build() -> Part:
        part = next(tries)
        if part is None:
            raise OSError("not yet")
        return part

    lazy = Lazy(None, build)
    with pytest.raises(OSError, match="not yet"):
        lazy()
    assert isinstance(lazy(), Part)
