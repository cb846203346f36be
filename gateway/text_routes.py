"""Checks of one text, the same for every caller: scan, strip, neutralise, redact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from .contract import (
    Fields,
    neutralised_fields,
    redacted_fields,
    stripped_fields,
    verdict_fields,
)
from .json_route import StrictJsonRoute
from .schemas import RedactBody, TextBody
from .security import BEARER

if TYPE_CHECKING:
    from ..retrieval_guard import Guard


def text_router(guard: Guard) -> APIRouter:
    """Return the routes; thresholds are the service's settings, no caller can loosen them."""
    router = APIRouter(
        prefix="/v1", tags=["texts"], route_class=StrictJsonRoute, dependencies=[BEARER]
    )

    @router.post("/scan", response_model=None)
    def scan(body: TextBody) -> Fields:
        """Return how likely a text holds instructions aimed at the model, and where."""
        return verdict_fields(body.id, guard.scanner.scan(body.text))

    @router.post("/strip", response_model=None)
    def strip(body: TextBody) -> Fields:
        """Return a text without such instructions, and where in the input they stood."""
        threshold = guard.settings.retrieval.strip_threshold
        return stripped_fields(body.id, guard.scanner.strip(body.text, threshold))

    @router.post("/neutralise", response_model=None)
    def neutralise(body: TextBody) -> Fields:
        """Return a text with such instructions marked as quoted data, and where they stood."""
        threshold = guard.settings.retrieval.strip_threshold
        return neutralised_fields(body.id, guard.scanner.neutralise(body.text, threshold))

    @router.post("/redact", response_model=None)
    def redact(body: RedactBody) -> Fields:
        """Return a text with personal data masked, and where in the input it stood."""
        return redacted_fields(body.id, guard.redactor.redact(body.text, body.entities))

    return router
