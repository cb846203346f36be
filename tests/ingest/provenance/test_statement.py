"""Statements keep what they were told, also what this release does not know."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ragbastion.core.errors import ProvenanceError
from ragbastion.ingest.provenance import BatchFacts, DocumentFacts, EmbedderFacts
from ragbastion.ingest.provenance.batch_facts import SignedDocument
from ragbastion.ingest.provenance.envelope import open_sealed, seal
from ragbastion.ingest.provenance.keys import key_id, public_pem
from ragbastion.ingest.provenance.statement import BatchStatement, read_statement

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OWN_ID = key_id(KEY.public_key())
FACTS = BatchFacts(
    ingested_at=1_780_000_000,
    embedder=EmbedderFacts(model="m", dimension=8, digest="ab" * 32),
    chunker="chunking@1",
    scanners=("a@1", "b@2"),
    documents=(
        SignedDocument(
            name="d",
            digest="cd" * 32,
            first_leaf=0,
            leaves=3,
            facts=DocumentFacts(loader="text/html@1", decision="flag", kinds=("k",)),
            unknown={"language": "en"},
        ),
        SignedDocument(name="e", digest="", first_leaf=3, leaves=1),
    ),
)
STATEMENT = BatchStatement(
    tenant="acme",
    source="wiki",
    collection_uid="uid",
    root="00" * 32,
    tree_size=4,
    key_id=OWN_ID,
    signed_at=1_780_000_001,
    reviewer="dana",
    facts=FACTS,
    unknown={"later": {"field": [1, 2]}},
)


@pytest.mark.parametrize(
    "statement",
    [
        STATEMENT,
        replace(STATEMENT, facts=BatchFacts(), unknown={}),
        replace(STATEMENT, facts=BatchFacts(), unknown={}, version=1),
    ],
)
def test_a_statement_opens_as_it_was_sealed(statement: BatchStatement) -> None:
    """Every field comes back, in both versions, and with nothing but the least."""
    assert open_sealed(seal(statement, KEY), public_pem(KEY.public_key())) == statement


def test_fields_of_a_later_release_are_kept() -> None:
    """What is not known is written again as it was read."""
    data = STATEMENT.as_statement()
    assert data["predicate"]["later"] == {"field": [1, 2]}
    assert data["predicate"]["documents"][0]["language"] == "en"
    assert read_statement(data, OWN_ID).as_statement() == data


def test_an_unknown_field_replaces_none_of_ours() -> None:
    """A statement that was put together by hand cannot say one field twice."""
    odd = replace(STATEMENT, unknown={"tenant": "evil"})
    assert odd.as_statement()["predicate"]["tenant"] == "acme"


def test_a_check_needs_no_documents() -> None:
    """What a verifier keeps of a statement has no list in it."""
    kept = STATEMENT.without_facts()
    assert (kept.facts, kept.root) == (BatchFacts(), STATEMENT.root)


def _changed(**changes: Any) -> dict[str, Any]:
    data = STATEMENT.as_statement()
    predicate = {**data["predicate"], **changes}
    return {**data, "predicate": {k: v for k, v in predicate.items() if v is not None}}


REFUSED: dict[str, dict[str, Any]] = {
    "a later predicate": {**_changed(), "predicateType": "urn:ragbastion:chunk-batch:v3"},
    "another statement": {**_changed(), "_type": "https://in-toto.io/Statement/v0.1"},
    "another key": _changed(keyId="00" * 32),
    "leaves of another kind": _changed(leafType="ragbastion/chunk/v1"),
}
MALFORMED: dict[str, dict[str, Any]] = {
    "no leaf type": _changed(leafType=None),
    "no tenant": _changed(tenant=None),
    "a document without a name": _changed(documents=[{"digest": {"sha256": ""}}]),
    "a model that is no text": _changed(embedder={"model": 1, "dimension": 1}),
    "a size that is no number": _changed(treeSize="many"),
    "no subject": {**_changed(), "subject": []},
    "a list of documents that is a text": _changed(documents="abc"),
    "a predicate that is a list": {**_changed(), "predicate": []},
}


@pytest.mark.parametrize("name", REFUSED)
def test_another_statement_is_refused(name: str) -> None:
    """A signature over something else says nothing about chunks, nor does an older leaf type."""
    with pytest.raises(ProvenanceError):
        read_statement(REFUSED[name], OWN_ID)


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_statement_is_an_error_of_ours(name: str) -> None:
    """Signed nonsense is refused as an envelope, whatever in it is odd."""
    odd: Any = SimpleNamespace(as_statement=lambda: MALFORMED[name])
    with pytest.raises(ProvenanceError, match="holds no statement of ours"):
        open_sealed(seal(odd, KEY), public_pem(KEY.public_key()))
