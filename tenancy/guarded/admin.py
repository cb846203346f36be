"""Methods that reach beyond one tenant: passed on for an administrator, refused to all others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from .driving import Driven, collection_of

P = ParamSpec("P")
R = TypeVar("R")


class AdminMethod(Generic[P, R]):
    """A client's method as an attribute that only an administrator's guard has.

    ``method_of``: takes the method from a client, or from its class for its signature.
    """

    def __init__(self, client_class: type, method_of: Callable[[Any], Callable[P, R]]) -> None:
        self._client_class = client_class
        self._method_of = method_of

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, guarded: None, owner: type) -> Callable[Concatenate[Any, P], R]: ...
    @overload
    def __get__(self, guarded: Driven, owner: type) -> Callable[P, R]: ...
    def __get__(self, guarded: Driven | None, owner: type) -> Callable[..., R]:
        """Return the method, or raise so that the class refuses the name and reports it."""
        if guarded is None:
            return self._method_of(self._client_class)
        if not guarded._guard.admin:
            raise AttributeError(self._name)
        return _reported(guarded, self._name, self._method_of(guarded._guarded))


def _reported(guarded: Driven, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def passed_on(*args: Any, **kwargs: Any) -> Any:
        with guarded._guard.passing(name, collection_of(args, kwargs)):
            return method(*args, **kwargs)

    @wraps(method)
    async def passed_on_async(*args: Any, **kwargs: Any) -> Any:
        with guarded._guard.passing(name, collection_of(args, kwargs)):
            return await method(*args, **kwargs)

    return passed_on_async if inspect.iscoroutinefunction(method) else passed_on
