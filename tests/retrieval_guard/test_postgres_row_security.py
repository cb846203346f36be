"""PostgreSQL with row-level security: raw SQL of the application's role sees its tenant only."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ragbastion.core.errors import CredentialError, IsolationError, StoreError, UsageError
from ragbastion.retrieval_guard.postgres_database import TenantDatabase
from ragbastion.retrieval_guard.postgres_row_security import (
    TenantTable,
    require_row_security,
    set_up_row_security,
)
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from .conftest import context
from .postgres_server import PostgresServer

KEY = b"k" * 32
ROLE = "app"
TABLE = TenantTable(name="notes", dimension=2)
ACME, GLOBEX = context(tenant="acme"), context(tenant="globex")
INSERT = "INSERT INTO data_notes (text, node_id, embedding) VALUES (:text, 'n1', '[1,0]')"


@pytest.fixture
def owner(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A server with an empty table under row-level security."""
    set_up_row_security(postgres.owner, TABLE, role=ROLE, key=KEY)
    yield postgres
    with postgres.owner.begin() as connection:
        connection.execute(text("DROP TABLE data_notes"))


@pytest.fixture
def database(owner: PostgresServer) -> Iterator[TenantDatabase]:
    """The application's database with a row of acme and one of globex, and a pool of one."""
    database = TenantDatabase(owner.url(ROLE), KEY, pool_size=1)
    for who in (ACME, GLOBEX):
        with database.engine(who).begin() as connection:
            connection.execute(text(INSERT), {"text": f"of {who.tenant}"})
    yield database
    asyncio.run(database.aclose())


def texts(connection: Connection) -> list[str]:
    """Return the texts that raw SQL without any filter sees."""
    return list(connection.execute(text("SELECT text FROM data_notes")).scalars())


def test_raw_sql_sees_its_tenant_only(database: TenantDatabase) -> None:
    """The same statement, without any filter, shows each tenant its own row."""
    seen = {}
    for who in (ACME, GLOBEX, ACME):
        with database.engine(who).begin() as connection:
            seen[who.tenant] = texts(connection)
    assert seen == {"acme": ["of acme"], "globex": ["of globex"]}


def test_no_tenant_sees_no_rows(database: TenantDatabase) -> None:
    """A transaction of nobody, on a connection that was a tenant's before, sees nothing."""
    with database.engine(None).begin() as connection:
        assert texts(connection) == []


def test_a_connection_past_the_hook_sees_no_rows(
    owner: PostgresServer, database: TenantDatabase
) -> None:
    """The role itself has no rows: a tool that connects with its password sees none."""
    from sqlalchemy import create_engine

    bare = create_engine(owner.url(ROLE))
    with bare.begin() as connection:
        assert texts(connection) == []
    bare.dispose()


@pytest.mark.parametrize("local", ["true", "false"])
def test_sql_cannot_change_the_tenant(database: TenantDatabase, local: str) -> None:
    """Injected SQL that names another tenant loses its own rows and gains none."""
    with database.engine(ACME).connect() as connection:
        connection.execute(text(f"SELECT set_config('ragbastion.tenant', 'globex', {local})"))
        assert texts(connection) == []
        connection.commit()
    with database.engine(ACME).connect() as connection:
        assert texts(connection) == ["of acme"]


def test_a_proof_holds_for_its_transaction_only(database: TenantDatabase) -> None:
    """A proof that was seen cannot be used in the next transaction of the same connection."""
    with database.engine(GLOBEX).begin() as connection:
        proof = connection.execute(text("SELECT current_setting('ragbastion.proof')")).scalar_one()
    time.sleep(0.001)
    replay = text(
        "SELECT set_config('ragbastion.tenant', 'globex', true), "
        "set_config('ragbastion.proof', :proof, true)"
    )
    with database.engine(ACME).begin() as connection:
        connection.execute(replay, {"proof": proof})
        assert texts(connection) == []


