"""State files survive kills, refuse when full or locked, and belong to their owner."""

import sqlite3
import stat
from pathlib import Path

import pytest
from ragbastion.core.errors import StoreError, StoreFullError
from ragbastion.core.sqlite import as_store_error, open_database, transaction

_SCHEMA = "CREATE TABLE IF NOT EXISTS t (x TEXT)"


def test_file_is_owner_only(tmp_path: Path) -> None:
    """A state file is made readable by its owner alone."""
    open_database(tmp_path / "s" / "a.db", _SCHEMA).close()
    assert stat.S_IMODE((tmp_path / "s" / "a.db").stat().st_mode) == 0o600


def test_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """An error inside the block rolls all of it back."""
    database = open_database(tmp_path / "a.db", _SCHEMA)
    with pytest.raises(KeyError), transaction(database):
        _insert_and_fail(database)
    assert database.execute("SELECT COUNT(*) FROM t").fetchone()[0] == 0
    database.close()


def _insert_and_fail(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO t VALUES ('x')")
    raise KeyError


def test_full_disk_is_named(tmp_path: Path) -> None:
    """When no page can be added, the error says so and what was there stays."""
    database = open_database(tmp_path / "a.db", _SCHEMA)
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFullError, match="no space is left"), transaction(database):
        database.execute("INSERT INTO t VALUES (?)", ("x" * 100_000,))
    assert database.execute("SELECT COUNT(*) FROM t").fetchone()[0] == 0
    database.close()


def test_other_file_is_refused(tmp_path: Path) -> None:
    """A file that is no database is an error that names it, and is left alone."""
    (tmp_path / "a.db").write_bytes(b"not a database, surely" * 100)
    with pytest.raises(StoreError, match=r"a\.db"):
        open_database(tmp_path / "a.db", _SCHEMA)
    assert (tmp_path / "a.db").read_bytes().startswith(b"not a database")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (sqlite3.DatabaseError("file is not a database"), "restore it"),
        (sqlite3.DatabaseError("database disk image is malformed"), "restore it"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "may write"),
        (PermissionError(13, "Permission denied", "a.db"), "may write"),
        (sqlite3.OperationalError("disk I/O error"), "full"),
    ],
)
def test_an_error_says_what_to_do(error: OSError | sqlite3.Error, advice: str) -> None:
    """Whatever the cause, beside the file and SQLite's own words."""
    told = str(as_store_error(error, Path("a.db")))
    assert "'a.db' cannot be used: " in told
    assert advice in told


def test_two_connections_share_a_file(tmp_path: Path) -> None:
    """What one process commits the other reads."""
    one, two = (open_database(tmp_path / "a.db", _SCHEMA) for _ in range(2))
    with transaction(one):
        one.execute("INSERT INTO t VALUES ('x')")
    assert two.execute("SELECT x FROM t").fetchone()["x"] == "x"
    for each in (one, two):
        each.close()


def test_foreign_errors_do_not_leave(tmp_path: Path) -> None:
    """An SQL error inside a transaction leaves as ours."""
    database = open_database(tmp_path / "a.db", _SCHEMA)
    with pytest.raises(StoreError), transaction(database):
        database.execute("INSERT INTO absent VALUES (1)")
    assert not isinstance(StoreError("x"), sqlite3.Error)
    database.close()
