"""What is signed and registered is logged, in order, once, whatever is killed in between."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from ragbastion.core.errors import RollbackError, TransparencyError
from ragbastion.ingest.provenance import BatchSigner, SourceRegistry
from ragbastion.ingest.provenance.log import (
    LogEntry,
    LoggedRegistry,
    Tampering,
    open_log,
    verify_log,
)
from ragbastion.ingest.provenance.source_records import Revoked

from ..conftest import make_chunks


def sql(path: Path, *statements: str) -> None:
    """Run statements on a state file, as somebody would who can write it."""
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[BatchSigner]:
    """A signer in an empty state folder."""
    made = BatchSigner(tmp_path)
    yield made
    made.close()


BATCH = ["envelope.added", "document.version", "document.version"]
"""What `sign` adds: the envelope, and the two documents that it makes current."""

FIRST = 2 + len(BATCH)
"""How many entries there are after the first call of `sign`."""


def kinds(state_dir: Path) -> list[str]:
    """Return the kinds of all entries."""
    log = open_log(state_dir)
    found = [LogEntry.parse(data).kind for _, _, data in log.storage.entries()]
    log.close()
    return found


def sign(signer: BatchSigner, uid: str = "u", source: str = "wiki") -> None:
    """Sign one batch."""
    signer.sign(make_chunks(2, source=source), collection_uid=uid)


def records(state_dir: Path) -> list[tuple[Tampering, str]]:
    """Return what the audit finds."""
    return [(each.kind, each.reason) for each in verify_log(state_dir).findings]


def test_a_signature_is_logged_with_its_source_and_key(tmp_path: Path, signer: BatchSigner) -> None:
    """In the order in which they came to be; a second batch adds an envelope only."""
    sign(signer)
    sign(signer, "v")
    assert kinds(tmp_path) == ["source.opened", "key.registered", *BATCH, *BATCH]
    assert verify_log(tmp_path).clean


def test_trust_and_revocation_are_logged(tmp_path: Path, signer: BatchSigner) -> None:
    """By whatever code and process they are made."""
    sign(signer)
    registry = SourceRegistry(tmp_path)
    registry.set_trust("acme", "wiki", trusted=False)
    # Not the key that signs here: it would sign no more.
    registry.revoke([(Revoked.KEY, "acme", "0" * 64)], "lost", since=0.0, by="root")
    registry.close()
    assert verify_log(tmp_path).pending == 2
    sign(signer, "v")
    assert kinds(tmp_path)[FIRST:] == ["source.changed", "revocation.added", *BATCH]
    assert verify_log(tmp_path).clean


def test_what_a_kill_left_is_logged_at_the_next_signature(tmp_path: Path) -> None:
    """An envelope that was kept and not logged, by a signer that never came to it."""
    signer = BatchSigner(tmp_path)
    signer._logged.sync = lambda _=None: 0  # type: ignore[method-assign]
    sign(signer)
    signer.close()
    assert verify_log(tmp_path).pending == 3
    after = BatchSigner(tmp_path)
    sign(after, "v")
    after.close()
    assert kinds(tmp_path).count("envelope.added") == 2
    assert (verify_log(tmp_path).clean, verify_log(tmp_path).pending) == (True, 0)


def test_an_older_registry_is_logged_whole(tmp_path: Path, signer: BatchSigner) -> None:
    """One that was signed into before there was a log."""
    sign(signer)
    signer.close()
    for name in ("provenance_log.db", "provenance_log.seen"):
        (tmp_path / name).unlink()
    sql(
        tmp_path / "provenance.db",
        "DROP TABLE log_journal",
        *(
            f"DROP TRIGGER log_{table}_{op}"
            for table in ("envelopes", "keys", "sources", "revocations", "roots")
            for op in ("insert", "update", "delete")
        ),
    )
    after = BatchSigner(tmp_path)
    sign(after, "v")
    after.close()
    assert sorted(kinds(tmp_path)) == [
        *["document.version"] * 4,
        "envelope.added",
        "envelope.found",
        "key.found",
        "source.found",
    ]
    assert verify_log(tmp_path).clean


def test_two_signers_log_each_change_once(tmp_path: Path, signer: BatchSigner) -> None:
    """Whichever of them comes first appends what both did."""
    other = BatchSigner(tmp_path)
    for at in range(4):
        sign(signer, f"a{at}")
        sign(other, f"b{at}", "forum")
    other.close()
    assert kinds(tmp_path).count("envelope.added") == 8
    assert verify_log(tmp_path).clean


ENVELOPE = (
    "INSERT INTO envelopes SELECT 'planted', tenant, collection_uid, source, key_id, envelope, 1 "
    "FROM envelopes LIMIT 1"
)
TAMPERINGS = {
    "envelope altered": ("UPDATE envelopes SET envelope = '{}'", "is not what entry 2 says"),
    "envelope removed": ("DELETE FROM envelopes", "was logged at entry 2 and is no longer kept"),
    "envelope planted": (ENVELOPE, "'envelope/planted' is kept and is not in the log"),
    "key exchanged": ("UPDATE keys SET public_pem = 'x'", "is not what entry 1 says"),
    "source trusted": ("UPDATE sources SET tier = 'official'", "is not what entry 0 says"),
    "source removed": ("DELETE FROM sources", "was logged at entry 0 and is no longer kept"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_change_behind_the_journal_is_named(
    tmp_path: Path, signer: BatchSigner, name: str
) -> None:
    """By one who switches the triggers off for it, and on again."""
    sign(signer)
    signer.close()
    path = tmp_path / "provenance.db"
    with sqlite3.connect(path) as database:
        triggers = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
    database.close()
    statement, reason = TAMPERINGS[name]
    sql(path, *(f"DROP TRIGGER {each}" for each, _ in triggers), statement)
    sql(path, *(text for _, text in triggers))
    assert any(reason in found for _, found in records(tmp_path))


def test_a_change_that_the_journal_saw_is_named(tmp_path: Path, signer: BatchSigner) -> None:
    """It is logged, and the log says that an envelope was altered: that never happens by itself."""
    sign(signer)
    sql(tmp_path / "provenance.db", "UPDATE envelopes SET created_at = 1")
    sign(signer, "v")
    [(kind, reason)] = records(tmp_path)
    assert kind is Tampering.RECORD
    assert reason.endswith(f"was altered: entry {FIRST} is 'envelope.changed'")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM revocations", "was altered: entry {} is 'revocation.removed'"),
        ("UPDATE revocations SET since = 4e9", "was altered at entry {}"),
        ("UPDATE revocations SET subject = 'other'", "was altered at entry {}"),
    ],
)
def test_a_revocation_that_is_taken_back_is_named(
    tmp_path: Path, signer: BatchSigner, statement: str, expected: str
) -> None:
    """With the entry at which it was; one that is withdrawn as a mistake says so itself."""
    sign(signer)
    registry = SourceRegistry(tmp_path)
    registry.revoke([(Revoked.SOURCE, "acme", "forum")], "poisoned", since=0.0, by="root")
    sign(signer, "v")
    registry.withdraw_revocations("acme", "forum")
    registry.close()
    sign(signer, "w")
    assert verify_log(tmp_path).clean
    sql(tmp_path / "provenance.db", statement)
    sign(signer, "x")
    [(kind, reason)] = records(tmp_path)
    at = len(kinds(tmp_path)) - len(BATCH) - 1
    assert (kind, reason.endswith(expected.format(at))) == (Tampering.RECORD, True), reason


def test_a_journal_that_was_switched_off_is_named(tmp_path: Path, signer: BatchSigner) -> None:
    """Before anything is done with it."""
    sign(signer)
    sql(tmp_path / "provenance.db", "DROP TRIGGER log_keys_update")
    assert records(tmp_path) == [(Tampering.RECORD, "the journal of keys was switched off")]


def test_a_registry_that_was_put_back_is_refused(tmp_path: Path, signer: BatchSigner) -> None:
    """An older file: the audit names it, and nothing more is signed."""
    path = tmp_path / "provenance.db"
    sign(signer)
    signer.close()
    old = path.read_bytes()
    again = BatchSigner(tmp_path)
    sign(again, "v")
    again.close()
    path.write_bytes(old)
    assert (Tampering.ROLLBACK, "the registry had 4 changes and has 3: it was put back") in records(
        tmp_path
    )
    logged = LoggedRegistry(tmp_path)
    with pytest.raises(RollbackError, match="had 4 changes and has 3"):
        logged.sync()
    logged.close()


def test_a_registry_that_is_gone_is_named(tmp_path: Path, signer: BatchSigner) -> None:
    """And is not made anew by looking."""
    sign(signer)
    signer.close()
    (tmp_path / "provenance.db").unlink()
    assert [kind for kind, _ in records(tmp_path)] == [Tampering.ROLLBACK]
    assert not (tmp_path / "provenance.db").exists()


def test_a_changed_mark_of_what_is_logged_is_named(tmp_path: Path, signer: BatchSigner) -> None:
    """It says up to where the registry was logged."""
    sign(signer)
    signer.close()
    sql(tmp_path / "provenance_log.db", "UPDATE log_meta SET value = 'x' WHERE name = 'journal'")
    assert "its mark of what is logged was changed" in records(tmp_path)[0][1]


def test_odd_names_have_subjects_of_their_own(tmp_path: Path, signer: BatchSigner) -> None:
    """Slashes, quotes, NUL and letters of any script."""
    names = ["a/b", "a", "a'b", "ä ö", "%2F", "x\x00y"]
    for name in names:
        sign(signer, "u", name)
    log = open_log(tmp_path)
    subjects = {s for _, s, _ in log.storage.entries() if s.startswith("source/")}
    log.close()
    assert len(subjects) == len(names)
    assert verify_log(tmp_path).clean


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE envelopes SET envelope = 'no JSON'",
        "UPDATE envelopes SET envelope = '[1e400, NaN]'",
        "UPDATE envelopes SET envelope = x'ff00'",
        "UPDATE keys SET created_at = 9e999",
        "UPDATE keys SET created_at = 9223372036854775807",
        "UPDATE sources SET owner = x'ff'",
    ],
)
def test_odd_values_are_logged_and_do_not_stop_the_log(
    tmp_path: Path, signer: BatchSigner, statement: str
) -> None:
    """Whatever somebody writes into the registry, the next signature is made."""
    sign(signer)
    sql(tmp_path / "provenance.db", statement)
    sign(signer, "v")
    assert kinds(tmp_path)[FIRST].endswith(".changed")
    assert not any("is not what entry" in reason for _, reason in records(tmp_path))


def test_a_changed_journal_is_refused(tmp_path: Path, signer: BatchSigner) -> None:
    """Its rows are names in hex."""
    sign(signer)
    sql(
        tmp_path / "provenance.db",
        "INSERT INTO log_journal (source, op, names) VALUES ('keys', 'insert', 'no hex')",
    )
    with pytest.raises(TransparencyError, match="its journal was changed"):
        sign(signer, "v")


def test_an_upgrade_of_the_registry_is_no_finding(tmp_path: Path, signer: BatchSigner) -> None:
    """Columns that come and go: what has them waits, and is logged anew, once."""
    sign(signer)
    signer.close()
    path = tmp_path / "provenance.db"
    sql(
        path,
        "ALTER TABLE keys ADD COLUMN later REAL",
        "DROP TABLE roots",
        "CREATE TABLE roots (version INTEGER PRIMARY KEY, envelope TEXT, accepted_at REAL)",
        "INSERT INTO roots VALUES (1, '{}', 5.5)",
    )
    assert (verify_log(tmp_path).clean, verify_log(tmp_path).pending) == (True, 2)
    again = BatchSigner(tmp_path)
    sign(again, "v")
    again.close()
    assert kinds(tmp_path)[FIRST:] == ["key.found", "root.found", *BATCH]
    assert (verify_log(tmp_path).clean, verify_log(tmp_path).pending) == (True, 0)
