"""LlamaIndex's `PGVectorStore` on a table with row-level security, for one tenant."""

from __future__ import annotations

from llama_index.vector_stores.postgres import (  # pyright: ignore[reportMissingImports]
    PGVectorStore,
)

from ..tenancy import TenantContext
from .postgres_database import TenantDatabase
from .postgres_row_security import TenantTable


def tenant_vector_store(
    database: TenantDatabase, table: TenantTable, context: TenantContext
) -> PGVectorStore:
    """Return the tenant's store on the table; the database holds it, and the pool, to the tenant.

    To be wrapped in `GuardedVectorStore`, which also verifies. Makes no table: that is
    `set_up_row_security`'s, as the owner.
    """
    return PGVectorStore(
        engine=database.engine(context),
        async_engine=database.async_engine(context),
        table_name=table.name,
        schema_name=table.schema,
        embed_dim=table.dimension,
        perform_setup=False,
    )