def test_a_session_setting_does_not_outlive_its_tenant(database: TenantDatabase) -> None:
    """A session-wide setting left on the one pooled connection gives the next tenant nothing."""
    with database.engine(GLOBEX).connect() as connection:
        connection.execute(text("SELECT set_config('ragbastion.tenant', 'globex', false)"))
        connection.commit()
    autocommit = database.engine(None).execution_options(isolation_level="AUTOCOMMIT")
    with autocommit.connect() as connection:
        assert texts(connection) == []


def test_a_row_cannot_be_written_for_another_tenant(database: TenantDatabase) -> None:
    """INSERT and UPDATE that name another tenant are refused by the policy."""
    named = "INSERT INTO data_notes (text, node_id, tenant) VALUES ('x', 'n2', 'globex')"
    for statement in (named, "UPDATE data_notes SET tenant = 'globex'"):
        with (
            pytest.raises(DBAPIError, match="row-level security"),
            database.engine(ACME).begin() as connection,
        ):
            connection.execute(text(statement))


def test_foreign_rows_are_not_changed_or_deleted(database: TenantDatabase) -> None:
    """UPDATE and DELETE without a condition reach the own rows only, and count no others."""
    with database.engine(ACME).begin() as connection:
        changed = connection.execute(text("UPDATE data_notes SET text = 'changed'")).rowcount
        deleted = connection.execute(text("DELETE FROM data_notes")).rowcount
    with database.engine(GLOBEX).begin() as connection:
        assert (changed, deleted, texts(connection)) == (1, 1, ["of globex"])


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE data_notes",
        "ALTER TABLE data_notes DISABLE ROW LEVEL SECURITY",
        "DROP POLICY ragbastion_tenant ON data_notes",
        "SELECT * FROM ragbastion.tenant_key",
        "SET ROLE postgres",
        "CREATE OR REPLACE FUNCTION ragbastion.tenant() RETURNS text LANGUAGE sql RETURN ''",
    ],
)
def test_the_role_cannot_lift_its_bounds(database: TenantDatabase, statement: str) -> None:
    """What would go round the policy is not the application's to run."""
    with (
        pytest.raises(DBAPIError, match=r"permission denied|must be owner"),
        database.engine(ACME).begin() as connection,
    ):
        connection.exec_driver_sql(statement)


def test_a_failing_cast_does_not_quote_a_foreign_row(database: TenantDatabase) -> None:
    """An error raised by a filter names the own value: foreign rows are never computed on."""
    with (
        pytest.raises(DBAPIError, match="of acme") as raised,
        database.engine(ACME).begin() as connection,
    ):
        connection.execute(text("SELECT 1 FROM data_notes WHERE text::float > 0"))
    assert "globex" not in str(raised.value)


def test_the_owner_is_held_too(owner: PostgresServer, database: TenantDatabase) -> None:
    """FORCE: an owner who is no superuser sees no rows either."""
    with owner.owner.begin() as connection:
        connection.execute(text("CREATE ROLE keeper NOSUPERUSER"))
        connection.execute(text("GRANT CREATE, USAGE ON SCHEMA public, ragbastion TO keeper"))
        connection.execute(text("ALTER TABLE data_notes OWNER TO keeper"))
        connection.execute(text("SET LOCAL ROLE keeper"))
        assert texts(connection) == []
        connection.execute(text("RESET ROLE"))
        connection.execute(text("ALTER TABLE data_notes OWNER TO postgres"))
        connection.execute(text("DROP OWNED BY keeper"))
        connection.execute(text("DROP ROLE keeper"))


def test_another_key_sees_no_rows(owner: PostgresServer, database: TenantDatabase) -> None:
    """An application that holds another key can speak for no tenant."""
    stranger = TenantDatabase(owner.url(ROLE), b"x" * 32)
    with stranger.engine(ACME).begin() as connection:
        assert texts(connection) == []
    stranger.close()


def test_setting_up_again_can_replace_the_key(
    owner: PostgresServer, database: TenantDatabase
) -> None:
    """The set-up is repeatable, keeps the rows, and rotates the key."""
    set_up_row_security(owner.owner, TABLE, role=ROLE, key=b"n" * 80)
    renewed = TenantDatabase(owner.url(ROLE), b"n" * 80)
    with renewed.engine(ACME).begin() as new, database.engine(ACME).begin() as old:
        assert (texts(new), texts(old)) == (["of acme"], [])
    renewed.close()


