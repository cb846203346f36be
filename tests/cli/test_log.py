"""``ragbastion log``: what an auditor and a witness run."""

import json
import sqlite3
import sys
from pathlib import Path

import pytest
from ragbastion.core.chunk import Chunk, Digest, DocumentId, TenantId
from ragbastion.ingest.provenance import BatchSigner
from ragbastion.ingest.provenance.log import NoteKey, open_log, read_bundle

from .conftest import Run


@pytest.fixture
def envelopes(own_state: Path) -> list[str]:
    """The ids of three envelopes, signed in the test's state folder."""
    import numpy as np

    signer = BatchSigner(own_state / "state")
    chunk = Chunk(
        id="c",
        text="t",
        tenant=TenantId("acme"),
        source="wiki",
        document=DocumentId("d"),
        document_digest=Digest("ab" * 32),
        position=0,
        metadata={},
        vector=np.ones(8, dtype=np.float32),
    )
    made = [signer.sign([chunk], collection_uid=f"u{at}")[0].envelope for at in range(3)]
    signer.close()
    return made


def key(own_state: Path) -> NoteKey:
    """Return the log's verifier key."""
    log = open_log(own_state / "state")
    found = log.key
    log.close()
    return found


def forge(own_state: Path, statement: str) -> None:
    """Change the log behind its back."""
    with sqlite3.connect(own_state / "state" / "provenance_log.db") as database:
        database.execute(statement)
    database.close()


@pytest.mark.usefixtures("envelopes")
def test_an_honest_log_verifies(run: Run) -> None:
    """Exit code 0, and the report says how much there is."""
    report = run("log", "verify", "--json")
    assert (report.code, report.json["size"], report.json["findings"]) == (0, 8, [])
    assert "8 entries, 0 findings" in run("log", "verify").out


@pytest.mark.usefixtures("envelopes")
def test_a_rewritten_log_is_a_finding(run: Run, own_state: Path) -> None:
    """Exit code 1; the entry is named in both forms."""
    forge(own_state, "UPDATE log_entries SET entry = 'x' WHERE idx = 3")
    report = run("log", "verify", "--json")
    named = [(each["kind"], each["index"]) for each in report.json["findings"]]
    assert (report.code, named[0]) == (1, ("changed", 3))
    assert "entry 3 was changed" in run("log", "verify").out


@pytest.mark.usefixtures("envelopes")
def test_a_damaged_log_is_a_failure(run: Run, own_state: Path) -> None:
    """Exit code 3, and what to restore."""
    path = own_state / "state" / "provenance_log.db"
    path.write_bytes(b"x" * 5000)
    done = run("log", "verify")
    assert (done.code, "restore it" in done.errors, path.read_bytes()) == (3, True, b"x" * 5000)


def test_a_checkpoint_kept_elsewhere_finds_a_new_history(
    run: Run, own_state: Path, envelopes: list[str]
) -> None:
    """The files of the log and its seen checkpoint are gone, and a new one was made."""
    assert run("log", "checkpoint", "--out", "kept.note").code == 0
    assert run("log", "verify", "--seen", "kept.note").code == 0
    for name in ("provenance_log.db", "provenance_log.seen"):
        (own_state / "state" / name).unlink()
    with sqlite3.connect(own_state / "state" / "provenance.db") as database:
        database.execute("DELETE FROM log_journal WHERE seq = 2")
    database.close()
    run("log", "checkpoint")
    done = run("log", "verify", "--seen", "kept.note", "--json")
    assert (done.code, done.json["findings"][0]["kind"]) == (1, "rollback")


@pytest.mark.usefixtures("envelopes")
def test_entries_are_shown(run: Run) -> None:
    """The last ones, or from an index on."""
    assert [each["index"] for each in run("log", "show", "-n", "2", "--json").json] == [6, 7]
    [first] = run("log", "show", "--from", "0", "-n", "1", "--json").json
    assert (first["kind"], first["subject"]) == ("source.opened", "source/acme/wiki")
    assert "key.registered" in run("log", "show").out


def test_a_new_state_folder_has_an_empty_log(run: Run) -> None:
    """Nothing was signed yet, and that is no error."""
    assert run("log", "show", "--json").json == []
    assert run("log", "verify").code == 0


def test_a_bundle_is_written(run: Run, own_state: Path, envelopes: list[str]) -> None:
    """It verifies without the log; an unknown envelope is a failure."""
    assert run("log", "prove", "--envelope", envelopes[1], "--out", "b.json").code == 0
    bundle = json.loads((own_state / "b.json").read_text())
    assert read_bundle(bundle, key(own_state)).fields["collection_uid"] == "u1"
    assert run("log", "prove", "--envelope", "unknown").code == 2


@pytest.mark.usefixtures("envelopes")
def test_proofs_are_written(run: Run) -> None:
    """Of one entry, and of growth."""
    assert run("log", "prove", "--index", "2").json["inclusionProof"]["logIndex"] == "2"
    grown = run("log", "prove", "--old", "2").json
    assert (grown["oldSize"], grown["newSize"]) == ("2", "8")
    assert run("log", "prove", "--old", "2", "--new", "3").json["newSize"] == "3"


@pytest.mark.parametrize(
    "wrong", [(), ("--index", "1", "--old", "1"), ("--index", "9"), ("--old", "9")]
)
def test_odd_proofs_are_wrong_usage(run: Run, wrong: tuple[str, ...]) -> None:
    """None, two at once, or beyond the end."""
    assert run("log", "prove", *wrong).code == 2


def test_a_witness_cosigns_by_command(run: Run, own_state: Path, envelopes: list[str]) -> None:
    """Set up as the docs say: its key in the settings, a quorum of one."""
    line = [sys.executable, "-m", "ragbastion", "log", "witness", "--folder", "w"]
    line += ["--name", "witness.example/w1", "--log", str(key(own_state))]
    vkey = run(*line[3:], "--key").out.strip()
    settings = f"""
[provenance.log]
quorum = 1
[[provenance.log.witnesses]]
key = "{vkey}"
command = {json.dumps(line)}
"""
    (own_state / "ragbastion.toml").write_text(settings)
    assert run("log", "verify", "--json").json["findings"][0]["kind"] == "quorum"
    signed = run("log", "checkpoint")
    assert (signed.code, "— witness.example/w1 " in signed.out) == (0, True)
    assert run("log", "verify").code == 0


def test_a_witness_answers_a_folder(run: Run, own_state: Path, envelopes: list[str]) -> None:
    """Too few have cosigned until it was asked."""
    line = ["log", "witness", "--folder", "w", "--name", "w.example/1"]
    vkey = run(*line, "--key").out.strip()
    (own_state / "ragbastion.toml").write_text(
        "[provenance.log]\nquorum = 1\n"
        f'[[provenance.log.witnesses]]\nkey = "{vkey}"\nfolder = "x"\n'
    )
    first = run("log", "checkpoint")
    assert (first.code, "has not answered yet" in first.errors) == (1, True)
    assert run(*line, "--log", str(key(own_state)), "--serve", "x").code == 0
    signed = run("log", "checkpoint", "--out", "c.note")
    assert (signed.code, (own_state / "c.note").read_text().count("— w.example/1 ")) == (0, 1)


def test_a_witness_refuses_nonsense(run: Run) -> None:
    """No log named, a bad key, a request that is none."""
    line = ("log", "witness", "--folder", "w", "--name", "w.example/1")
    assert run(*line).code == 2
    assert run(*line, "--log", "x").code == 2
    good = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert run(*line, "--log", good, given="nonsense").code == 3
