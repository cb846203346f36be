"""Erasure by dropping keys: for good, from the file too, in other processes too, and with proof."""

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ragbastion.core.errors import ErasedTenantError, StoreError
from ragbastion.core.events import Event, MemoryEventSink
from ragbastion.policies import AuditLog
from ragbastion.tenancy.encryption import (
    FileKeyEncryption,
    LocalKeyEncryption,
    PayloadCipher,
    TenantKeys,
)

from .conftest import OpenKeys

WORKER = Path(__file__).with_name("erasure_worker.py")
PLACE = ("acme", "p1", "text")
KILL = """
import os, signal, sys
from pathlib import Path
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy.encryption import FileKeyEncryption, TenantKeys
from ragbastion.tenancy.encryption.key_database import KeyDatabase
KeyDatabase.scrub = lambda self: os.kill(os.getpid(), signal.SIGKILL)
TenantKeys(Path(sys.argv[1]), FileKeyEncryption(Path(sys.argv[2])), MemoryEventSink()).erase("acme")
"""


def content(path: Path) -> bytes:
    """Return all bytes of the database, its log and its index."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))


def test_nothing_of_an_erased_tenant_opens(cipher: PayloadCipher, keys: TenantKeys) -> None:
    """Of no version, and the error says why; another tenant is not touched."""
    old = cipher.sealed(*PLACE, "old")
    keys.rotate("acme")
    new = cipher.sealed(*PLACE, "new")
    other = cipher.sealed("globex", "p", "text", "of globex")
    keys.erase("acme")
    for form in (old, new):
        with pytest.raises(ErasedTenantError, match="tenant 'acme' was erased"):
            cipher.opened(*PLACE, form)
    assert cipher.opened("globex", "p", "text", other) == "of globex"


def test_an_erased_tenant_is_not_written_again(cipher: PayloadCipher, keys: TenantKeys) -> None:
    """Not by sealing nor rotating, until it is created explicitly."""
    old = cipher.sealed(*PLACE, "old")
    keys.erase("acme")
    with pytest.raises(ErasedTenantError, match="create it explicitly"):
        cipher.sealed(*PLACE, "new")
    with pytest.raises(ErasedTenantError):
        keys.rotate("acme")
    assert keys.create("acme") == 2
    assert cipher.opened(*PLACE, cipher.sealed(*PLACE, "new")) == "new"
    with pytest.raises(ErasedTenantError, match="was erased"):
        cipher.opened(*PLACE, old)


def test_the_wrapped_keys_leave_the_file(keys: TenantKeys, path: Path) -> None:
    """Neither pages, free pages nor the write-ahead log hold them; those of others stay."""
    tenants = [f"tenant{at}" for at in range(30)]
    for tenant in tenants:
        keys.create(tenant)
    keys.rotate("tenant7")
    gone = [key.wrapped for key in keys.live() if key.tenant == "tenant7"]
    kept = [key.wrapped for key in keys.live() if key.tenant != "tenant7"]
    assert all(form in content(path) for form in gone)
    keys.erase("tenant7")
    assert not any(form in content(path) for form in gone)
    assert all(form in path.read_bytes() for form in kept)


def test_staged_forms_leave_the_file_too(keys: TenantKeys, path: Path) -> None:
    """An erasure amid a rewrap drops both forms."""
    keys.create("acme")
    (key,) = keys.live()
    keys._database.stage(key.key_id, "other", b"staged form of the key of acme")
    keys.erase("acme")
    assert b"staged form" not in content(path)


def test_the_proof_names_ids_and_digests(keys: TenantKeys, events: MemoryEventSink) -> None:
    """For each dropped key, and nothing of the key or its wrapped form."""
    keys.create("acme")
    keys.rotate("acme")
    live = keys.live()
    gone = keys.erase("acme", principal="operator")
    event = events.events[-1]
    assert (event.kind, event.tenant, event.outcome, event.principal) == (
        "tenancy.keys_erased", "acme", "erased", "operator"
    )  # fmt: skip
    assert event.detail == {"keys": [key.as_dict() for key in gone]}
    assert [(key.version, key.key_id, key.wrapped_sha256) for key in gone] == [
        (key.version, key.key_id, hashlib.sha256(key.wrapped).hexdigest()) for key in live
    ]
    told = json.dumps(dict(event.detail)).encode()
    assert not any(key.wrapped in told or key.wrapped.hex().encode() in told for key in live)


def test_the_proof_is_in_the_audit_log(path: Path, kek: LocalKeyEncryption) -> None:
    """The chain that holds it verifies."""
    log = AuditLog(path.with_name("audit.db"))
    keys = TenantKeys(path, kek, log)
    keys.create("acme")
    keys.erase("acme")
    keys.close()
    (entry,) = log.tail(1)
    log.verify()
    log.close()
    assert entry.record["kind"] == "tenancy.keys_erased"
    assert len(entry.record["detail"]["keys"]) == 1


def test_erasing_again_repeats_the_proof(keys: TenantKeys) -> None:
    """And changes nothing."""
    keys.create("acme")
    assert keys.erase("acme") == keys.erase("acme")


@pytest.mark.parametrize("recheck_s", [0, 0.5])
def test_another_process_stops(
    tmp_path: Path, path: Path, events: MemoryEventSink, recheck_s: float
) -> None:
    """It opens with what it remembers for ``recheck_s`` at the longest, and seals no more."""
    FileKeyEncryption.create(tmp_path / "kek")
    keys = TenantKeys(path, FileKeyEncryption(tmp_path / "kek"), events)
    sealed = PayloadCipher(keys).sealed(*PLACE, "hello")
    command = [sys.executable, str(WORKER), str(path), str(tmp_path / "kek"), str(recheck_s)]
    with subprocess.Popen(
        [*command, sealed], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        keys.erase("acme")
        other.stdin.write(f"{time.time()}\n")
        other.stdin.flush()
        still_open_s = float(other.stdout.readline())
        assert other.stdout.readline() == "refused\n"
    keys.close()
    # Ten seconds for a busy machine; a key that is never forgotten would run into the timeout.
    assert still_open_s < recheck_s + 10


def test_a_remembered_key_seals_nothing(open_keys: OpenKeys) -> None:
    """Each seal looks at the file first, whatever the bound for opening is."""
    writer, other = PayloadCipher(open_keys(recheck_s=60)), open_keys()
    writer.sealed(*PLACE, "hello")
    other.erase("acme")
    with pytest.raises(ErasedTenantError):
        writer.sealed(*PLACE, "more")


def test_a_remembered_key_is_used_within_the_bound_only(open_keys: OpenKeys) -> None:
    """The bound is what the clock says, not how often the value is opened."""
    reader, other = PayloadCipher(open_keys(recheck_s=0.3)), open_keys()
    sealed = reader.sealed(*PLACE, "hello")
    reader.opened(*PLACE, sealed)
    erased_at = time.monotonic()
    other.erase("acme")
    time.sleep(max(0.0, erased_at + 0.3 - time.monotonic()))
    with pytest.raises(ErasedTenantError):
        reader.opened(*PLACE, sealed)


def test_an_erasure_cut_short_is_finished_at_the_next_start(tmp_path: Path, path: Path) -> None:
    """Killed after the keys were dropped: the next one empties the file and keeps the proof."""
    FileKeyEncryption.create(tmp_path / "kek")
    kek, first = FileKeyEncryption(tmp_path / "kek"), MemoryEventSink()
    keys = TenantKeys(path, kek, first)
    sealed = PayloadCipher(keys).sealed(*PLACE, "hello")
    (form,) = [key.wrapped for key in keys.live()]
    keys.close()
    done = subprocess.run([sys.executable, "-c", KILL, str(path), str(tmp_path / "kek")])
    assert done.returncode == -signal.SIGKILL
    later = MemoryEventSink()
    again = TenantKeys(path, kek, later)
    assert [event.kind for event in later.events] == ["tenancy.keys_erased"]
    assert form not in content(path)
    with pytest.raises(ErasedTenantError):
        PayloadCipher(again).opened(*PLACE, sealed)
    again.close()


def test_a_sink_that_fails_leaves_the_proof_owed(path: Path, kek: LocalKeyEncryption) -> None:
    """The keys are gone, the call says that it was not recorded, and the next start records it."""

    class Full(MemoryEventSink):
        def emit(self, event: Event) -> None:
            if event.kind == "tenancy.keys_erased":
                raise StoreError("the log is full")

    keys = TenantKeys(path, kek, Full())
    keys.create("acme")
    with pytest.raises(StoreError, match="log is full"):
        keys.erase("acme")
    assert keys.live() == []
    keys.close()
    sink = MemoryEventSink()
    TenantKeys(path, kek, sink).close()
    TenantKeys(path, kek, sink).close()
    assert [event.kind for event in sink.events] == ["tenancy.keys_erased"]


def test_a_reader_that_holds_the_log_is_told(keys: TenantKeys, path: Path) -> None:
    """The keys are dropped, and the call says that the old log could not be emptied yet."""
    keys.create("acme")
    (form,) = [key.wrapped for key in keys.live()]
    keys._database._connection.execute("PRAGMA busy_timeout=50")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM data_keys").fetchall()
    with pytest.raises(StoreError, match="run the command again"):
        keys.erase("acme")
    reader.close()
    assert keys.live() == []
    assert len(keys.erase("acme")) == 1
    assert form not in content(path)
