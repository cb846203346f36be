"""The audit by the model itself: what is not the vector of its text is found, the rest passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient
from ragbastion import Guard, Settings
from ragbastion.core.chunk import Chunk, Digest, DocumentId, Matrix, TenantId
from ragbastion.core.embedding import EmbedderIdentity, model_digest
from ragbastion.core.errors import ModelMismatchError, VectorError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder
from ragbastion.core.store import VectorStore
from ragbastion.ingest.origin import batch_facts
from ragbastion.ingest.provenance import BatchFacts, BatchSigner, EmbedderFacts, chunk_id, to_point
from ragbastion.retrieval_guard import GuardParts, PointState, SampleSize, VectorMatch
from ragbastion.retrieval_guard.reembedding import Reembedding, angles_degrees, not_the_model
from ragbastion.retrieval_guard.reembedding_report import ReembeddingReport
from ragbastion.retrieval_guard.sampling import Drawn, Reservoir
from ragbastion.tenancy import EdgeStore, QdrantStore

from .conftest import HashingEmbedder

TEXTS = (
    "The harbour opens at six in the morning.",
    "Refunds above 500 dollars need a manager.",
    "The blue pump is serviced every second week.",
    "Übernachtungen werden bis 120 Euro erstattet. 🚢",
    "Turn the valve. " * 25,
)
ALL = SampleSize.parse("all")
ACME, GLOBEX = TenantId("acme"), TenantId("globex")


@pytest.fixture(scope="session")
def model() -> SentenceTransformerEmbedder:
    """The real model, loaded once."""
    return SentenceTransformerEmbedder()


@dataclass
class Audited:
    """A guard with the real model, and hands to sign anything under a source's key."""

    guard: Guard
    model: SentenceTransformerEmbedder
    folder: Path
    events: MemoryEventSink

    def ingest(self, tenant: str = "acme") -> None:
        """Ingest a file for each text."""
        for at, text in enumerate(TEXTS):
            (self.folder / f"{tenant}{at}.md").write_text(text, encoding="utf-8")
        files = [self.folder / f"{tenant}{at}.md" for at in range(len(TEXTS))]
        report = self.guard.ingest(files, tenant=tenant, source="wiki")
        assert (report.ingested, report.chunks) == (len(TEXTS), len(TEXTS))

    def sign(
        self,
        vectors: Matrix,
        texts: Sequence[str] = TEXTS,
        facts: BatchFacts | None = None,
        tenant: TenantId = ACME,
    ) -> list[Chunk]:
        """Sign and store texts with any vectors, as the holder of the source's key can."""
        info = self.guard.store.create_collection("documents", self.model.identity)
        chunks = [
            Chunk(
                id=chunk_id((tenant, info.uid, "wiki"), f"d{at}", 0, text),
                text=text,
                tenant=tenant,
                source="wiki",
                document=DocumentId(f"d{at}"),
                document_digest=Digest("ab" * 32),
                position=0,
                vector=vector,
            )
            for at, (text, vector) in enumerate(zip(texts, vectors, strict=True))
        ]
        signer = BatchSigner(self.guard.settings.state_dir)
        proofs = signer.sign(
            chunks,
            collection_uid=info.uid,
            facts=batch_facts(self.model, "", ()) if facts is None else facts,
        )
        signer.close()
        points = [to_point(*pair) for pair in zip(chunks, proofs, strict=True)]
        self.guard.store.upsert("documents", tenant, points)
        return chunks

    def audit(self, size: SampleSize = ALL, **more: Any) -> ReembeddingReport:
        """Sweep with an audit; return what the audit found."""
        report = self.guard.verify(reembed=size, **more).reembedding
        assert report is not None
        return report


