"""Evidence leaves as files that in-toto's tools read, and comes in only under a trusted key."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf import json_format
from in_toto.models.metadata import Envelope as InTotoEnvelope
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from ragbastion.core.chunk import Integrity
from ragbastion.core.errors import ProvenanceError, RevokedError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.ingest.provenance import (
    BatchSigner,
    ChunkVerifier,
    SourceAdmin,
    SourceRecord,
    SourceRegistry,
    export_evidence,
    import_evidence,
)
from ragbastion.ingest.provenance.evidence import BUNDLE, KEYS
from ragbastion.ingest.provenance.log import LoggedRegistry, verify_log
from securesystemslib.signer import SSlibKey

from .conftest import COLLECTION_UID, make_chunks


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A folder with the evidence of two sources."""
    signer = BatchSigner(tmp_path / "state")
    for source in ("wiki", "forum"):
        signer.sign(make_chunks(3, source=source), collection_uid=COLLECTION_UID)
    signer.close()
    export_evidence(tmp_path / "state", tmp_path / "evidence")
    return tmp_path / "evidence"


def _keys(folder: Path) -> dict[str, str]:
    return {key["name"]: key["keyId"] for key in json.loads((folder / KEYS).read_text())["keys"]}


def test_in_toto_reads_and_verifies_an_export(exported: Path) -> None:
    """in-toto's own library checks signature and statement of every line."""
    keys = {key["keyId"]: key for key in json.loads((exported / KEYS).read_text())["keys"]}
    for line in (exported / BUNDLE).read_text().splitlines():
        envelope = InTotoEnvelope.from_dict(json.loads(line))
        [key_id] = envelope.signatures
        public = load_pem_public_key(keys[key_id]["publicPem"].encode())
        key = SSlibKey.from_crypto(public, keyid=key_id).to_dict()
        envelope.verify_signature({"keyid": key_id, **key})
        assert envelope.payload_type == "application/vnd.in-toto+json"
        message = json_format.Parse(envelope.payload, statement_pb2.Statement())
        Statement.copy_from_pb(message).validate()
        assert message.predicate["tenant"] == "acme"
        assert message.predicate["documents"][0]["name"] == "doc0"


def test_only_what_is_asked_for_is_exported(tmp_path: Path, exported: Path) -> None:
    """One source's envelopes leave with the key that signed them, and no other key."""
    folder = tmp_path / "forum"
    assert export_evidence(tmp_path / "state", folder, tenant="acme", source="forum") == 1
    assert list(_keys(folder)) == ["source/forum"]
    with pytest.raises(UsageError, match="no envelope of that tenant and source"):
        export_evidence(tmp_path / "state", tmp_path / "none", tenant="other")
    assert not (tmp_path / "none").exists()


def test_evidence_verifies_elsewhere(tmp_path: Path) -> None:
    """Chunks verify over another state folder once the key is trusted there; the source is not."""
    chunks = make_chunks(3)
    proofs = BatchSigner(tmp_path / "state").sign(chunks, collection_uid=COLLECTION_UID)
    export_evidence(tmp_path / "state", tmp_path / "evidence")
    trusted = list(_keys(tmp_path / "evidence").values())
    report = import_evidence(tmp_path / "other", tmp_path / "evidence", trusted)
    assert (report.added, report.known, report.keys, report.refused) == (1, 0, 1, ())
    verifier = ChunkVerifier(tmp_path / "other")
    for chunk, proof in zip(chunks, proofs, strict=True):
        verified = verifier.verify(chunk, proof, collection_uid=COLLECTION_UID)
        assert verified.integrity is Integrity.UNTRUSTED
        with pytest.raises(ProvenanceError, match="altered"):
            verifier.verify(replace(chunk, text="x"), proof, collection_uid=COLLECTION_UID)


