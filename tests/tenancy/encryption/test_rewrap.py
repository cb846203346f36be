"""A new key-encryption key: all keys move to it at once, however often the process is killed."""

import secrets
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ragbastion.core.errors import TenantKeyError
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy.encryption import (
    FileKeyEncryption,
    LocalKeyEncryption,
    PayloadCipher,
    TenantKeys,
)

from .conftest import OpenKeys, SmallKms

WORKER = Path(__file__).with_name("rewrap_worker.py")
TENANTS = ("acme", "globex", "initech")
STEPS = 6
"""Three wraps, the switch, the scrubbing and the event."""


def rewrap_killed_at(step: int, path: Path, old: Path, new: Path) -> int:
    """Rewrap in a process of its own; return its exit status."""
    command = [sys.executable, str(WORKER), *map(str, (path, old, new, step))]
    return subprocess.run(command, capture_output=True, timeout=100).returncode


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return an old key file and a new one."""
    paths = tmp_path / "old", tmp_path / "new"
    for path in paths:
        FileKeyEncryption.create(path)
    return paths


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_kill_leaves_all_keys_under_one_key(
    step: int, path: Path, files: tuple[Path, Path], events: MemoryEventSink
) -> None:
    """The old one until the switch, the new one after it; another run finishes the work."""
    old, new = files
    keys = TenantKeys(path, FileKeyEncryption(old), events)
    cipher = PayloadCipher(keys)
    sealed = {tenant: cipher.sealed(tenant, "p", "text", tenant) for tenant in TENANTS}
    before = [key.wrapped for key in keys.live()]
    keys.close()

    assert rewrap_killed_at(step, path, old, new) == -9
    with sqlite3.connect(path) as database:
        under = {row[0] for row in database.execute("SELECT kek_id FROM data_keys")}
    database.close()
    assert under == {FileKeyEncryption(old if step <= 4 else new).key_id}

    again = TenantKeys(path, FileKeyEncryption(new), events, previous=[FileKeyEncryption(old)])
    again.rewrap()
    cipher = PayloadCipher(again)
    assert [cipher.opened(t, "p", "text", form) for t, form in sealed.items()] == list(TENANTS)
    again.close()
    assert not any(form in path.read_bytes() for form in before)


def test_staged_work_is_not_repeated(path: Path, open_keys: OpenKeys) -> None:
    """What was wrapped before an interruption is not asked of the key service again."""
    old, new = SmallKms("kms/old"), SmallKms("kms/new")
    keys = open_keys(old)
    for tenant in TENANTS:
        keys.create(tenant)
    keys.close()
    moving = open_keys(new, previous=[old])
    first = moving.live()[0]
    moving._database.stage(first.key_id, new.key_id, moving._wrapping.rewrapped(first))
    old.calls = 0
    assert (moving.rewrap(), old.calls) == (3, 2)


def test_without_the_old_key_nothing_moves(open_keys: OpenKeys) -> None:
    """It is named, and the keys stay as they are."""
    keys = open_keys()
    keys.create("acme")
    before = keys.live()
    moving = open_keys(LocalKeyEncryption(secrets.token_bytes(32)))
    with pytest.raises(TenantKeyError, match="among the previous ones"):
        moving.rewrap()
    assert keys.live() == before


def test_rewrapping_reports(open_keys: OpenKeys, events: MemoryEventSink) -> None:
    """The event names both keys by id and counts."""
    keys = open_keys()
    keys.create("acme")
    new = SmallKms()
    old = keys.live()[0].kek_id
    assert open_keys(new, previous=[keys._wrapping._current]).rewrap() == 1
    assert events.events[-1].kind == "tenancy.keys_rewrapped"
    assert events.events[-1].detail == {"from": old, "to": "kms/1", "keys": 1}


def test_rewrapping_twice_is_no_error(open_keys: OpenKeys) -> None:
    """Nothing is left to move."""
    keys = open_keys()
    keys.create("acme")
    assert (keys.rewrap(), keys.rewrap()) == (0, 0)


def test_a_process_with_the_old_key_makes_no_key_after_the_switch(open_keys: OpenKeys) -> None:
    """It would be under a key that is about to be destroyed."""
    old = open_keys()
    old.create("acme")
    open_keys(SmallKms(), previous=[old._wrapping._current]).rewrap()
    with pytest.raises(TenantKeyError, match="wrapped under 'kms/1'"):
        old.create("globex")


def test_a_key_of_a_running_process_goes_on_opening(open_keys: OpenKeys) -> None:
    """The data keys are the same ones, so a reader that has them needs nothing new."""
    old = open_keys()
    cipher = PayloadCipher(old)
    sealed = cipher.sealed("acme", "p", "text", "hello")
    open_keys(SmallKms(), previous=[old._wrapping._current]).rewrap()
    assert cipher.opened("acme", "p", "text", sealed) == "hello"
