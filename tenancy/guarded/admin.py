"""Methods that reach beyond one tenant: passed on for an administrator, refused to all others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import update_wrapper, wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from .driving import Driven, collection_of

P = ParamSpec("P")
R = TypeVar("R")


class AdminMethod(Generic[P, R]):
    """A client's method as an attribute that only an administrator's guard has."""

    def __init__(self, method: Callable[Concatenate[Any, P], R]) -> None:
        self._method = method
        update_wrapper(self, method)

    @overload
    def __get__(self, guarded: None, owner: type) -> Callable[Concatenate[Any, P], R]: ...
    @overload
    def __get__(self, guarded: Driven, owner: type) -> Callable[P, R]: ...
    def __get__(self, guarded: Driven | None, owner: type) -> Callable[..., R]:
        """Return the method, or raise so that the class refuses the name and reports it."""
        if guarded is None:
            return self._method
        name = self._method.__name__
        if not guarded._guard.admin:
            raise AttributeError(name)
        return _reported(guarded, getattr(guarded._guarded, name))


def _reported(guarded: Driven, method: Callable[..., Any]) -> Callable[..., Any]:
    name = method.__name__

    @wraps(method)
    def passed_on(*args: Any, **kwargs: Any) -> Any:
        with guarded._guard.passing(name, collection_of(args, kwargs)):
            return method(*args, **kwargs)

    @wraps(method)
    async def passed_on_async(*args: Any, **kwargs: Any) -> Any:
        with guarded._guard.passing(name, collection_of(args, kwargs)):
            return await method(*args, **kwargs)

    return passed_on_async if inspect.iscoroutinefunction(method) else passed_on