def test_a_second_import_changes_nothing(tmp_path: Path, exported: Path) -> None:
    """What is here already is counted as known."""
    import_evidence(tmp_path / "other", exported, list(_keys(exported).values()))
    report = import_evidence(tmp_path / "other", exported)
    assert (report.added, report.known, report.refused) == (0, 2, ())


def test_what_comes_in_is_logged(tmp_path: Path, exported: Path) -> None:
    """Key and envelope of an import are in the transparency log when it returns."""
    import_evidence(tmp_path / "other", exported, list(_keys(exported).values()))
    assert verify_log(tmp_path / "other").size == 10  # keys, envelopes, documents
    assert LoggedRegistry(tmp_path / "other").sync() == 0


def test_an_imported_key_is_not_signed_with(tmp_path: Path, exported: Path) -> None:
    """Its private half is elsewhere: who ingests the source here gets a key of their own."""
    theirs = _keys(exported)["source/wiki"]
    import_evidence(tmp_path / "other", exported, [theirs])
    signer = BatchSigner(tmp_path / "other")
    signer.sign(make_chunks(1), collection_uid=COLLECTION_UID)
    keys = SourceRegistry(tmp_path / "other").keys("acme", "source/wiki")
    assert [(key.key_id == theirs, key.uri) for key in keys] == [
        (False, "state:0"),
        (True, "elsewhere:"),
    ]


def test_a_key_comes_home(tmp_path: Path, exported: Path) -> None:
    """Where the private half is, an import into an emptied registry signs with it again."""
    mine = _keys(exported)["source/wiki"]
    (tmp_path / "other").mkdir(mode=0o700)
    (tmp_path / "state" / "keys").rename(tmp_path / "other" / "keys")
    import_evidence(tmp_path / "other", exported, [mine])
    BatchSigner(tmp_path / "other").sign(make_chunks(1), collection_uid=COLLECTION_UID)
    [key] = SourceRegistry(tmp_path / "other").keys("acme", "source/wiki")
    assert key.key_id == mine


def test_a_bundle_cannot_bring_its_own_key(tmp_path: Path, exported: Path) -> None:
    """Nothing comes in under keys that the caller has not named, and no key does."""
    report = import_evidence(tmp_path / "other", exported)
    assert [(line, "not registered" in reason) for line, reason in report.refused] == [
        (1, True),
        (2, True),
    ]
    registry = SourceRegistry(tmp_path / "other")
    assert [registry.key(key) for key in _keys(exported).values()] == [None, None]


def test_a_key_goes_by_its_own_bytes(tmp_path: Path, exported: Path) -> None:
    """A file that lists a key under the id of another does not get it registered."""
    data = json.loads((exported / KEYS).read_text())
    ids = [key["keyId"] for key in data["keys"]]
    stranger = BatchSigner(tmp_path / "evil")
    stranger.sign(make_chunks(1), collection_uid=COLLECTION_UID)
    export_evidence(tmp_path / "evil", tmp_path / "evil evidence")
    [own] = json.loads((tmp_path / "evil evidence" / KEYS).read_text())["keys"]
    data["keys"] = [{**own, "keyId": ids[0]}]
    (exported / KEYS).write_text(json.dumps(data))
    with pytest.raises(UsageError, match="no key with the id"):
        import_evidence(tmp_path / "other", exported, ids[:1])


def _forge(line: str) -> str:
    data = json.loads(line)
    data["signatures"][0]["sig"] = data["signatures"][0]["sig"][::-1].lstrip("=") + "=="
    return json.dumps(data)


def _doubled(line: str) -> str:
    data = json.loads(line)
    data["signatures"] *= 2
    return json.dumps(data)


