"""The route class that reads JSON bodies strictly."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from .strict_json import parse_object

_WITH_BODY = {"POST", "PUT", "PATCH"}


class _StrictRequest(Request):
    async def json(self) -> Any:
        """Return the body as a JSON object, or raise `InputError`."""
        return parse_object(await self.body())


class StrictJsonRoute(APIRoute):
    """Refuses a body that is not ``application/json``, and parses it with `parse_object`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the strict request in place of the usual one."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if (self.methods or set()) & _WITH_BODY and not _is_json(request):
                raise HTTPException(415, "send the body as application/json")
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"
