"""How OpenAPI describes keys and tokens; `AuthenticationMiddleware` is what asks for them."""

from __future__ import annotations

from fastapi import Security
from fastapi.security import HTTPBearer

BEARER = Security(
    HTTPBearer(
        scheme_name="bearer",
        description="A key of 'ragbastion keys', or a token of the configured issuer.",
        auto_error=False,
    )
)
