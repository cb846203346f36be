"""The route class that reads JSON bodies strictly."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from ..core.errors import InputError
from .errors import error_response
from .strict_json import parse_object

_WITH_BODY = {"POST", "PUT", "PATCH"}


class _ParsedRequest(Request):
    """A request whose JSON has been read already, so that the framework does not read it again."""

    parsed: Any = None

    async def json(self) -> Any:
        """Return the parsed body."""
        return self.parsed


class StrictJsonRoute(APIRoute):
    """Refuses bodies other than ``application/json`` (415) or that `parse_object` refuses (400)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the strict reading before the usual one."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if not (self.methods or set()) & _WITH_BODY:
                return await handle(request)
            if not _is_json(request):
                raise HTTPException(415, "send the body as application/json")
            read = _ParsedRequest(request.scope, request.receive)
            try:
                read.parsed = parse_object(await read.body())
            except InputError as error:
                return error_response(400, "InputError", str(error))
            return await handle(read)

        return strict


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"
