"""Row-level security for a pgvector table: PostgreSQL itself shows each tenant its own rows only.

- INVARIANT: the application's role neither owns the table nor bypasses its policy, so any SQL it
  runs, injected or not, is held to the tenant of its transaction; no tenant, no rows.
- INVARIANT: the tenant of a transaction is believed only with a proof that `TenantDatabase` made
  for this very transaction, so SQL that sets another name sees nothing.

The table has the columns of LlamaIndex's `PGVectorStore`, and a ``tenant`` that fills itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ..core.errors import IsolationError, StoreError, UsageError
from .postgres_proof import hmac_pads

# PostgreSQL cuts names at 63 bytes; the longest made here is data_{table}_tenant_node.
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_MAX_DIMENSION = 16_000  # pgvector's limit for the type vector

# pg_catalog alone: a function or operator of a caller's own schema is not taken for the built-in.
_TENANT_FUNCTION = """
CREATE OR REPLACE FUNCTION ragbastion.tenant() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT claim.tenant
    FROM (SELECT current_setting('ragbastion.tenant', true) AS tenant,
                 current_setting('ragbastion.proof', true) AS proof) AS claim,
         ragbastion.tenant_key AS key
    WHERE claim.tenant <> '' AND sha256(convert_to(claim.proof, 'UTF8')) = sha256(convert_to(
        encode(sha256(key.outer_pad || sha256(key.inner_pad || convert_to(
            pg_backend_pid()::text || '/' || extract(epoch FROM now())::text || '/' || claim.tenant,
            'UTF8'))), 'hex'), 'UTF8'))
