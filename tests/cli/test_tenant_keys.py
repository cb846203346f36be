"""``ragbastion tenants``: the keys of the tenants, from a first key to erasure with the store."""

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
    done = run("tenants", "keys")
    assert (done.code, "encryption.key" in done.errors) == (2, True)


def test_a_key_that_others_can_read_is_refused(run: Run, kek: Path) -> None:
    """With its mode."""
    kek.chmod(0o644)
    done = run("tenants", "keys")
    assert (done.code, "0644" in done.errors) == (3, True)


def test_create_rotate_and_list(run: Run, kek: Path) -> None:
    """Versions grow, and the list shows no key."""
    assert run("tenants", "create", "--tenant", "acme", "--json").json == {
        "tenant": "acme",
        "version": 1,
    }
    assert run("tenants", "create", "--tenant", "acme").code == 2
    assert run("tenants", "rotate", "--tenant", "acme", "--json").json == {
        "tenant": "acme",
        "version": 2,
    }
    rows = run("tenants", "keys", "--json").json
    assert [(row["tenant"], row["version"], row["erased"]) for row in rows] == [
        ("acme", 1, None), ("acme", 2, None)
    ]  # fmt: skip
    assert rows[0].keys() == {"tenant", "version", "key", "kek", "seals", "created", "erased"}
    assert "acme" in run("tenants", "keys").out


def test_rewrap_with_both_keys(run: Run, kek: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one among the previous keys, then not needed any more."""
    run("tenants", "create", "--tenant", "acme")
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


def test_erase_leaves_proof(run: Run, kek: Path) -> None:
    """In the audit log, which verifies: what was dropped, between the two ends of the erasure."""
    run("tenants", "create", "--tenant", "acme")
    assert run("tenants", "erase", "--tenant", "acme", "--yes").code == 0
    before, dropped, after = run("audit", "tail", "--json").lines[-3:]
    assert (before["kind"], after["kind"]) == ("tenancy.erasing", "tenancy.erased")
    (gone,) = dropped["detail"]["keys"]
    assert (dropped["kind"], dropped["tenant"], gone["version"]) == (
        "tenancy.keys_erased", "acme", 1
    )  # fmt: skip
    assert dropped["principal"] != ""
    assert run("audit", "verify").code == 0
    assert run("tenants", "rotate", "--tenant", "acme").code == 3
    assert run("tenants", "create", "--tenant", "acme", "--json").json["version"] == 2


def test_reseal_through_the_settings(run: Run, kek: Path) -> None:
    """The store that the settings name, with the cipher that they ask for."""
    settings = load_settings()
    cipher = open_cipher(settings, MemoryEventSink())
    store = open_store(settings.store, cipher=cipher)
    store.create_collection(settings.collection, EmbedderIdentity(model="m", dimension=2))
    point = StoredPoint(id=ChunkId("c"), vector=np.array([1.0, 0.0]), payload={"text": "hello"})
    store.upsert(settings.collection, ACME, [point])
    store.close()
    run("tenants", "rotate", "--tenant", "acme")
    assert run("tenants", "reseal", "--tenant", "acme", "--json").json == {
        "tenant": "acme",
        "resealed": 1,
    }
    assert run("tenants", "reseal", "--tenant", "acme", "--json").json == {
        "tenant": "acme",
        "resealed": 0,
    }
    run("tenants", "erase", "--tenant", "acme", "--yes")
    store = open_store(settings.store, cipher=cipher)
    with pytest.raises(ErasedTenantError):
        store.upsert(settings.collection, ACME, [point])
    store.close()
    cipher.close()


def test_forgetting_the_key_stores_nothing_in_plain(
    run: Run, kek: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With keys of tenants in the state folder a guard without the setting is refused."""
    run("tenants", "create", "--tenant", "acme")
    monkeypatch.delenv("RAGBASTION_ENCRYPTION__KEY")
    (check,) = (c for c in run("doctor", "--json").json if c["name"] == "encryption")
    done = run("tenants", "reseal", "--tenant", "acme")
    assert (check["health"], done.code, "move that file away" in done.errors) == ("fail", 2, True)
