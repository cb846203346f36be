"""``ragbastion tenants``, as a user runs it."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import StoredPoint
from ragbastion.retrieval_guard.parts import QUOTAS_FILE
from ragbastion.tenancy import EdgeStore, Quotas, operator_context

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _store(own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a store with two points of acme and one of globex the store of the settings."""
    monkeypatch.setenv("RAGBASTION_STORE", str(own_state / "store"))
    store = EdgeStore(own_state / "store")
    store.create_collection("docs", EmbedderIdentity(model="m", dimension=2))
    vector = np.array([1, 0], dtype=np.float32)
    for tenant, name in (("acme", "a"), ("acme", "b"), ("globex", "a")):
        point = StoredPoint(id=ChunkId(name), vector=vector, payload={"text": "secret text"})
        store.upsert("docs", TenantId(tenant), [point])
    store.close()


def listed(run: Run) -> dict[str, int]:
    """Return what the command lists."""
    return {row["tenant"]: row["points"] for row in run("tenants", "list", "--json").json}


def test_list_counts_points(run: Run) -> None:
    """Each tenant of each collection is a row, as a table and as JSON."""
    assert listed(run) == {"acme": 2, "globex": 1}
    assert "2 tenants" in run("tenants", "list").out


def test_backup_erase_and_restore(run: Run, tmp_path: Path) -> None:
    """What was backed up comes back after an erasure, and the audit log tells all three."""
    copy = str(tmp_path / "copy")
    made = run("tenants", "backup", copy, "--tenant", "acme", "--json")
    assert (made.code, made.json["tenant"]) == (0, "acme")
    erased = run("tenants", "erase", "--tenant", "acme", "--yes", "--json")
    assert (erased.code, erased.json) == (0, {"tenant": "acme", "erased": {"docs": 2}})
    assert listed(run) == {"globex": 1}
    digest = made.json["sha256"]
    back = run("tenants", "restore", copy, "--tenant", "acme", "--sha256", digest)
    assert (back.code, digest in back.out, listed(run)) == (0, True, {"acme": 2, "globex": 1})
    kinds = [entry["kind"] for entry in run("audit", "tail", "--json").lines]
    expected = ["backed_up", "erasing", "erased", "restored"]
    assert kinds == [f"tenancy.{kind}" for kind in expected]


def test_restore_asks_before_it_replaces(run: Run, tmp_path: Path) -> None:
    """Over points of the tenant: usage error without --replace, done with it."""
    copy = str(tmp_path / "copy")
    run("tenants", "backup", copy, "--tenant", "acme")
    refused = run("tenants", "restore", copy, "--tenant", "acme")
    assert (refused.code, "ask to replace" in refused.errors) == (2, True)
    assert run("tenants", "restore", copy, "--tenant", "acme", "--replace").code == 0


def test_altered_backup_is_a_failure(run: Run, tmp_path: Path) -> None:
    """One line on stderr that quotes nothing of the points; exit code 3."""
    run("tenants", "backup", str(tmp_path / "copy"), "--tenant", "acme")
    points = tmp_path / "copy" / "docs.jsonl"
    points.write_bytes(points.read_bytes()[:-20])
    run("tenants", "erase", "--tenant", "acme", "--yes")
    done = run("tenants", "restore", str(tmp_path / "copy"), "--tenant", "acme")
    assert (done.code, done.errors.count("\n"), "secret" in done.errors) == (3, 1, False)
    assert listed(run) == {"globex": 1}


def test_erase_asks(run: Run) -> None:
    """Without --yes and without an answer nothing is erased, and the option is named."""
    for answer in ("n\n", ""):
        refused = run("tenants", "erase", "--tenant", "acme", given=answer)
        assert (refused.code, "--yes" in refused.errors) == (2, True)
    assert listed(run)["acme"] == 2
    assert run("tenants", "erase", "--tenant", "acme", given="y\n").code == 0
    assert listed(run) == {"globex": 1}


def test_an_erasure_that_finds_nothing_says_so(run: Run) -> None:
    """A misspelt name must not look like an erased tenant."""
    done = run("tenants", "erase", "--tenant", "acmee", "--yes")
    assert (done.code, "had no points of it" in done.out) == (0, True)
    assert listed(run) == {"acme": 2, "globex": 1}


@pytest.mark.parametrize("command", ["list", "backup", "erase"])
def test_a_store_that_is_not_there_is_not_made(run: Run, tmp_path: Path, command: str) -> None:
    """A misspelt folder is an error; a restore makes it."""
    rest = {"backup": [str(tmp_path / "copy"), "--tenant", "acme"]}.get(command, [])
    erase = ["--tenant", "acme", "--yes"] if command == "erase" else []
    done = run("tenants", command, *rest, *erase, "--store", str(tmp_path / "none"))
    assert (done.code, "does not exist" in done.errors) == (3, True)
    assert not (tmp_path / "none").exists()


def refusals(run: Run) -> list[tuple[str, str]]:
    """Return tenant and method of each refusal in the audit log."""
    entries = run("audit", "tail", "--json").lines
    kinds = [entry for entry in entries if entry["kind"] == "tenancy.refused"]
    return [(entry["tenant"], entry["detail"]["method"]) for entry in kinds]


def test_refusals_are_in_the_audit_log(run: Run, tmp_path: Path) -> None:
    """A backup of another tenant, one that is cut, and a name that is none."""
    copy = str(tmp_path / "copy")
    run("tenants", "backup", copy, "--tenant", "acme")
    assert run("tenants", "restore", copy, "--tenant", "globex").code == 3
    assert (
        run("tenants", "restore", copy, "--tenant", "acme", "--replace", "--sha256", "é").code == 3
    )
    assert run("tenants", "erase", "--tenant", "a" * 10_000, "--yes").code == 2
    assert refusals(run) == [
        ("globex", "tenants restore"), ("acme", "tenants restore"), ("", "tenants erase")
    ]  # fmt: skip


def test_a_refusal_stands_though_the_log_cannot_be_written(run: Run, own_state: Path) -> None:
    """The user hears of both."""
    run("tenants", "list")
    (own_state / "state" / "audit.db").write_bytes(b"no database" * 200)
    done = run("tenants", "create", "--tenant", "../x")
    assert (done.code, "warning: the refusal is not in the audit log" in done.errors) == (3, True)


def test_odd_tenant_is_refused(run: Run) -> None:
    """A name that is none is wrong usage, before anything is opened."""
    done = run("tenants", "erase", "--tenant", "../x", "--yes")
    assert (done.code, "tenant refused" in done.errors) == (2, True)


def test_erasing_forgets_what_was_counted(run: Run, own_state: Path) -> None:
    """The quota keeps no count of a tenant that was erased."""
    acme = operator_context(tenant="acme", principal="app")
    path = own_state / "state" / QUOTAS_FILE
    with closing(Quotas(path=path)) as quotas:
        quotas.note_held(acme, "docs", 2)
    assert run("tenants", "erase", "--tenant", "acme", "--yes").code == 0
    with closing(Quotas(path=path)) as quotas:
        assert quotas.used(acme).points == 0