$$
"""
_KEY_TABLE = """
CREATE TABLE IF NOT EXISTS ragbastion.tenant_key (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    inner_pad bytea NOT NULL,
    outer_pad bytea NOT NULL
)
"""
_COMMON = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    "CREATE SCHEMA IF NOT EXISTS ragbastion",
    _KEY_TABLE,
)
_KEY_ROW = """
INSERT INTO ragbastion.tenant_key (inner_pad, outer_pad) VALUES (:inner, :outer)
ON CONFLICT (only_row) DO UPDATE
SET inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad
"""
_ROLE = """
SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication AS above FROM pg_roles
WHERE rolname = :role
"""
# Any role that the named one may become counts: SET ROLE would take its rights.
_STATE = """
SELECT c.relrowsecurity AND c.relforcerowsecurity AS forced,
       pg_has_role(current_user, c.relowner, 'MEMBER') AS owned,
       EXISTS (SELECT FROM pg_roles r WHERE (r.rolsuper OR r.rolbypassrls)
               AND pg_has_role(current_user, r.oid, 'MEMBER')) AS above,
       has_table_privilege(current_user, c.oid, 'TRUNCATE') AS truncates,
       ARRAY(SELECT polname::text FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
FROM pg_class c WHERE c.oid = to_regclass(:table)
"""
_POLICY = "ragbastion_tenant"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantTable:
    """A pgvector table of many tenants: LlamaIndex's ``table_name``, dimension and schema.

    Names are lower-case letters, digits and ``_``, at most 40. Raises `UsageError` for any other.
    """

    name: str
    dimension: int
    schema: str = "public"

    def __post_init__(self) -> None:
        for name in (self.name, self.schema):
            _require_name(name)
        if not 1 <= self.dimension <= _MAX_DIMENSION:
            raise UsageError(f"dimension must be from 1 to {_MAX_DIMENSION}")

    @property
    def qualified(self) -> str:
        """The table as SQL names it; `PGVectorStore` puts ``data_`` before its ``table_name``."""
        return f'"{self.schema}"."data_{self.name}"'


def set_up_row_security(owner: Engine, table: TenantTable, *, role: str, key: bytes) -> None:
    """Create table, role, policy and key, or bring them to this state; safe to run again.

    ``owner`` connects as the table's owner, who may create roles and the extension ``vector``.
    ``role`` is what the application connects as; a new one has no password yet. ``key`` is at least
    32 secret bytes, the same for every table of the database and for `TenantDatabase`; running with
    another replaces it. Raises `IsolationError` for a role that row-level security does not bind.
    """
    _require_name(role)
    inner, outer = hmac_pads(key)
    with _told("set up"), owner.begin() as connection:
        _make_role(connection, role)
        for statement in _COMMON:
            connection.exec_driver_sql(statement)
        connection.execute(text(_KEY_ROW), {"inner": inner, "outer": outer})
        for statement in (_TENANT_FUNCTION, *_table_statements(table, role)):
            connection.exec_driver_sql(statement)


def require_row_security(engine: Engine, table: TenantTable) -> None:
    """Raise `IsolationError` unless the engine's role is bound by the table's policy.

    Call it when an application starts: a role with too many rights works as well as the right one,
    and leaks.
    """
    with _told("check"), engine.connect() as connection:
        state = connection.execute(text(_STATE), {"table": table.qualified}).one_or_none()
    if state is None:
        raise StoreError(f"table {table.qualified} does not exist: run set_up_row_security")
    wrong = [
        reason
        for reason, found in (
            ("the table does not force row-level security", not state.forced),
            (f"its policies are not '{_POLICY}' alone", state.policies != [_POLICY]),
            ("the role owns the table", state.owned),
            ("the role bypasses row-level security", state.above),
            ("the role may truncate the table", state.truncates),
        )
        if found
    ]
    if wrong:
        raise IsolationError(
            f"table {table.qualified} refused: {'; '.join(wrong)}; run set_up_row_security and "
            "connect as the application's role"
        )


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn the database's errors into `StoreError` with PostgreSQL's code alone."""
    try:
        yield
    except SQLAlchemyError as error:
        code = getattr(getattr(error, "orig", None), "pgcode", None) or type(error).__name__
        raise StoreError(
            f"cannot {what} row-level security: PostgreSQL error {code}; see the server's log"
        ) from error


def _make_role(connection: Connection, role: str) -> None:
    known = connection.execute(text(_ROLE), {"role": role}).one_or_none()
    if known is None:
        connection.execute(
            text(f'CREATE ROLE "{role}" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE')
        )
    elif known.above:
        raise IsolationError(
            f"role '{role}' refused: it is a superuser, bypasses row-level security, replicates or "
            "makes roles; name one of its own for the application"
        )


def _table_statements(table: TenantTable, role: str) -> list[str]:
    name, index = table.qualified, f"data_{table.name}"
    own = "tenant = (SELECT ragbastion.tenant())"  # A subquery: once a statement, not once a row.
    return [
        f'CREATE SCHEMA IF NOT EXISTS "{table.schema}"',
        f"""CREATE TABLE IF NOT EXISTS {name} (
            id bigserial PRIMARY KEY,
            text varchar NOT NULL,
            metadata_ json,
            node_id varchar NOT NULL,
            embedding vector({table.dimension}),
            tenant text NOT NULL DEFAULT ragbastion.tenant() CHECK (tenant <> '')
        )""",
        # With the tenant in front, an id that another tenant has is neither refused nor revealed.
        f'CREATE UNIQUE INDEX IF NOT EXISTS "{index}_tenant_node" ON {name} (tenant, node_id)',
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS {_POLICY} ON {name}",
        f"CREATE POLICY {_POLICY} ON {name} USING ({own}) WITH CHECK ({own})",
        "REVOKE ALL ON ragbastion.tenant_key FROM PUBLIC",
        f'REVOKE ALL ON ragbastion.tenant_key FROM "{role}"',
        f'GRANT USAGE ON SCHEMA ragbastion, "{table.schema}" TO "{role}"',
        # Not TRUNCATE, REFERENCES or TRIGGER: row-level security does not hold for these.
        f'REVOKE ALL ON {name} FROM PUBLIC, "{role}"',
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO "{role}"',
        f'GRANT USAGE ON SEQUENCE "{table.schema}"."{index}_id_seq" TO "{role}"',
    ]


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError("name refused: use at most 40 lower-case letters, digits and _")
