"""What the commands say of a ledger that was put back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.ingest.ledger import Ledger, LedgerEntry, LedgerKey
from ragbastion.ingest.provenance import BatchSigner

from ..ingest.provenance.conftest import make_chunks
from .conftest import Run


@pytest.fixture
def rolled_back(own_state: Path) -> None:
    """A state folder whose ledger lacks the version that was ingested last."""
    state = own_state / "state"
    signer, ledger = BatchSigner(state), Ledger(state / "ledger.db")
    [chunk] = make_chunks(1)
    key = LedgerKey(
        collection="u1", tenant=TenantId("acme"), source="wiki", document=chunk.document
    )
    entry = LedgerEntry(
        key=key, digest=chunk.document_digest, pipeline="p", chunks=(ChunkId(chunk.id),)
    )
    signer.sign([chunk], collection_uid="u1", ledger_changes=ledger.intend([entry]))
    ledger.commit([entry])
    signer.close()
    ledger.close()
    with sqlite3.connect(state / "ledger.db") as database:
        for table in ("documents", "noted"):
            database.execute(f"DELETE FROM {table}")
        database.execute("UPDATE changes SET count = 0")
    database.close()


@pytest.mark.usefixtures("rolled_back")
def test_a_rollback_is_a_finding_until_it_is_mended(run: Run) -> None:
    """Named in JSON and in the table; mending names what to ingest again, and is audited."""
    report = run("log", "verify", "--json")
    kinds = [each["kind"] for each in report.json["findings"]]
    assert (report.code, kinds) == (1, ["rollback", "ledger-behind"])
    assert "document/acme/u1/wiki/doc0" in report.json["findings"][1]["reason"]
    assert "ledger-behind" in run("log", "verify").out
    done = run("log", "mend-ledger", "--json")
    row = {"tenant": "acme", "source": "wiki", "document": "doc0", "collection_uid": "u1"}
    assert (done.code, done.json) == (1, {"withdrawn": [row]})
    assert run("log", "verify").code == 0
    assert run("log", "mend-ledger").code == 0
    assert "ledger.mended" in run("audit", "tail").out
