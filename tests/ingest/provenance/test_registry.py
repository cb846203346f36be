"""The registry migrates old files, keeps a key to one name, and notices every change."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ragbastion.core.chunk import Integrity
from ragbastion.core.errors import ProvenanceError, StoreError
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier, SourceRegistry
from ragbastion.ingest.provenance.registry_schema import BASE
from ragbastion.ingest.provenance.source_records import Revoked, SourceRecord, TrustTier

from .conftest import COLLECTION_UID, make_chunks


def _old_file(folder: Path) -> sqlite3.Connection:
    database = sqlite3.connect(folder / "provenance.db")
    database.executescript(BASE)
    return database


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a folder with a registry of version 1: two sources, and one of two keys revoked."""
    with _old_file(tmp_path) as database:
        database.execute("INSERT INTO sources VALUES ('acme', 'wiki', 1, 10.0)")
        database.execute("INSERT INTO sources VALUES ('acme', 'web', 0, 11.0)")
        database.execute(
            "INSERT INTO keys VALUES ('k1', 'acme', 'source/wiki', 'PEM', 10.0, NULL, NULL)"
        )
        database.execute(
            "INSERT INTO keys VALUES ('k2', 'acme', 'source/web', 'PEM', 11.0, 12.0, 'lost')"
        )
    database.close()
    return tmp_path


def test_sources_of_version_1_keep_their_trust(old: Path) -> None:
    """Trusted becomes internal, and untrusted stays untrusted."""
    found = {each.source: (each.tier, each.opened_at) for each in SourceRegistry(old).sources()}
    assert found == {"wiki": (TrustTier.INTERNAL, 10.0), "web": (TrustTier.UNTRUSTED, 11.0)}


def test_keys_of_version_1_keep_their_revocation(old: Path) -> None:
    """With its time and reason, and over all that the key signed."""
    registry = SourceRegistry(old)
    assert [registry.key(each).revoked for each in ("k1", "k2")] == [False, True]
    [revocation] = registry.revocations(Revoked.KEY, "acme", "k2")
    assert (revocation.since, revocation.at, revocation.why) == (0.0, 12.0, "lost")


def test_migration_is_done_once(old: Path) -> None:
    """Opening a file again changes nothing."""
    SourceRegistry(old).close()
    before = (old / "provenance.db").read_bytes()
    SourceRegistry(old).close()
    assert (old / "provenance.db").read_bytes() == before


def test_a_restored_dump_is_not_migrated_again(old: Path) -> None:
    """SQL text has the tables of this version and no mark of it."""
    SourceRegistry(old).close()
    with sqlite3.connect(old / "provenance.db") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    for each in old.glob("provenance.db*"):
        each.unlink()
    with sqlite3.connect(old / "provenance.db") as database:
        database.executescript(dump)
    database.close()
    assert [each.source for each in SourceRegistry(old).sources()] == ["web", "wiki"]


def test_chunks_of_version_1_still_verify(tmp_path: Path) -> None:
    """What was signed before the migration is trusted after it."""
    chunks = make_chunks(2)
    proofs = BatchSigner(tmp_path).sign(chunks, collection_uid=COLLECTION_UID)
    with sqlite3.connect(tmp_path / "provenance.db") as new:
        keys = new.execute(
            "SELECT key_id, tenant, name, public_pem, created_at, NULL, NULL FROM keys"
        ).fetchall()
        sources = new.execute("SELECT tenant, source, 1, created_at FROM sources").fetchall()
        envelopes = new.execute("SELECT * FROM envelopes").fetchall()
    new.close()
    for each in tmp_path.glob("provenance.db*"):
        each.unlink()
    with _old_file(tmp_path) as database:
        database.executemany("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)", keys)
        database.executemany("INSERT INTO sources VALUES (?, ?, ?, ?)", sources)
        database.executemany("INSERT INTO envelopes VALUES (?, ?, ?, ?, ?, ?, ?)", envelopes)
    database.close()
    verified = ChunkVerifier(tmp_path).verify(chunks[1], proofs[1], collection_uid=COLLECTION_UID)
    assert verified.integrity is Integrity.TRUSTED
    again = BatchSigner(tmp_path).sign(chunks, collection_uid=COLLECTION_UID)
    assert len(again) == 2


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """A version that is not known may mean anything."""
    SourceRegistry(tmp_path).close()
    with sqlite3.connect(tmp_path / "provenance.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="update ragbastion"):
        SourceRegistry(tmp_path)


@pytest.mark.parametrize(("table", "column"), [("keys", "revoked_at"), ("sources", "trusted")])
def test_a_process_of_version_1_fails_closed(old: Path, table: str, column: str) -> None:
    """It read these columns at every query; without them it cannot go on believing."""
    SourceRegistry(old).close()
    with sqlite3.connect(old / "provenance.db") as database:
        database.row_factory = sqlite3.Row
        row = database.execute(f"SELECT * FROM {table}").fetchone()
    database.close()
    with pytest.raises(IndexError):
        _ = row[column]


@pytest.mark.parametrize(("tenant", "name"), [("evil", "source/wiki"), ("acme", "source/hr")])
def test_a_key_speaks_for_one_name(old: Path, tenant: str, name: str) -> None:
    """Registered for another tenant or source it is refused, and the first one is not told."""
    with pytest.raises(ProvenanceError, match="registered for something else") as refused:
        SourceRegistry(old).add_key("k1", tenant, name, "PEM")
    assert "wiki" not in str(refused.value)


CHANGES: dict[str, Callable[[SourceRegistry], object]] = {
    "source": lambda registry: registry.register("acme", "new"),
    "trust": lambda registry: registry.set_trust("acme", "wiki", trusted=False),
    "key": lambda registry: registry.add_key("k3", "acme", "source/x", "PEM"),
    "rotation": lambda registry: registry.retire_keys("acme", "source/wiki", "", 5.0),
    "revocation": lambda registry: registry.revoke_key("k1", "stolen"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("same", [True, False])
def test_every_change_is_noticed(old: Path, change: str, same: bool) -> None:
    """Made by this connection or by another one."""
    registry = SourceRegistry(old)
    before = registry.trust_version()
    CHANGES[change](registry if same else SourceRegistry(old))
    assert registry.trust_version() > before


def test_an_envelope_changes_no_trust(old: Path) -> None:
    """Ingestion beside a query does not make it decide again."""
    registry = SourceRegistry(old)
    before = registry.trust_version()
    SourceRegistry(old).add_envelope("e", ("acme", "uid", "wiki"), "k1", "{}")
    assert registry.trust_version() == before


def test_another_process_is_noticed(old: Path) -> None:
    """A change by a process of its own."""
    registry = SourceRegistry(old)
    before = registry.trust_version()
    code = (
        "import sys, pathlib; from ragbastion.ingest.provenance import SourceRegistry; "
        "SourceRegistry(pathlib.Path(sys.argv[1])).revoke_key('k1', 'stolen')"
    )
    subprocess.run([sys.executable, "-c", code, str(old)], check=True)
    assert registry.trust_version() > before


def test_source_records_come_back(tmp_path: Path) -> None:
    """With every field; a second one of the name is not kept."""
    registry = SourceRegistry(tmp_path)
    record = SourceRecord(
        tenant="acme",
        source="wiki",
        tier=TrustTier.AUTHORITATIVE,
        owner="dana",
        domains=("example.com",),
        paths=("docs/*",),
        opened_at=5.0,
        opened_by="root",
    )
    assert registry.open_source(record)
    assert not registry.open_source(SourceRecord(tenant="acme", source="wiki"))
    assert registry.sources("acme") == [record]
    assert registry.sources("other") == []