def test_asyncio_is_held_to_the_tenant(database: TenantDatabase) -> None:
    """The asyncio engine opens its transactions as the tenant too."""

    async def seen() -> list[str]:
        async with database.async_engine(GLOBEX).begin() as connection:
            return list(await connection.run_sync(texts))

    async def main() -> list[str]:
        try:
            return await seen()
        finally:
            await database.aclose()

    assert asyncio.run(main()) == ["of globex"]


def test_an_expired_context_begins_nothing(database: TenantDatabase) -> None:
    """A transaction of an expired context is not opened."""
    with (
        pytest.raises(CredentialError),
        database.engine(context(expires_at=1.0)).connect() as open_,
    ):
        texts(open_)


def test_an_engine_needs_a_context(database: TenantDatabase) -> None:
    """A tenant's name alone, which may come from anywhere, makes no engine."""
    with pytest.raises(IsolationError, match="needs a TenantContext"):
        database.engine("acme")  # type: ignore[arg-type]


def test_the_right_role_is_let_in(owner: PostgresServer, database: TenantDatabase) -> None:
    """The start-up check accepts the application's role."""
    require_row_security(database.engine(None), TABLE)


def test_a_role_with_too_many_rights_is_found(owner: PostgresServer) -> None:
    """The start-up check refuses the owner, and names what is wrong."""
    with pytest.raises(IsolationError, match="owns the table; the role bypasses"):
        require_row_security(owner.owner, TABLE)


def test_a_loosened_table_is_found(owner: PostgresServer, database: TenantDatabase) -> None:
    """A second policy, which would be joined by OR, is found at the start."""
    with owner.owner.begin() as connection:
        connection.execute(text("CREATE POLICY wide ON data_notes USING (true)"))
    with pytest.raises(IsolationError, match="alone"):
        require_row_security(database.engine(None), TABLE)


def test_a_missing_table_is_told(database: TenantDatabase) -> None:
    """Without the table there is nothing to check, and that is an error."""
    with pytest.raises(StoreError, match="run set_up_row_security"):
        require_row_security(database.engine(None), TenantTable(name="absent", dimension=2))


def test_a_table_of_other_columns_is_told(owner: PostgresServer) -> None:
    """A table that stands there without a tenant column is an error, and is left alone."""
    with owner.owner.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS data_plain (id int)"))
    with pytest.raises(StoreError, match="42703"):
        set_up_row_security(owner.owner, TenantTable(name="plain", dimension=2), role=ROLE, key=KEY)


def test_a_superuser_is_no_application_role(owner: PostgresServer) -> None:
    """A role that row-level security does not bind is refused before anything is granted."""
    with pytest.raises(IsolationError, match="superuser"):
        set_up_row_security(owner.owner, TABLE, role="postgres", key=KEY)


@pytest.mark.parametrize("name", ["Notes", 'a"b', "a;b", "", "x" * 41, "1a"])
def test_only_plain_names_reach_sql(name: str) -> None:
    """Names go into statements as text, so only harmless ones are taken."""
    with pytest.raises(UsageError, match="name refused"):
        TenantTable(name=name, dimension=2)


def test_a_short_key_is_refused() -> None:
    """A key that can be guessed would let SQL speak for any tenant."""
    with pytest.raises(UsageError, match="at least 32"):
        TenantDatabase("postgresql+psycopg2://app@/postgres", b"short")


def test_the_documented_set_up_runs(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two examples of docs/tenancy_stores.md, against this server."""
    page = (Path(__file__).parents[2] / "docs" / "tenancy_stores.md").read_text()
    for name, value in (
        ("TENANT_KEY", KEY.hex()),
        ("OWNER_URL", postgres.url("postgres")),
        ("APP_URL", postgres.url("rag_app")),
    ):
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {"context": ACME}
    for example in re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(example, names)
    assert names["inner"].get_nodes(["absent"]) == []
    names["database"].close()
