"""From an error to an HTTP answer: ``{"error": {"type", "message"}}`` with the fitting status.

- INVARIANT: no answer holds text of a request, a document or a traceback.
- INVARIANT: what failed on our side is told in general words; paths and causes are for the log.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ..core.errors import (
    AccessError,
    CollectionNotFoundError,
    CredentialError,
    DetectorError,
    ErasedTenantError,
    InputError,
    IntegrityError,
    LimitError,
    MissingExtraError,
    ModelMismatchError,
    QuotaError,
    RagbastionError,
    SettingsError,
    StoreError,
    UnknownTenantError,
    UsageError,
)

_LOGGER = logging.getLogger("ragbastion.gateway")

_MAX_PROBLEMS = 10
_MAX_NAME_CHARS = 64

# The first class that fits decides, so children stand before their parents.
_STATUS: tuple[tuple[type[RagbastionError], HTTPStatus], ...] = (
    (SettingsError, HTTPStatus.INTERNAL_SERVER_ERROR),
    (UsageError, HTTPStatus.BAD_REQUEST),
    (LimitError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (CredentialError, HTTPStatus.UNAUTHORIZED),
    (QuotaError, HTTPStatus.TOO_MANY_REQUESTS),
    (AccessError, HTTPStatus.FORBIDDEN),
    (IntegrityError, HTTPStatus.CONFLICT),
    (CollectionNotFoundError, HTTPStatus.NOT_FOUND),
    (UnknownTenantError, HTTPStatus.NOT_FOUND),
    (ModelMismatchError, HTTPStatus.CONFLICT),
    (ErasedTenantError, HTTPStatus.GONE),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (DetectorError, HTTPStatus.SERVICE_UNAVAILABLE),
    (MissingExtraError, HTTPStatus.SERVICE_UNAVAILABLE),
)

# In place of our own messages, which may name paths of this machine.
_GENERAL = {
    HTTPStatus.NOT_FOUND: "there is no such collection, or it holds nothing of the tenant",
    HTTPStatus.INTERNAL_SERVER_ERROR: "the service failed; the log has the reason",
    HTTPStatus.SERVICE_UNAVAILABLE: "the service cannot answer now; the log has the reason",
}


def error_response(
    status: int, kind: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the answer of every refusal."""
    extra = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        extra.setdefault("Retry-After", "1")
    return JSONResponse({"error": {"type": kind, "message": message}}, status, headers=extra)


def refusal(error: RagbastionError) -> JSONResponse:
    """Return the answer for an error of ours."""
    fits = (status for kind, status in _STATUS if isinstance(error, kind))
    status = next(fits, HTTPStatus.INTERNAL_SERVER_ERROR)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOGGER.error("%s: %s", type(error).__name__, error)
    message = _GENERAL.get(status, str(error))
    return error_response(status, type(error).__name__, message, _retry_after(error))


def _retry_after(error: RagbastionError) -> dict[str, str]:
    """Return the header that says when the call can pass (RFC 9110, 10.2.3), if waiting helps."""
    if not isinstance(error, QuotaError) or error.retry_after_s is None:
        return {}
    # Whole seconds, rounded up: a client that waits them finds the call allowed.
    return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}


def install(app: FastAPI) -> None:
    """Add the handlers to the app."""
    app.add_exception_handler(RagbastionError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RagbastionError)  # noqa: S101 - narrows for the type checker
    return refusal(error)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """Say which fields are wrong and how; never what they held."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems = [f"{_place(item['loc'])}: {item['msg']}" for item in error.errors()[:_MAX_PROBLEMS]]
    return error_response(422, "InputError", "; ".join(problems))


def _place(location: tuple[object, ...]) -> str:
    return ".".join(str(part)[:_MAX_NAME_CHARS] for part in location)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.title().replace(" ", "")
    return error_response(error.status_code, kind, str(error.detail), error.headers)


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    """Answer in general words; the framework logs the traceback on the server's side."""
    message = _GENERAL[HTTPStatus.INTERNAL_SERVER_ERROR]
    _LOGGER.error("unexpected %s", type(error).__name__)
    return error_response(500, "InternalError", message)
