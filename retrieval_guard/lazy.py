"""A part that is built on first use, once, whatever thread asks first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from ..core.errors import UsageError

T = TypeVar("T")


class Lazy(Generic[T]):
    """Holds a value that is given, or builds it on the first call and keeps it."""

    def __init__(self, given: T | None, build: Callable[[], T]) -> None:
        self._owned = given is None
        self._value = given
        self._build = build
        self._closed = False
        self._lock = threading.Lock()

    def __call__(self) -> T:
        """Return the value; a build that raises is tried again on the next call."""
        value = self._value
        if value is None:
            with self._lock:
                value = self._value
                if self._closed:
                    raise UsageError("the guard is closed: make another one")
                if value is None:
                    value = self._value = self._build()
        return value

    def close(self) -> None:
        """Close the value if it was built here; from then on a call raises `UsageError`."""
        with self._lock:
            value, self._value, self._closed = self._value, None, True
        close = getattr(value, "close", None)
        if self._owned and close is not None:
            close()
