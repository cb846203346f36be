"""Makes confined methods public: as ones that wait for each call, or as ones that await it.

- INVARIANT: the steps of a method are the same in both; a driver adds, drops and alters no call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from types import NoneType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, get_args

from ...core.errors import UsageError
from ..client_calls import ClientCall, Steps, drive, drive_async
from .guard import TenantGuard
from .scope import TenantScope

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


class Driven(Protocol):
    """A public class: the guard that its calls pass, and the client that they are made on."""

    _guard: TenantGuard
    _guarded: Any


def blocking(
    confined: Callable[Concatenate[TenantScope, P], Steps[R]],
) -> Callable[Concatenate[Any, P], R]:
    """Return the confined method as one of a class, with the client's signature."""

    def method(self: Driven, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._guard.calling(confined.__name__, collection_of(args, kwargs)):
            scope = self._guard.scope
            steps = _begun(confined, scope, args, kwargs)
            return drive(steps, lambda asked: _made_now(self._guarded, scope.placed(asked)))

    return _as_public(method, confined)


def awaited(
    confined: Callable[Concatenate[TenantScope, P], Steps[R]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]:
    """Return the confined method as a coroutine function of a class."""

    async def method(self: Driven, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._guard.calling(confined.__name__, collection_of(args, kwargs)):
            scope = self._guard.scope
            steps = _begun(confined, scope, args, kwargs)
            return await drive_async(steps, lambda asked: scope.placed(asked).on(self._guarded))

    return _as_public(method, confined)


def _made_now(client: Any, request: ClientCall) -> Any:
    if inspect.iscoroutinefunction(getattr(client, request.method)):
        # The async client's uploads do not await; what must be looked up first cannot be.
        raise UsageError("upload refused: quotas and access look points up first; use upsert")
    return request.on(client)


def _begun(
    confined: Callable[..., Steps[R]],
    scope: TenantScope,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Steps[R]:
    try:
        # A generator's body runs later: only arguments that do not fit can fail here.
        return confined(scope, *args, **kwargs)
    except TypeError:
        raise UsageError(
            f"{confined.__name__} refused: its arguments are not those of the client's method"
        ) from None


def collection_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return the collection that a call names, or nothing."""
    name = args[0] if args else kwargs.get("collection_name")
    return name if isinstance(name, str) else ""


def _as_public(method: F, confined: Callable[..., Any]) -> F:
    public: Any = wraps(confined)(method)
    del public.__wrapped__
    public.__signature__ = _public_signature(confined)
    same: F = public
    return same


def _public_signature(confined: Callable[..., Any]) -> inspect.Signature:
    """Return the signature with ``self`` for the scope and the result for the steps."""
    inner = inspect.signature(confined, eval_str=True)
    _, *parameters = inner.parameters.values()
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    rest = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD, annotation=Any)
    *_, result = get_args(inner.return_annotation)
    return inspect.Signature(
        [itself, *parameters, rest],
        return_annotation=None if result is NoneType else result,
    )
