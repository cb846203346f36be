"""Key files are made once, for their owner only, and refused when others can read them."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ragbastion.core.errors import ProvenanceError, RagbastionError
from ragbastion.ingest.provenance.keys import SigningKeys, key_id


def _file(state_dir: Path) -> Path:
    [path] = (state_dir / "keys").glob("*.pem")
    return path


def test_key_is_made_once(tmp_path: Path) -> None:
    """The same name gives the same key, also to a later process."""
    first = key_id(SigningKeys(tmp_path).key("acme/source/wiki").public_key())
    assert key_id(SigningKeys(tmp_path).key("acme/source/wiki").public_key()) == first


def test_names_have_their_own_keys(tmp_path: Path) -> None:
    """Two tenants with a source of one name do not share a key."""
    keys = SigningKeys(tmp_path)
    assert key_id(keys.key("a/source/w").public_key()) != key_id(
        keys.key("b/source/w").public_key()
    )


def test_key_file_is_owner_only(tmp_path: Path) -> None:
    """File and folder carry no permission for group or others."""
    SigningKeys(tmp_path).key("n")
    assert stat.S_IMODE(_file(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_readable_key_is_refused(tmp_path: Path, mode: int) -> None:
    """A key that somebody else can read is not used."""
    SigningKeys(tmp_path).key("n")
    _file(tmp_path).chmod(mode)
    with pytest.raises(ProvenanceError, match="others can read"):
        SigningKeys(tmp_path).key("n")


@pytest.mark.parametrize("content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\nAA\n"])
def test_corrupt_key_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    """A damaged file is refused; it is not replaced behind the owner's back."""
    SigningKeys(tmp_path).key("n")
    _file(tmp_path).write_bytes(content)
    with pytest.raises(ProvenanceError, match="cannot be read"):
        SigningKeys(tmp_path).key("n")


def test_racing_callers_get_one_key(tmp_path: Path) -> None:
    """Threads that ask for a new name at once all get the key that was kept."""
    keys = SigningKeys(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: key_id(keys.key("n").public_key()), range(32)))
    assert len(ids) == 1


def test_generations_have_their_own_keys(tmp_path: Path) -> None:
    """A rotation makes another key of the name, and the first stays."""
    keys = SigningKeys(tmp_path)
    ids = [key_id(keys.key("n", each).public_key()) for each in (0, 1, 0)]
    assert ids[0] == ids[2] != ids[1]


def test_a_key_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    """It says what the system says, and whom to give the file to."""
    SigningKeys(tmp_path).key("n")
    path = _file(tmp_path)
    path.unlink()
    path.mkdir(mode=0o700)
    with pytest.raises(ProvenanceError, match=r"cannot be read \(Is a directory\).*chown"):
        SigningKeys(tmp_path).key("n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_locked_key_folder_is_a_clear_error(tmp_path: Path) -> None:
    """A folder of another user."""
    SigningKeys(tmp_path).key("n")
    (tmp_path / "keys").chmod(0)
    try:
        with pytest.raises(ProvenanceError, match="Permission denied"):
            SigningKeys(tmp_path).key("n")
    finally:
        (tmp_path / "keys").chmod(0o700)


def test_a_key_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    """As where a file has its name."""
    (tmp_path / "keys").write_text("")
    with pytest.raises(RagbastionError, match="keys"):
        SigningKeys(tmp_path).key("n")
