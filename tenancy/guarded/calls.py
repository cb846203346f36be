"""What a confined method asks of the client: calls as values, made by a driver.

>>> def held(scope, name):
...     answer = yield call("count", name, exact=True)
...     return answer.count
>>> next(held(None, "docs"))
ClientCall(method='count', args=('docs',), kwargs={'exact': True})
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ClientCall:
    """One call of a method of the client, already confined."""

    method: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


Steps: TypeAlias = Generator[ClientCall, Any, R]
"""A confined method: yields calls, receives their results, returns what the caller gets."""


def call(method: str, /, *args: Any, **kwargs: Any) -> ClientCall:
    """Return the call of the method with these arguments."""
    return ClientCall(method, args, kwargs)
