"""Administrative steps as values: one generator yields calls, a sync and an async client run it.

>>> def described(name: str) -> Steps[object]:
...     return (yield call("get_collection", name))
>>> next(described("docs"))
ClientCall(method='get_collection', args=('docs',), kwargs={})
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient, QdrantClient

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ClientCall:
    """One call of a method of the client."""

    method: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


Steps: TypeAlias = Generator[ClientCall, Any, R]
"""Yields calls, receives their results or has their errors thrown in, returns the outcome."""


def call(method: str, /, *args: Any, **kwargs: Any) -> ClientCall:
    """Return the call of the method with these arguments."""
    return ClientCall(method, args, kwargs)


def run(client: QdrantClient, steps: Steps[R]) -> R:
    """Make the calls on a client; what it raises is raised inside the steps."""
    try:
        asked = next(steps)
        while True:
            try:
                answer = getattr(client, asked.method)(*asked.args, **asked.kwargs)
            except Exception as error:  # noqa: BLE001  the steps translate it, or it goes on
                asked = steps.throw(error)
            else:
                asked = steps.send(answer)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


async def arun(client: AsyncQdrantClient, steps: Steps[R]) -> R:
    """Make the calls on an async client, as `run` does."""
    try:
        asked = next(steps)
        while True:
            try:
                answer = await getattr(client, asked.method)(*asked.args, **asked.kwargs)
            except Exception as error:  # noqa: BLE001  the steps translate it, or it goes on
                asked = steps.throw(error)
            else:
                asked = steps.send(answer)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


def is_local(client: QdrantClient | AsyncQdrantClient) -> bool:
    """Say whether the client is qdrant-client's local mode, which has no indexes and no shards."""
    options = client.init_options
    return options.get("location") == ":memory:" or options.get("path") is not None
