"""What is asked of a Qdrant client, as values: one generator yields calls, two drivers make them.

The steps are written once; a blocking client and an async one run them.

>>> def held(name: str) -> Steps[int]:
...     answer = yield call("count", name, exact=True)
...     return answer.count
>>> next(held("docs"))
ClientCall(method='count', args=('docs',), kwargs={'exact': True})
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from qdrant_client import AsyncQdrantClient, QdrantClient

from ..core.errors import UsageError

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ClientCall:
    """One call of a method of the client."""

    method: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def on(self, client: object) -> Any:
        """Make the call; on an async client what comes back is to be awaited."""
        return getattr(client, self.method)(*self.args, **self.kwargs)


Steps: TypeAlias = Generator[ClientCall, Any, R]
"""Yields calls, receives their results or has their errors thrown in, returns the outcome."""


def call(method: str, /, *args: Any, **kwargs: Any) -> ClientCall:
    """Return the call of the method with these arguments."""
    return ClientCall(method, args, kwargs)


def drive(steps: Steps[R], make: Callable[[ClientCall], Any]) -> R:
    """Make each call that the steps ask for, and return what they return."""
    with closing(steps):  # what they hold, such as a reservation, ends whatever happens
        try:
            asked = next(steps)
            while True:
                try:
                    answer = make(asked)
                except Exception as error:  # noqa: BLE001  the steps translate it, or it goes on
                    asked = steps.throw(error)
                else:
                    asked = steps.send(answer)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


async def drive_async(steps: Steps[R], make: Callable[[ClientCall], Awaitable[Any]]) -> R:
    """Await each call that the steps ask for, as `drive` makes them."""
    with closing(steps):
        try:
            asked = next(steps)
            while True:
                try:
                    answer = await make(asked)
                except Exception as error:  # noqa: BLE001  the steps translate it, or it goes on
                    asked = steps.throw(error)
                else:
                    asked = steps.send(answer)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


def run(client: QdrantClient, steps: Steps[R]) -> R:
    """Run the steps on a client."""
    return drive(steps, lambda asked: asked.on(client))


async def arun(client: AsyncQdrantClient, steps: Steps[R]) -> R:
    """Run the steps on an async client."""
    return await drive_async(steps, lambda asked: asked.on(client))


def is_local(client: QdrantClient | AsyncQdrantClient) -> bool:
    """Say whether the client is qdrant-client's local mode, which has no indexes and no shards.

    Raises `UsageError` for what is no client, such as one that is guarded.
    """
    if not isinstance(client, QdrantClient | AsyncQdrantClient):
        raise UsageError("client refused: use an administrator's own Qdrant client, not a guard")
    options = client.init_options
    return options.get("location") == ":memory:" or options.get("path") is not None
