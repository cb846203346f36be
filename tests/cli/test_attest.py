"""``ragbastion attest``: evidence out of one state folder and into another."""

import json
from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import Chunk, ChunkId, Digest, DocumentId, TenantId
from ragbastion.core.settings import load_settings
from ragbastion.ingest.provenance import BatchSigner

from .conftest import Run


@pytest.fixture
def evidence(run: Run, tmp_path: Path) -> Path:
    """Return the folder that one signed chunk was exported to."""
    chunk = Chunk(
        id=ChunkId("a"),
        text="text",
        tenant=TenantId("acme"),
        source="wiki",
        document=DocumentId("d"),
        document_digest=Digest("00" * 32),
        position=0,
        vector=np.ones(8, dtype=np.float32),
    )
    BatchSigner(load_settings().state_dir).sign([chunk], collection_uid="uid")
    done = run("attest", "export", str(tmp_path / "evidence"), "--json")
    assert (done.code, done.json["envelopes"]) == (0, 1)
    return tmp_path / "evidence"


def test_export_tells_how_many(run: Run, evidence: Path, tmp_path: Path) -> None:
    """A filter that nothing meets is a wrong call and makes no folder, as is a folder in use."""
    assert run("attest", "export", str(tmp_path / "b"), "--source", "x").code == 2
    assert not (tmp_path / "b").exists()
    assert run("attest", "export", str(evidence)).code == 2


def test_import_asks_for_the_key(
    run: Run, evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere nothing comes in until the key is named; the exit code says so."""
    monkeypatch.setenv("RAGBASTION_STATE_DIR", str(tmp_path / "elsewhere"))
    refused = run("attest", "import", str(evidence))
    assert refused.code == 1
    assert "not registered here" in refused.out.replace("\n", " ")
    [key] = json.loads((evidence / "keys.json").read_text())["keys"]
    done = run("attest", "import", str(evidence), "--trust-key", key["keyId"], "--json")
    assert done.code == 0
    assert done.json == {"added": 1, "known": 0, "keys": 1, "refused": []}


def test_an_unknown_key_is_a_wrong_call(run: Run, evidence: Path) -> None:
    """A key that the folder does not hold cannot be trusted from it."""
    assert run("attest", "import", str(evidence), "--trust-key", "00").code == 2


def test_an_import_is_audited(run: Run, evidence: Path) -> None:
    """Also one that is refused: what was to be trusted, and what came in."""
    [key] = json.loads((evidence / "keys.json").read_text())["keys"]
    run("attest", "import", str(evidence), "--trust-key", key["keyId"])
    run("attest", "import", str(evidence), "--trust-key", "00")
    told = [(e["kind"], e["outcome"]) for e in run("audit", "tail", "--json").lines]
    assert told == [
        ("evidence.import", "started"), ("evidence.imported", "done"),
        ("evidence.import", "started"), ("provenance.refused", "refused"),
    ]  # fmt: skip
