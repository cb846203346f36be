"""Key-encryption keys: where they come from, and when they are refused."""

import os
import secrets
import stat
from pathlib import Path

import pytest
from ragbastion.core.errors import SettingsError, TenantKeyError, UsageError
from ragbastion.tenancy.encryption import (
    EnvironmentKeyEncryption,
    FileKeyEncryption,
    LocalKeyEncryption,
)
from ragbastion.tenancy.encryption.opening import key_encryption_at

CONTEXT = {"tenant": "acme", "version": "1"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a key file."""
    path = tmp_path / "kek"
    FileKeyEncryption.create(path)
    return path


def test_a_key_file_is_owner_only_and_is_never_overwritten(file: Path) -> None:
    """Made with mode 0600; a second time is refused."""
    before = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="never overwritten"):
        FileKeyEncryption.create(file)
    assert file.read_text() == before


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_owner_only_modes_are_taken(file: Path, mode: int) -> None:
    """Reading and writing, or reading alone."""
    file.chmod(mode)
    assert FileKeyEncryption(file).key_id.startswith("local:")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o700, 0o620])
def test_other_modes_are_refused(file: Path, mode: int) -> None:
    """Whatever lets group or others in, or makes a key a program."""
    file.chmod(mode)
    with pytest.raises(TenantKeyError, match=f"its mode is {mode:04o}"):
        FileKeyEncryption(file)


def test_the_mode_is_of_the_file_behind_a_link(file: Path, tmp_path: Path) -> None:
    """A link does not hide an open file."""
    file.chmod(0o644)
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(TenantKeyError, match="mode"):
        FileKeyEncryption(tmp_path / "link")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No key is made in its place."""
    with pytest.raises(TenantKeyError, match="cannot be read"):
        FileKeyEncryption(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_no_folder_is_a_key(tmp_path: Path) -> None:
    """A folder is refused."""
    with pytest.raises(TenantKeyError):
        FileKeyEncryption(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "x" * 64, "ab" * 31, "ab" * 33, "00" * 32, "0123456789abcdef" * 4, "é" * 64]
)
def test_what_is_no_random_key_is_refused(file: Path, text: str) -> None:
    """Wrong lengths, letters and patterns; the message does not hold the text."""
    file.write_text(text)
    with pytest.raises(TenantKeyError) as refused:
        FileKeyEncryption(file)
    assert not text or text not in str(refused.value)


def test_a_large_file_is_no_key(file: Path) -> None:
    """Nothing of it is parsed."""
    file.write_text("ab" * 10_000)
    with pytest.raises(TenantKeyError, match="no file with a key"):
        FileKeyEncryption(file)


def test_a_key_comes_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same digits in a variable and in a file are the same key."""
    key = secrets.token_bytes(32)
    monkeypatch.setenv("TENANT_KEK", key.hex())
    wrapped = LocalKeyEncryption(key).wrap(b"data", CONTEXT)
    assert EnvironmentKeyEncryption("TENANT_KEK").unwrap(wrapped, CONTEXT) == b"data"


def test_an_unset_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which."""
    monkeypatch.delenv("TENANT_KEK", raising=False)
    with pytest.raises(TenantKeyError, match="set the variable 'TENANT_KEK'"):
        EnvironmentKeyEncryption("TENANT_KEK")


def test_another_context_does_not_unwrap(kek: LocalKeyEncryption) -> None:
    """A wrapped key cannot be put in another tenant's row."""
    wrapped = kek.wrap(b"data", CONTEXT)
    with pytest.raises(TenantKeyError, match="altered or moved"):
        kek.unwrap(wrapped, {**CONTEXT, "tenant": "globex"})


@pytest.mark.parametrize("cut", [0, 5, 12, 27])
def test_a_cut_form_does_not_unwrap(kek: LocalKeyEncryption, cut: int) -> None:
    """Whatever is left of it."""
    with pytest.raises(TenantKeyError):
        kek.unwrap(kek.wrap(b"data", CONTEXT)[:cut], CONTEXT)


def test_the_id_does_not_tell_the_key() -> None:
    """The id is the same for one key, and no part of it."""
    key = secrets.token_bytes(32)
    name = LocalKeyEncryption(key).key_id.removeprefix("local:")
    assert LocalKeyEncryption(key).key_id == f"local:{name}"
    assert name not in key.hex()


@pytest.mark.parametrize("where", ["", "file:", "env:", "ab" * 32, "vault:x"])
def test_a_location_that_is_none_is_refused(where: str) -> None:
    """A key that was written in place of its location is not echoed."""
    with pytest.raises(SettingsError) as refused:
        key_encryption_at(where)
    assert "ab" * 32 not in str(refused.value)


def test_locations(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file and a variable."""
    monkeypatch.setenv("TENANT_KEK", file.read_text())
    names = {key_encryption_at(where).key_id for where in (f"file:{file}", "env:TENANT_KEK")}
    assert len(names) == 1
    assert os.fspath(file) not in names