BAD_LINES = {
    "cut off": lambda line: line[:-20],
    "not JSON": lambda line: "garbage",
    "nested without end": lambda line: "[" * 100_000,
    "not an envelope": lambda line: "[1]",
    "two signatures": _doubled,
    "a forged signature": _forge,
    "bytes that are no text": lambda line: line[:-1] + ', "x": "\udc80"}',
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_refused_and_the_others_come_in(
    tmp_path: Path, exported: Path, name: str
) -> None:
    """The report names the line; nothing else is lost."""
    good, bad = (exported / BUNDLE).read_text().splitlines()
    text = f"{BAD_LINES[name](bad)}\n\n{good}\n"
    (exported / BUNDLE).write_bytes(text.encode("utf-8", "surrogateescape"))
    report = import_evidence(tmp_path / "other", exported, list(_keys(exported).values()))
    assert (report.added, [line for line, _ in report.refused]) == (1, [1])


def test_an_envelope_of_another_source_is_refused(tmp_path: Path, exported: Path) -> None:
    """A key that is registered for one source brings no statement of another."""
    data = json.loads((exported / KEYS).read_text())
    for key in data["keys"]:
        key["name"] = "source/wiki"
    (exported / KEYS).write_text(json.dumps(data))
    ids = [key["keyId"] for key in data["keys"]]
    report = import_evidence(tmp_path / "other", exported, ids)
    assert report.added == 1
    assert "something else" in report.refused[0][1]


def test_a_key_of_another_tenant_brings_nothing(tmp_path: Path, exported: Path) -> None:
    """Whoever holds it could speak for both; the tenant that has it is not told."""
    data = json.loads((exported / KEYS).read_text())
    [key] = [each for each in data["keys"] if each["name"] == "source/wiki"]
    registry = SourceRegistry(tmp_path / "other")
    registry.add_key(key["keyId"], "globex", "source/wiki", key["publicPem"])
    with pytest.raises(ProvenanceError, match="give each source of each tenant a key") as refused:
        import_evidence(tmp_path / "other", exported, [key["keyId"]])
    assert "globex" not in str(refused.value)
    assert import_evidence(tmp_path / "other", exported).added == 0
    registry.close()


@pytest.mark.parametrize("revoked", ["before", "after"])
def test_imported_evidence_counts_from_its_import(tmp_path: Path, revoked: str) -> None:
    """A revocation since a time before the import voids it, however early it was signed."""
    chunks = make_chunks(1)
    [proof] = BatchSigner(tmp_path / "state").sign(chunks, collection_uid=COLLECTION_UID)
    export_evidence(tmp_path / "state", tmp_path / "evidence")
    signed_at = time.time()
    trusted = list(_keys(tmp_path / "evidence").values())
    other = tmp_path / "other"
    admin = SourceAdmin(other, MemoryEventSink(), principal="dana")
    admin.open(SourceRecord(tenant="acme", source="wiki"))
    time.sleep(1.1)  # statements are dated in whole seconds
    since = time.time()
    assert signed_at < since
    if revoked == "before":
        admin.revoke_source("acme", "wiki", "stolen key", since=since)
    import_evidence(other, tmp_path / "evidence", trusted)
    if revoked == "after":
        admin.revoke_source("acme", "wiki", "stolen key", since=since)
    admin.close()
    verifier = ChunkVerifier(other)
    with pytest.raises(RevokedError, match="of a source that is revoked"):
        verifier.verify(chunks[0], proof, collection_uid=COLLECTION_UID)
    here = ChunkVerifier(tmp_path / "state")
    assert here.verify(chunks[0], proof, collection_uid=COLLECTION_UID).integrity


def test_an_export_overwrites_nothing(tmp_path: Path, exported: Path) -> None:
    """A folder that holds evidence is refused, and so is a state folder that holds none."""
    with pytest.raises(UsageError, match="holds evidence already"):
        export_evidence(tmp_path / "state", exported)
    with pytest.raises(UsageError, match="holds no envelopes"):
        export_evidence(tmp_path / "empty", tmp_path / "new")


def test_an_import_of_nothing_is_an_error(tmp_path: Path) -> None:
    """A folder without a bundle is not an empty bundle."""
    with pytest.raises(UsageError, match="holds no"):
        import_evidence(tmp_path / "other", tmp_path)
