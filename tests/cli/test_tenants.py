"""``ragbastion tenants``: the keys of the tenants, from a first key to erasure."""

from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import ErasedTenantError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings import load_settings
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import open_store
from ragbastion.tenancy.encryption import open_cipher

from .conftest import Run

ACME = TenantId("acme")


@pytest.fixture
def kek(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a key file that the settings name."""
    path = tmp_path / "kek"
    run("tenants", "make-key", str(path))
    monkeypatch.setenv("RAGBASTION_ENCRYPTION__KEY", f"file:{path}")
    return path


def test_make_key_prints_no_key(run: Run, tmp_path: Path) -> None:
    """Only its id; a second time is refused."""
    done = run("tenants", "make-key", str(tmp_path / "kek"), "--json")
    assert done.json["key"].startswith("local:")
    assert (tmp_path / "kek").read_text().strip() not in done.out
    assert run("tenants", "make-key", str(tmp_path / "kek")).code == 2


def test_without_a_key_the_setting_is_named(run: Run) -> None:
    """Encryption is off until it is set."""
    done = run("tenants", "list")
    assert (done.code, "encryption.key" in done.errors) == (2, True)


def test_a_key_that_others_can_read_is_refused(run: Run, kek: Path) -> None:
    """With its mode."""
    kek.chmod(0o644)
    done = run("tenants", "list")
    assert (done.code, "0644" in done.errors) == (3, True)


def test_create_rotate_and_list(run: Run, kek: Path) -> None:
    """Versions grow, and the list shows no key."""
    assert run("tenants", "create", "acme", "--json").json == {"tenant": "acme", "version": 1}
    assert run("tenants", "create", "acme").code == 2
    assert run("tenants", "rotate", "acme", "--json").json == {"tenant": "acme", "version": 2}
    rows = run("tenants", "list", "--json").json
    assert [(row["tenant"], row["version"], row["erased"]) for row in rows] == [
        ("acme", 1, None), ("acme", 2, None)
    ]  # fmt: skip
    assert rows[0].keys() == {"tenant", "version", "key", "kek", "seals", "created", "erased"}
    assert "acme" in run("tenants", "list").out


def test_rewrap_with_both_keys(run: Run, kek: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one among the previous keys, then not needed any more."""
    run("tenants", "create", "acme")
    new = kek.with_name("new")
    run("tenants", "make-key", str(new))
    monkeypatch.setenv("RAGBASTION_ENCRYPTION__KEY", f"file:{new}")
    (check,) = (c for c in run("doctor", "--json").json if c["name"] == "encryption")
    assert (check["health"], "rewrap" in check["advice"]) == ("fail", True)
    monkeypatch.setenv("RAGBASTION_ENCRYPTION__PREVIOUS_KEYS", f"file:{kek}")
    assert run("tenants", "rewrap", "--json").json == {"rewrapped": 1}
    monkeypatch.delenv("RAGBASTION_ENCRYPTION__PREVIOUS_KEYS")
    kek.unlink()
    (check,) = (c for c in run("doctor", "--json").json if c["name"] == "encryption")
    assert check["health"] == "ok"


def test_erase_needs_the_name_twice(run: Run, kek: Path) -> None:
    """A slip drops nothing."""
    run("tenants", "create", "acme")
    assert run("tenants", "erase", "acme", "--confirm", "globex").code == 2
    assert run("tenants", "erase", "acme").code == 2
    assert run("tenants", "list", "--json").json[0]["erased"] is None


def test_erase_leaves_proof(run: Run, kek: Path) -> None:
    """In the output, in the list and in the audit log, which verifies."""
    run("tenants", "create", "acme")
    (gone,) = run("tenants", "erase", "acme", "--confirm", "acme", "--json").json["keys"]
    last = run("audit", "tail", "--json").lines[-1]
    assert (last["kind"], last["tenant"], last["detail"]["keys"]) == (
        "tenancy.erased", "acme", [gone]
    )  # fmt: skip
    assert last["principal"] != ""
    assert run("audit", "verify").code == 0
    assert run("tenants", "rotate", "acme").code == 3
    assert run("tenants", "create", "acme", "--json").json["version"] == 2


def test_reseal_through_the_settings(run: Run, kek: Path) -> None:
    """The store that the settings name, with the cipher that they ask for."""
    settings = load_settings()
    cipher = open_cipher(settings, MemoryEventSink())
    store = open_store(settings.store, cipher=cipher)
    store.create_collection(settings.collection, EmbedderIdentity(model="m", dimension=2))
    point = StoredPoint(id=ChunkId("c"), vector=np.array([1.0, 0.0]), payload={"text": "hello"})
    store.upsert(settings.collection, ACME, [point])
    store.close()
    run("tenants", "rotate", "acme")
    assert run("tenants", "reseal", "acme", "--json").json == {"tenant": "acme", "resealed": 1}
    assert run("tenants", "reseal", "acme", "--json").json == {"tenant": "acme", "resealed": 0}
    run("tenants", "erase", "acme", "--confirm", "acme")
    store = open_store(settings.store, cipher=cipher)
    with pytest.raises(ErasedTenantError):
        store.upsert(settings.collection, ACME, [point])
    store.close()
    cipher.close()


def test_forgetting_the_key_stores_nothing_in_plain(
    run: Run, kek: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With keys of tenants in the state folder a guard without the setting is refused."""
    run("tenants", "create", "acme")
    monkeypatch.delenv("RAGBASTION_ENCRYPTION__KEY")
    (check,) = (c for c in run("doctor", "--json").json if c["name"] == "encryption")
    done = run("tenants", "reseal", "acme")
    assert (check["health"], done.code, "move that file away" in done.errors) == ("fail", 2, True)
