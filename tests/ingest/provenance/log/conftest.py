"""Logs to append to, and to tamper with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ragbastion.ingest.provenance.log import LogEntry, NoteSigner, TransparencyLog
from ragbastion.ingest.provenance.log.database import LogDatabase, SqliteLogDatabase
from ragbastion.ingest.provenance.log.seen import SeenCheckpoint
from ragbastion.ingest.provenance.log.storage import LogStorage
from ragbastion.ingest.provenance.log.transparency_log import LogParts

from ....retrieval_guard.postgres_server import PostgresServer, programs

ORIGIN = "log.example/test"
START_S = 1_700_000_000


def signer(name: str = ORIGIN, seed: int = 1) -> NoteSigner:
    """Return a signer whose key is always the same."""
    return NoteSigner(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def entry(at: int) -> LogEntry:
    """Return a distinct entry, dated one second after the one before it."""
    return LogEntry(kind="test.added", subject=f"test/{at}", time_s=START_S + at, record="ab")


@dataclass
class Clock:
    """A clock that a test sets."""

    now_s: float = START_S

    def __call__(self) -> float:
        """Return the time that was set."""
        return self.now_s


@dataclass
class LogFiles:
    """A log in a folder, which can be opened again and written behind its back."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    opened: list[TransparencyLog] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The log's database."""
        return self.folder / "log.db"

    @property
    def seen_path(self) -> Path:
        """The file of the newest checkpoint that was seen."""
        return self.folder / "log.seen"

    def database(self) -> LogDatabase:
        """Open the database alone."""
        return SqliteLogDatabase(self.path)

    def open(self) -> TransparencyLog:
        """Open the log, which is closed with the test."""
        own = signer()
        log = TransparencyLog(
            LogParts(
                storage=LogStorage(self.database()),
                signer=own,
                seen=SeenCheckpoint(self.seen_path, own.key),
                clock=self.clock,
            )
        )
        self.opened.append(log)
        return log

    def sql(self, *statements: str) -> None:
        """Run statements on the file, as somebody would who can write it."""
        with sqlite3.connect(self.path) as database:
            for statement in statements:
                database.execute(statement)
        database.close()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LogFiles]:
    """The files of a log; every log that a test opens on them is closed."""
    made = LogFiles(tmp_path)
    yield made
    for log in made.opened:
        log.storage.close()


@pytest.fixture
def log(files: LogFiles) -> TransparencyLog:
    """An empty log."""
    return files.open()


Fill = Callable[[int], TransparencyLog]


@pytest.fixture
def fill(files: LogFiles) -> Fill:
    """Return a log with so many entries, three at a time, closed and opened again."""

    def call(count: int) -> TransparencyLog:
        made = files.open()
        for start in range(0, count, 3):
            entries = [entry(at) for at in range(start, min(start + 3, count))]
            made.append([e.as_bytes() for e in entries], [e.subject for e in entries])
        made.close()
        return files.open()

    return call


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, for as long as the tests run."""
    programs()
    pytest.importorskip("psycopg2", reason="needs pip install 'ragbastion[postgres]'")
    server = PostgresServer()
    yield server
    server.stop()


Connect = Callable[[], LogDatabase]


@pytest.fixture(params=["sqlite", "postgres"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    """Connects to an empty database of each kind; what is connected is closed with the test."""
    made: list[LogDatabase] = []
    if request.param == "postgres":
        from ragbastion.ingest.provenance.log.postgres import PostgresLogDatabase

        server: PostgresServer = request.getfixturevalue("postgres")
        with server.owner.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")

    def call() -> LogDatabase:
        if request.param == "sqlite":
            made.append(SqliteLogDatabase(tmp_path / "log.db"))
        else:
            made.append(PostgresLogDatabase(server.url("postgres")))
        return made[-1]

    yield call
    for each in made:
        each.close()


@pytest.fixture
def database(connect: Connect) -> LogDatabase:
    """An empty database of each kind."""
    return connect()
