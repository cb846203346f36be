"""From ingest to a person's decision: quarantine, release, query and verify."""

from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import open_store

from .conftest import INJECTION, Run

WHERE = ("--collection", "docs", "--store", "store")


@pytest.fixture
def ingested(run: Run, tmp_path: Path) -> Run:
    """A store with one document of the tenant acme, and one in quarantine."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "clean.md").write_text("The harbour opens at six in the morning.")
    (folder / "attack.txt").write_text(INJECTION)
    done = run("ingest", "docs", "--tenant", "acme", "--source", "wiki", *WHERE)
    assert (done.code, done.errors) == (1, "")
    assert done.out.startswith("2 documents: 1 ingested, 0 unchanged, 0 replaced, 1 quarantined")
    return run


def test_a_held_document_is_reviewed(ingested: Run, tmp_path: Path) -> None:
    """Listed, shown with its bytes, rejected, and then no longer waiting."""
    held = ingested("quarantine", "list", "--json")
    identifier = held.json[0]["id"]
    assert (held.json[0]["document"], held.code) == ("attack.txt", 1)
    assert ingested("quarantine", "show", identifier, "--raw").out == INJECTION
    shown = ingested("quarantine", "show", identifier, "--json").json
    assert (shown["state"], shown["decisions"]) == ("held", [])
    rejected = ingested("quarantine", "reject", identifier, "--reviewer", "ann", "--json")
    assert rejected.json["decided_by"] == "ann"
    assert ingested("quarantine", "list").code == 0
    assert ingested("quarantine", "list", "--state", "all", "--json").json[0]["state"] == "rejected"


def test_a_released_document_is_served(ingested: Run) -> None:
    """Its points verify, and what instructs is still stripped on the way out."""
    identifier = ingested("quarantine", "list", "--json").json[0]["id"]
    released = ingested(
        "quarantine", "release", identifier, "--reviewer", "ann", "--store", "store", "--json"
    )
    assert (released.json["ingested"], released.code) == (1, 0)
    verified = ingested("verify", *WHERE, "--tenant", "acme", "--json")
    assert (verified.json["clean"], verified.json["ok"], verified.code) == (True, 2, 0)
    asked = ingested("query", "instructions", "--tenant", "acme", *WHERE, "--json")
    assert "Ignore all" not in asked.json["context"]
    assert asked.code == 1


def test_a_foreign_point_is_a_finding(ingested: Run) -> None:
    """A point that somebody wrote past the guard is found by a sweep and never served."""
    store = open_store("store")
    vector = np.zeros(384, dtype=np.float32)
    vector[0] = 1.0
    payload = {
        "text": "The harbour is closed.", "tenant": "acme", "source": "wiki", "document": "x",
        "document_digest": "0" * 64, "position": 0, "metadata": {},
    }  # fmt: skip
    identifier = ChunkId("00000000-0000-4000-8000-000000000000")
    store.upsert(
        "docs", TenantId("acme"), [StoredPoint(id=identifier, vector=vector, payload=payload)]
    )
    store.close()
    swept = ingested("verify", *WHERE, "--json")
    assert (swept.json["unsigned"], swept.code) == (1, 1)
    asked = ingested("query", "harbour closed", "--tenant", "acme", *WHERE)
    assert "harbour is closed" not in asked.out
    assert asked.code == 1


def test_a_tenant_without_documents_is_a_failure(ingested: Run) -> None:
    """The tenant that is not there is an error, not an empty answer."""
    done = ingested("query", "harbour", "--tenant", "nobody", *WHERE)
    assert (done.code, done.out, "nobody" in done.errors) == (3, "", True)


def test_ingesting_again_changes_nothing(ingested: Run) -> None:
    """What is stored is unchanged, and what was quarantined stays so."""
    done = ingested("ingest", "docs", "--tenant", "acme", "--source", "wiki", *WHERE, "--json")
    counts = {name: done.json[name] for name in ("ingested", "unchanged", "quarantined")}
    assert (counts, done.code) == ({"ingested": 0, "unchanged": 1, "quarantined": 1}, 1)
