"""The audit log: what it keeps, and that every change to it is found."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import AuditError, StoreError
from ragbastion.core.events import Event
from ragbastion.policies import AuditLog, AuditReport

_SWAP = """
UPDATE entries SET record = (SELECT e.record FROM entries e WHERE e.seq = 7 - entries.seq)
WHERE seq IN (3, 4)
"""


def event(subject: str = "x", tenant: str = "acme", **detail: object) -> Event:
    """Return an event."""
    return Event(
        kind="action.denied", tenant=tenant, subject=subject, outcome="deny", detail=detail
    )


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    """Return a log of five entries."""
    log = AuditLog(tmp_path / "audit.db")
    log.emit_many([event(str(number)) for number in range(1, 6)])
    return log


def tamper(path: Path, statement: str) -> None:
    """Change the log behind its back."""
    with sqlite3.connect(path / "audit.db") as connection:
        connection.execute(statement)


def test_a_whole_log_verifies(log: AuditLog) -> None:
    """The report counts the entries and gives the head."""
    assert log.verify() == AuditReport(entries=5, head=log.tail(1)[0].hash)


def test_an_empty_log_verifies(tmp_path: Path) -> None:
    """No entry is no error."""
    assert AuditLog(tmp_path / "audit.db").verify().entries == 0


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "UPDATE entries SET record = replace(record, 'deny', 'okay') WHERE seq = 3",
            "entry 3 was",
        ),
        ("UPDATE entries SET hash = zeroblob(0) WHERE seq = 2", "entry 2 was"),
        ("DELETE FROM entries WHERE seq = 3", "entry 3 is missing"),
        ("DELETE FROM entries WHERE seq = 1", "entry 1 is missing"),
        ("DELETE FROM entries WHERE seq > 3", "entries 4 to 5 are missing"),
        ("DELETE FROM entries", "entries 1 to 5 are missing"),
        ("UPDATE entries SET seq = 9 WHERE seq = 5", "entry 5 is missing"),
        (
            _SWAP,
            "entry 3 was",
        ),
    ],
)
def test_a_change_is_found_and_the_first_bad_entry_named(
    log: AuditLog, tmp_path: Path, statement: str, message: str
) -> None:
    """Altered, removed, cut, renumbered or swapped."""
    tamper(tmp_path, statement)
    with pytest.raises(AuditError, match=message):
        log.verify()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seq=st.integers(1, 5), place=st.integers(0, 200), bit=st.integers(0, 6))
def test_any_flipped_bit_of_a_record_is_found(
    log: AuditLog, tmp_path: Path, seq: int, place: int, bit: int
) -> None:
    """One bit anywhere in a record breaks the chain at that entry."""
    with sqlite3.connect(tmp_path / "audit.db") as connection:
        [kept] = connection.execute("SELECT record FROM entries WHERE seq = ?", (seq,)).fetchone()
        place %= len(kept)
        flipped = kept[:place] + chr(ord(kept[place]) ^ 1 << bit) + kept[place + 1 :]
        connection.execute("UPDATE entries SET record = ? WHERE seq = ?", (flipped, seq))
    try:
        with pytest.raises((AuditError, StoreError), match=f"entry {seq} |cannot be used"):
            log.verify()
    finally:
        with sqlite3.connect(tmp_path / "audit.db") as connection:
            connection.execute("UPDATE entries SET record = ? WHERE seq = ?", (kept, seq))


def test_an_entry_written_without_the_key_is_found(log: AuditLog, tmp_path: Path) -> None:
    """Rewriting the chain needs the key; a copy of the last hash does not do."""
    record = json.dumps({"seq": 6, "kind": "forged"})
    tamper(tmp_path, f"INSERT INTO entries SELECT 6, '{record}', hash FROM entries WHERE seq = 5")
    with pytest.raises(AuditError, match="entry 6 was altered"):
        log.verify()


def test_an_altered_head_file_is_found(log: AuditLog, tmp_path: Path) -> None:
    """A head that says fewer entries than there were does not hide a cut."""
    head = tmp_path / "audit.db.head"
    head.write_text(head.read_text().replace('"seq": 5', '"seq": 3'))
    with pytest.raises(AuditError, match=r"head .* was altered"):
        log.verify()


def test_an_anchor_kept_elsewhere_finds_a_rewritten_log(log: AuditLog, tmp_path: Path) -> None:
    """A log that was started again from nothing verifies by itself, and not against the anchor."""
    anchor = log.verify()
    log.close()
    for path in tmp_path.iterdir():
        path.unlink()
    fresh = AuditLog(tmp_path / "audit.db")
    fresh.emit_many([event(str(number)) for number in range(1, 6)])
    assert fresh.verify().entries == 5
    with pytest.raises(AuditError, match="entry 5 was replaced"):
        fresh.verify(anchor)


def test_long_and_secret_details_are_not_kept(tmp_path: Path) -> None:
    """Strings are cut, values under the names of texts and secrets are left out."""
    log = AuditLog(tmp_path / "audit.db")
    log.emit(event(note="n" * 1000, text="the document", token="abc", deep={"password": "x"}))
    detail = log.tail(1)[0].record["detail"]
    assert len(detail["note"]) == 256
    assert (detail["text"], detail["token"]) == ("<omitted>", "<omitted>")
    assert detail["deep"] == {"password": "<omitted>"}


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**80, "\ud800", b"bytes", {1, 2}, None, [[[[[[1]]]]]]]
)
def test_any_value_has_a_canonical_form(tmp_path: Path, value: object) -> None:
    """An odd value never loses the event."""
    log = AuditLog(tmp_path / "audit.db")
    log.emit(event(value=value))
    assert log.verify().entries == 1


def test_the_tail_is_oldest_first_and_by_tenant(log: AuditLog) -> None:
    """A tenant's tail holds its own entries only."""
    log.emit(event("other", tenant="globex"))
    assert [entry.record["subject"] for entry in log.tail(2)] == ["5", "other"]
    assert [entry.record["subject"] for entry in log.tail(2, "acme")] == ["4", "5"]


def test_the_export_is_a_line_of_json_an_entry(log: AuditLog) -> None:
    """Every line holds the record and its hash."""
    lines = [json.loads(line) for line in log.export()]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[-1]["hash"] == log.verify().head


def test_files_are_owner_only(log: AuditLog, tmp_path: Path) -> None:
    """Log, key and head are readable by their owner alone."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}


def test_a_log_without_its_key_is_refused(log: AuditLog, tmp_path: Path) -> None:
    """A new key would make every old entry look altered."""
    log.close()
    (tmp_path / "audit.db.key").unlink()
    with pytest.raises(StoreError, match=r"key .* is missing"):
        AuditLog(tmp_path / "audit.db")


def test_processes_share_one_chain(tmp_path: Path) -> None:
    """Three processes that write at once leave one chain without gaps."""
    code = (
        "import sys; from pathlib import Path\n"
        "from ragbastion.core.events import Event\n"
        "from ragbastion.policies.audit import AuditLog\n"
        "log = AuditLog(Path(sys.argv[1]))\n"
        "for n in range(20): log.emit(Event(kind='k', tenant='t', subject=str(n), outcome='o'))\n"
    )
    path = tmp_path / "audit.db"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    assert AuditLog(path).verify().entries == 60
