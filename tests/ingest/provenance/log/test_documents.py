"""The log tells which version of a document was signed last."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ragbastion.ingest.provenance import BatchSigner, SourceRegistry
from ragbastion.ingest.provenance.log import LoggedRegistry
from ragbastion.ingest.provenance.log.documents import versions_in

SCOPE = ("acme", "uid-1", "wiki")


def envelope(*documents: object) -> str:
    """Return an envelope that lists documents, as version 2 of the predicate does."""
    statement = {"predicate": {"documents": documents}}
    return json.dumps({"payload": base64.b64encode(json.dumps(statement).encode()).decode()})


def document(name: str, digest: str) -> dict[str, object]:
    """Return a document as the predicate lists it."""
    return {"name": name, "digest": {"sha256": digest}, "firstLeaf": 0, "leaves": 1}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SourceRegistry]:
    """An empty registry with one key."""
    made = SourceRegistry(tmp_path)
    made.add_key("k", "acme", "source/wiki", "pem")
    yield made
    made.close()


@pytest.fixture
def logged(tmp_path: Path, registry: SourceRegistry) -> Iterator[LoggedRegistry]:
    """Its log."""
    made = LoggedRegistry(tmp_path)
    yield made
    made.close()


def current(logged: LoggedRegistry, name: str) -> tuple[str, str] | None:
    """Return (kind, digest) of the newest entry about a document."""
    entry = logged.document(SCOPE, name)
    return None if entry is None else (entry.kind, entry.record)


def test_the_newest_version_is_the_one_signed_last(
    registry: SourceRegistry, logged: LoggedRegistry
) -> None:
    """Each document of an envelope is logged, with the envelope that has it."""
    registry.add_envelope("e1", SCOPE, "k", envelope(document("a", "1"), document("b/c", "2")))
    registry.add_envelope("e2", SCOPE, "k", envelope(document("a", "3")))
    logged.sync()
    assert [current(logged, name) for name in ("a", "b/c", "d")] == [
        ("document.version", "3"),
        ("document.version", "2"),
        None,
    ]
    entry = logged.document(SCOPE, "a")
    assert entry is not None
    assert entry.fields == {"envelope": "e2"}


def test_documents_of_another_scope_are_others(
    registry: SourceRegistry, logged: LoggedRegistry
) -> None:
    """Of another tenant, collection or source."""
    registry.add_envelope("e1", SCOPE, "k", envelope(document("a", "1")))
    logged.sync()
    for scope in (("x", "uid-1", "wiki"), ("acme", "x", "wiki"), ("acme", "uid-1", "x")):
        assert logged.document(scope, "a") is None


def test_a_removed_document_has_no_version(
    registry: SourceRegistry, logged: LoggedRegistry
) -> None:
    """Until it is signed again; what was signed before the removal is logged before it."""
    registry.add_envelope("e1", SCOPE, "k", envelope(document("a", "1")))
    logged.remove_document(SCOPE, "a")
    assert current(logged, "a") == ("document.removed", "")
    registry.add_envelope("e2", SCOPE, "k", envelope(document("a", "1")))
    logged.sync()
    assert current(logged, "a") == ("document.version", "1")


def test_a_document_that_a_run_withdraws_is_logged(
    tmp_path: Path, registry: SourceRegistry, logged: LoggedRegistry
) -> None:
    """By the signer, which every writer has."""
    signer = BatchSigner(tmp_path)
    signer.withdraw(SCOPE, "a")
    signer.close()
    assert current(logged, "a") == ("document.removed", "")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{}",
        '{"payload": 3}',
        '{"payload": "*"}',
        '{"payload": "e30="}',
        envelope(3),
        envelope({"name": "a"}),
        envelope({"name": 1, "digest": {"sha256": "x"}}),
    ],
)
def test_what_lists_no_documents_gives_no_versions(text: str | None) -> None:
    """An envelope of version 1, and anything that is none."""
    assert versions_in({"id": "e", "envelope": text}, 1) == []
