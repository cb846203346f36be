"""The HTTP service as an app: what stands around the routes, and in which order.

    request ─► authentication ─► body limit ─► concurrency limit ─► strict JSON ─► route

So a stranger costs one hash, a large or slow body no slot, and a full service no parsing. There is
no CORS: browsers of other origins get nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from .action_routes import action_router
from .authentication import AuthenticationMiddleware, Authenticator
from .data_routes import data_router, file_router
from .document_routes import document_router
from .errors import install
from .limits import BodyLimitMiddleware, ConcurrencyMiddleware
from .probes import probe_router
from .readiness import Readiness
from .text_routes import text_router

if TYPE_CHECKING:
    from ..core.settings import Settings
    from ..retrieval_guard import Guard

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(guard: Guard, authenticator: Authenticator, settings: Settings) -> FastAPI:
    """Return the service over a guard, which it closes when it shuts down."""
    from .. import __version__

    readiness = Readiness(guard)
    app = FastAPI(
        title="ragbastion",
        description="The guard of the data layer of RAG systems.",
        version=__version__,
        lifespan=_lifespan(guard, readiness),
        # The pages load scripts from elsewhere, and a browser sends them no bearer key.
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(probe_router(readiness))
    for router in (text_router, data_router, file_router, document_router, action_router):
        app.include_router(router(guard))
    install(app)
    # The last one added stands outermost.
    limits = settings.gateway
    app.add_middleware(ConcurrencyMiddleware, limit=limits.max_concurrent_requests)
    app.add_middleware(BodyLimitMiddleware, max_bytes=limits.max_body_bytes)
    app.add_middleware(AuthenticationMiddleware, authenticator=authenticator)
    return app


def _lifespan(
    guard: Guard, readiness: Readiness
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        readiness.start()
        try:
            yield
        finally:
            readiness.stop()
            await run_in_threadpool(guard.close)

    return lifespan
