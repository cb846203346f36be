"""Clients of local mode that keep what they are asked."""

import inspect
from collections.abc import Iterable
from typing import Any

from qdrant_client import AsyncQdrantClient, QdrantClient
from ragbastion.tenancy.guarded_methods import METHODS, Access

ASKED = {name for name, access in METHODS.items() if access is Access.ENFORCED} - {"close"}


class Recording:
    """Hands on to a client and keeps what it is asked."""

    asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]]

    def __getattribute__(self, name: str) -> Any:
        """Return the client's attribute; a method that is called is kept."""
        found = super().__getattribute__(name)
        if name not in ASKED:
            return found

        def kept(*args: Any, **kwargs: Any) -> Any:
            listed = tuple(list(a) if isinstance(a, Iterable) and inspect.isgenerator(a) else a
                           for a in args)  # fmt: skip
            self.asked.append((name, listed, kwargs))
            return found(*listed, **kwargs)

        return kept


class RecordingClient(Recording, QdrantClient):
    """Records what a guarded client asks."""


class RecordingAsyncClient(Recording, AsyncQdrantClient):
    """Records what an async guarded client asks."""
