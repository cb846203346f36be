"""``/healthz`` for liveness, open to all, and ``/readyz`` for readiness."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from .readiness import Readiness
from .security import BEARER


def probe_router(readiness: Readiness) -> APIRouter:
    """Return the routes that orchestrators call."""
    router = APIRouter(tags=["probes"])

    @router.get("/healthz")
    @router.head("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok"}

    @router.get("/readyz", dependencies=[BEARER])
    def readyz() -> JSONResponse:
        """Say whether models are loaded, and store and audit log reachable; 503 if not."""
        checks = readiness.checks()
        ready = all(checks.values())
        return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)

    return router
