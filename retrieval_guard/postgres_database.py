"""A PostgreSQL database in which every transaction is one tenant's, over one pool for all.

The tenant is set for the transaction alone and before its first statement, so a pooled connection
keeps nobody's name. Without a context, and outside a transaction, the database shows no rows.
"""

from __future__ import annotations

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ..core.errors import IsolationError
from ..tenancy import TenantContext
from .postgres_proof import checked_key, tenant_proof

_OPTION = "ragbastion_context"
_WHERE = text("SELECT pg_backend_pid(), extract(epoch FROM now())::text")
_SET = text(
    "SELECT set_config('ragbastion.tenant', :tenant, true), "
    "set_config('ragbastion.proof', :proof, true)"
)


class TenantDatabase:
    """The application's connections, from which each tenant's engine is made.

    ``url`` names the application's role, never the table's owner; ``key`` is the one given to
    `set_up_row_security`. Connects on first use; ``pool_size`` holds for all tenants together.
    """

    def __init__(self, url: str | URL, key: bytes, *, pool_size: int = 5) -> None:
        self._key = checked_key(key)
        self._engine = create_engine(url, pool_size=pool_size)
        twin = make_url(url).set(drivername="postgresql+asyncpg")
        self._async_engine = create_async_engine(twin, pool_size=pool_size)
        for engine in (self._engine, self._async_engine.sync_engine):
            event.listen(engine, "begin", self._begin)

    def engine(self, context: TenantContext | None) -> Engine:
        """Return the tenant's engine, which shares the pool; nobody's for None, which sees no row.

        A transaction that it begins after the context has expired raises `CredentialError`.
        """
        return self._engine.execution_options(**{_OPTION: _checked(context)})

    def async_engine(self, context: TenantContext | None) -> AsyncEngine:
        """Return the tenant's asyncio engine, over asyncpg; as `engine` in all else."""
        return self._async_engine.execution_options(**{_OPTION: _checked(context)})

    def close(self) -> None:
        """Close the pool of `engine`; connections of `async_engine` are closed by `aclose`."""
        self._engine.dispose()

    async def aclose(self) -> None:
        """Close both pools."""
        self._engine.dispose()
        await self._async_engine.dispose()

    def _begin(self, connection: Connection) -> None:
        context = _checked(connection.get_execution_options().get(_OPTION))
        tenant = proof = ""
        if context is not None:
            context.require_active()
            tenant = context.tenant
            backend, started = connection.execute(_WHERE).one()
            proof = tenant_proof(self._key, backend, started, tenant)
        connection.execute(_SET, {"tenant": tenant, "proof": proof})


def _checked(context: object) -> TenantContext | None:
    if context is not None and not isinstance(context, TenantContext):
        raise IsolationError("tenant's engine refused: it needs a TenantContext")
    return context
