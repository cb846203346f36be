"""A batch's signature says how it came to be."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from ragbastion.ingest.provenance import BatchFacts, SourceRegistry, from_point
from ragbastion.ingest.provenance.envelope import open_sealed
from ragbastion.ingest.provenance.statement import BatchStatement

from .conftest import ATTACK, HashingEmbedder, Rig


class FingerprintedHashing(HashingEmbedder):
    """An embedder that knows which model it is."""

    model_digest = "ab" * 32


def _statements(rig: Rig) -> dict[str, BatchStatement]:
    """Return what was signed of each document."""
    registry, found = SourceRegistry(rig.state), {}
    for point in rig.points():
        _, proof = from_point(point)
        assert proof is not None
        kept = registry.envelope(proof.envelope)
        assert kept is not None
        key = registry.key(kept[1])
        assert key is not None
        found[str(point.payload["document"])] = open_sealed(kept[0], key.public_pem)
    return found


def test_model_chunker_and_scanners_are_signed(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    """With the model's digest where the embedder tells it."""
    (tmp_path / "a.md").write_text("The harbour opens at six.")
    rig = make_rig(embedder=FingerprintedHashing())
    rig.ingest(tmp_path / "a.md")
    [statement] = _statements(rig).values()
    facts = statement.facts
    assert facts.embedder is not None
    assert (facts.embedder.model, facts.embedder.dimension) == ("hashing", 32)
    assert facts.embedder.digest == "ab" * 32
    assert facts.chunker.startswith("chunking@")
    assert facts.scanners[0].startswith("admission@")
    assert 0 <= statement.signed_at - facts.ingested_at < 60


def test_each_document_is_signed_with_loader_and_verdict(rig: Rig, tmp_path: Path) -> None:
    """Name, digest, the loader that read it, and that its scan let it in."""
    (tmp_path / "a.md").write_text("The harbour opens at six.")
    (tmp_path / "b.html").write_text("<p>The pier is old.</p>")
    rig.ingest(tmp_path / "a.md", tmp_path / "b.html")
    documents = {each.name: each for each in _statements(rig)["a.md"].facts.documents}
    assert list(documents) == ["a.md", "b.html"]
    assert documents["b.html"].facts.loader.startswith("text/html@")
    assert documents["b.html"].facts.decision == "allow"
    digest = hashlib.sha256((tmp_path / "b.html").read_bytes()).hexdigest()
    assert documents["b.html"].digest == digest


def test_a_release_is_signed_with_what_was_found(rig: Rig, tmp_path: Path) -> None:
    """The reviewer's signature hides neither the verdict nor the kinds of the findings."""
    (tmp_path / "evil.md").write_text(ATTACK)
    [held] = rig.ingest(tmp_path / "evil.md").quarantined_items
    rig.pipeline.release(held.id, reviewer="dana")
    statement = _statements(rig)["evil.md"]
    [document] = statement.facts.documents
    assert (statement.reviewer, document.facts.decision) == ("dana", "quarantine")
    assert document.facts.kinds
    assert statement.facts != BatchFacts()