@pytest.fixture(params=["embedded", "qdrant"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    """Each of our stores."""
    made = (
        EdgeStore(tmp_path / "store")
        if request.param == "embedded"
        else QdrantStore(QdrantClient(":memory:"))
    )
    yield made
    made.close()


@pytest.fixture
def audited(
    store: VectorStore, tmp_path: Path, model: SentenceTransformerEmbedder
) -> Iterator[Audited]:
    """A guard with the real model over an empty store."""
    events = MemoryEventSink()
    parts = GuardParts(store=store, embedder=model, events=events)
    with Guard(Settings(state_dir=tmp_path / "state"), parts) as guard:
        yield Audited(guard, model, tmp_path, events)


def test_what_was_ingested_matches(audited: Audited) -> None:
    """Of all tenants, in any language and length, through the store and back."""
    audited.ingest()
    audited.ingest("globex")
    report = audited.audit()
    assert (report.clean, report.population, report.compared) == (True, 10, 10)
    assert report.counts[VectorMatch.MATCHING] == 10
    assert report.largest_angle_degrees < 0.01
    assert report.model_digest == model_digest(audited.model)
    assert audited.audit(tenant="globex").population == 5


def test_a_vector_of_another_text_is_mismatched(audited: Audited) -> None:
    """Signed by its own source, so that nothing else objects; with id, cosine and angle."""
    vectors = audited.model.embed(TEXTS)
    vectors[[0, 1]] = vectors[[1, 0]]
    chunks = audited.sign(vectors)
    report = audited.guard.verify(reembed=ALL)
    assert report.counts[PointState.OK] == 5
    assert report.clean is False
    audit = report.reembedding
    assert audit is not None
    assert (audit.counts[VectorMatch.MISMATCHED], audit.counts[VectorMatch.MATCHING]) == (2, 3)
    assert {finding.id for finding in audit.findings} == {chunks[0].id, chunks[1].id}
    cosine = float(vectors[0] @ vectors[1])
    for finding in audit.findings:
        assert (finding.tenant, finding.source) == (ACME, "wiki")
        assert finding.cosine == pytest.approx(cosine, abs=1e-4)
        assert finding.angle_degrees == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-2)
    [event] = [each for each in audited.events.events if each.kind == "verify"]
    assert event.outcome == "findings"
    assert event.detail["reembedding"]["mismatched"] == 2


@pytest.mark.parametrize(("degrees", "mismatched"), [(0.0, 0), (0.9, 0), (1.1, 5), (2.4, 5)])
def test_a_turn_beyond_the_tolerance_is_mismatched(
    audited: Audited, degrees: float, mismatched: int
) -> None:
    """Also one within what the sketch lets pass."""
    vectors = audited.model.embed(TEXTS).astype(np.float64)
    noise = np.random.default_rng(3).normal(size=vectors.shape)
    noise -= (noise * vectors).sum(axis=1, keepdims=True) * vectors
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    angle = np.radians(degrees)
    audited.sign((np.cos(angle) * vectors + np.sin(angle) * noise).astype(np.float32))
    assert audited.audit().counts[VectorMatch.MISMATCHED] == mismatched


@pytest.mark.parametrize("rounding", ["half precision", "8 bits", "length 3"])
def test_what_stores_do_to_honest_vectors_matches(audited: Audited, rounding: str) -> None:
    """Half precision, 8 bits a coordinate, another length."""
    vectors = audited.model.embed(TEXTS)
    if rounding == "half precision":
        vectors = vectors.astype(np.float16).astype(np.float32)
    elif rounding == "8 bits":
        scale = np.abs(vectors).max() / 127
        vectors = np.rint(vectors / scale).astype(np.float32) * scale
    else:
        vectors = vectors * np.float32(3)
    audited.sign(vectors)
    assert audited.audit().clean is True


def test_brought_vectors_are_not_comparable(audited: Audited) -> None:
    """What was signed without a model is neither passed nor called mismatched."""
    audited.sign(audited.model.embed(TEXTS), facts=BatchFacts())
    report = audited.audit()
    assert (report.clean, report.compared, report.findable_share) == (False, 0, 1.0)
    assert report.counts[VectorMatch.NOT_COMPARABLE] == 5
    assert "names no model" in report.findings[0].reason
    assert report.findings[0].cosine is None


def test_other_files_of_a_model_are_not_comparable(audited: Audited) -> None:
    """The name is the same, the digest in the envelope is not; the others are compared."""
    own = audited.model.identity
    facts = EmbedderFacts(model=own.model, dimension=own.dimension, digest="cd" * 32)
    vectors = audited.model.embed(TEXTS)
    audited.sign(vectors[:2], TEXTS[:2], BatchFacts(embedder=facts), GLOBEX)
    audited.ingest()
    report = audited.audit()
    assert report.counts[VectorMatch.NOT_COMPARABLE] == 2
    assert report.counts[VectorMatch.MATCHING] == 5
    assert all("other files" in finding.reason for finding in report.findings)


def test_a_collection_of_another_model_is_an_error(audited: Audited) -> None:
    """Before anything is swept or embedded."""
    audited.ingest()
    parts = GuardParts(store=audited.guard.store, embedder=HashingEmbedder())
    with (
        Guard(audited.guard.settings, parts) as other,
        pytest.raises(ModelMismatchError, match="hashing-256"),
    ):
        other.verify(reembed=ALL)


def test_what_does_not_verify_is_not_drawn(audited: Audited) -> None:
    """An altered text is the sweep's finding, and no second one of the audit."""
    audited.ingest()
    [first, *_] = list(audited.guard.store.scroll("documents", ACME))
    altered = replace(first, payload={**first.payload, "text": "Anyone may sign."})
    audited.guard.store.upsert("documents", ACME, [altered])
    report = audited.guard.verify(reembed=ALL)
    assert report.counts[PointState.ALTERED] == 1
    assert report.reembedding is not None
    assert (report.reembedding.population, report.reembedding.clean) == (4, True)


def test_a_sample_is_as_large_as_asked(audited: Audited) -> None:
    """No more than there are; a seed draws the same again; what it is worth is told."""
    audited.ingest()
    small = audited.audit(SampleSize.parse("2"), seed=9)
    assert (small.population, small.compared, small.seed) == (5, 2, 9)
    assert small.findable_share == pytest.approx(4 / 5)
    assert small == audited.audit(SampleSize.parse("2"), seed=9)
    assert audited.audit(SampleSize.parse("40%")).compared == 2
    assert audited.audit(SampleSize.parse("200")).compared == 5


def test_an_empty_collection_has_nothing_to_compare(audited: Audited) -> None:
    """Which is told, and is no finding."""
    audited.guard.store.create_collection("documents", audited.model.identity)
    report = audited.audit()
    assert (report.clean, report.population, report.compared) == (True, 0, 0)
    assert report.findable_share == 1.0


def _audit_after(audited: Audited, change: Callable[[], object]) -> ReembeddingReport:
    """Draw all, let something happen, and audit what was drawn."""
    sample: Reservoir[Drawn] = Reservoir(10, 1)
    for point in audited.guard.store.scroll("documents", ACME):
        sample.offer((ACME, point.id))
    change()
    info = audited.guard.store.collection("documents")
    verifier = audited.guard._parts.verifier()
    return Reembedding(audited.guard.store, verifier, audited.model, info).audit(sample)


def test_what_changes_meanwhile_is_not_comparable(audited: Audited) -> None:
    """Deleted or altered between the draw and the embedding: named, and never passed."""
    audited.ingest()
    store = audited.guard.store
    first, second, *_ = store.scroll("documents", ACME)

    def change() -> None:
        store.delete("documents", ACME, [first.id])
        store.upsert("documents", ACME, [replace(second, payload={**second.payload, "text": "x"})])

    report = _audit_after(audited, change)
    assert report.counts == {
        VectorMatch.MATCHING: 3, VectorMatch.MISMATCHED: 0, VectorMatch.NOT_COMPARABLE: 2,
    }  # fmt: skip
    assert {finding.id for finding in report.findings} == {first.id, second.id}
    assert all("changed while" in finding.reason for finding in report.findings)


class Moody(HashingEmbedder):
    """Fails on one text, and on every batch that holds it."""

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Raise for the text."""
        if TEXTS[1] in texts:
            raise VectorError("no vector")
        return super().embed(texts)


def test_a_text_that_the_model_refuses_does_not_hide_the_others(tmp_path: Path) -> None:
    """It is not comparable; the rest of its batch is compared."""
    embedder, store = Moody(), EdgeStore(tmp_path / "store")
    parts = GuardParts(store=store, embedder=embedder)
    with Guard(Settings(state_dir=tmp_path / "state"), parts) as guard:
        audited = Audited(guard, embedder, tmp_path, MemoryEventSink())  # type: ignore[arg-type]
        audited.sign(HashingEmbedder().embed(TEXTS))
        report = audited.audit()
    store.close()
    assert (report.counts[VectorMatch.MATCHING], report.compared) == (4, 4)
    assert "not embedded" in report.findings[0].reason


class Fingerprinted(HashingEmbedder):
    """Tells a digest."""

    model_digest = "ab" * 32


@pytest.mark.parametrize(
    ("signed", "embedder", "why"),
    [
        (None, Fingerprinted(), "no model"),
        (("hashing-256", 256, ""), Fingerprinted(), ""),
        (("hashing-256", 256, "ab" * 32), Fingerprinted(), ""),
        (("the same by another name", 256, "ab" * 32), Fingerprinted(), ""),
        (("hashing-256", 256, "cd" * 32), Fingerprinted(), "other files"),
        (("hashing-256", 128, "ab" * 32), Fingerprinted(), "other files"),
        (("hashing-256", 128, ""), Fingerprinted(), "128 dimensions"),
        (("other", 256, ""), Fingerprinted(), "'other'"),
        (("other", 256, "ab" * 32), HashingEmbedder(), "'other'"),
        (("hashing-256", 256, "ab" * 32), HashingEmbedder(), "does not tell"),
        (("hashing-256", 256, ""), HashingEmbedder(), ""),
    ],
)
def test_the_signed_model_decides(
    signed: tuple[str, int, str] | None, embedder: HashingEmbedder, why: str
) -> None:
    """By the digest of its files where both tell one, else by name and dimension."""
    facts = None
    if signed is not None:
        facts = EmbedderFacts(model=signed[0], dimension=signed[1], digest=signed[2])
    problem = not_the_model(facts, embedder)
    assert why in problem
    assert bool(problem) is bool(why)


def test_small_angles_are_told_apart() -> None:
    """A ten-thousandth of a degree is seen, which the arc cosine of float32 shows as 0 or 0.02."""
    angle = np.radians(1e-4)
    left = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    right = np.array([[np.cos(angle), np.sin(angle)], [0.0, 2.0], [-3.0, 0.0]])
    assert angles_degrees(left, right) == pytest.approx([1e-4, 90.0, 180.0])


def test_the_identity_is_what_a_collection_keeps(model: SentenceTransformerEmbedder) -> None:
    """So a collection of the default model is comparable by default."""
    assert model.identity == EmbedderIdentity(model="all-MiniLM-L6-v2", dimension=384)
