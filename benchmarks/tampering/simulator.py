"""A store of signed points and hands to write any point into it: what an attacker of the store has.

After the repository simulator of python-tuf. Made for tests of whatever reads a store.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from ragbastion.core.chunk import Chunk, ChunkId, Digest, DocumentId, Integrity, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import Hit, StoredPoint, VectorStore
from ragbastion.ingest.ledger import Ledger, LedgerEntry, LedgerKey
from ragbastion.ingest.provenance import (
    BatchSigner,
    ChunkProof,
    ChunkVerifier,
    chunk_id,
    from_point,
    to_point,
)
from ragbastion.ingest.writer import BatchWriter
from ragbastion.retrieval_guard.documents import DocumentName, Documents
from ragbastion.retrieval_guard.results import Dropped
from ragbastion.retrieval_guard.sweep import Sweep, stored_points
from ragbastion.retrieval_guard.sweep_report import SweepReport
from ragbastion.retrieval_guard.verification import Verification
from ragbastion.tenancy import AccessLabel, DocumentAccess, operator_context

from .peers import Peer

DIMENSION = 64
EMBEDDER = EmbedderIdentity(model="simulated", dimension=DIMENSION)
COLLECTION, OTHER_COLLECTION = "handbook", "archive"
ACME, GLOBEX = TenantId("acme"), TenantId("globex")
CURATOR = operator_context(tenant=ACME, principal="cy", roles=["curator"], clearance=3)


@dataclass
class Simulator:
    """Honest points of two tenants and two collections, and hands to write any point.

    ``state_dir`` is the state folder that signs and verifies, ``enemy_dir`` that of an attacker.
    ``smuggled`` are points that our stores refuse to keep, and another one would return. ``seed``
    decides what the points are and, by ``random``, what exactly is done to which. ``peers`` prove
    the same points beside us, in keys of their own.
    """

    store: VectorStore
    state_dir: Path
    enemy_dir: Path
    seed: int = 7
    count: int = 5
    peers: Mapping[str, Peer] = field(default_factory=dict)
    chunks: dict[tuple[str, str], list[Chunk]] = field(default_factory=dict)
    smuggled: list[StoredPoint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.signer = BatchSigner(self.state_dir)
        self.ledger = Ledger(self.state_dir / "ledger.db")
        for place in ((COLLECTION, ACME), (COLLECTION, GLOBEX), (OTHER_COLLECTION, ACME)):
            self.chunks[place] = self.publish(*place, self.count, seed=self.seed)
        self.random = Random(self.seed)
        self.draw()

    def draw(self) -> None:
        """Choose three honest points that the next tampering is about."""
        self.first, self.second, self.third = self.random.sample(range(self.count), 3)

    def publish(
        self,
        collection: str,
        tenant: TenantId,
        count: int,
        *,
        seed: int = 7,
        enemy: BatchSigner | None = None,
    ) -> list[Chunk]:
        """Sign and store chunks of one document each; ingest them, unless an enemy signs."""
        info = self.store.create_collection(collection, EMBEDDER)
        chunks = chunks_of(tenant, info.uid, count, seed=seed)
        proofs = (enemy or self.signer).sign(chunks, collection_uid=info.uid)
        peers = {name: peer.stranger() if enemy else peer for name, peer in self.peers.items()}
        points = [
            proved(chunk, proof, info.uid, peers)
            for chunk, proof in zip(chunks, proofs, strict=True)
        ]
        self.store.upsert(collection, tenant, points)
        if enemy is None:
            self.ledger.commit([entry_of(chunk, info.uid) for chunk in chunks])
        return chunks

    def replace(self, at: int, newer: Chunk) -> StoredPoint:
        """Ingest a newer version of a document; return the point of the version before."""
        old, uid = self.point(at), self.store.collection(COLLECTION).uid
        [proof] = self.signer.sign([newer], collection_uid=uid)
        self.write(proved(newer, proof, uid, self.peers))
        self.ledger.commit([entry_of(newer, uid)])
        if newer.id != old.id:
            self.store.delete(COLLECTION, ACME, [old.id])
        return old

    def withdraw(self, at: int) -> StoredPoint:
        """Take a document out, as ingestion does; return its point."""
        old, info = self.point(at), self.store.collection(COLLECTION)
        BatchWriter(self.store, self.signer, self.ledger).withdraw(
            entry_of(self.chunks[COLLECTION, ACME][at], info.uid).key, COLLECTION
        )
        return old

    def documents(self) -> Documents:
        """Return what labels and deletes documents honestly."""
        access = DocumentAccess(events=MemoryEventSink())
        return Documents(self.store, self.ledger, access, self.store.collection(COLLECTION))

    def label(self, at: int, *, classification: int) -> StoredPoint:
        """Give a document of acme's another label; return its point as it was before."""
        before, label = self.point(at), AccessLabel(owner="ann", classification=classification)
        self.documents().label(named(at), CURATOR, label)
        return before

    def point(self, at: int, collection: str = COLLECTION, tenant: TenantId = ACME) -> StoredPoint:
        """Read an honest point back."""
        [point] = self.store.get(collection, tenant, [self.chunks[collection, tenant][at].id])
        return point

    def write(self, point: StoredPoint, tenant: TenantId = ACME) -> str:
        """Write any point past every check; return its id."""
        self.store.upsert(COLLECTION, tenant, [point])
        return point.id

    def change(self, at: int | None = None, **payload: Any) -> str:
        """Change fields of an honest point's payload, of the first that was drawn if left out."""
        point = self.point(self.first if at is None else at)
        return self.write(replace(point, payload={**point.payload, **payload}))

    def proof(self) -> ChunkProof:
        """Return the proof of the first point that was drawn."""
        _, proof = from_point(self.point(self.first))
        if proof is None:
            raise AssertionError("an honest point has a proof")
        return proof

    def change_proof(self, **fields: Any) -> str:
        """Change fields of that proof."""
        return self.change(proof=replace(self.proof(), **fields).as_payload())

    def proofs(self, value: Any) -> dict[str, Any]:
        """Return a payload's keys of ours and of each peer's proof, with one value."""
        return dict.fromkeys(("proof", *self.peers), value)

    def registry(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run SQL on the registry behind its back."""
        with sqlite3.connect(self.state_dir / "provenance.db") as database:
            rows = database.execute(sql, values).fetchall()
        database.close()
        return rows

    def retrieved(self, point: str, verifier: ChunkVerifier | None = None) -> str:
        """Return why retrieval drops a point, its label where it serves it, "" where it is gone.

        By a verifier that has seen nothing yet, unless one is given.
        """
        if verifier is None:
            with closing(ChunkVerifier(self.state_dir)) as fresh:
                return self.retrieved(point, fresh)
        info = self.store.collection(COLLECTION)
        hits = [Hit(point=each, score=0.9) for each in self.read(point)]
        for each in Verification(verifier, Integrity.UNTRUSTED)(hits, ACME, info):
            return each.reason if isinstance(each, Dropped) else str(each.chunk.integrity)
        return ""

    def read(self, point: str) -> list[StoredPoint]:
        """Return what a reader of acme is given under an id."""
        return self.smuggled or self.store.get(COLLECTION, ACME, [ChunkId(point)])

    def refused_by(self, peer: str, point: str) -> bool:
        """Whether a peer refuses the point; False where it is gone, of which a peer knows nothing.

        The peer is told where the point was found, and that it must carry a proof.
        """
        uid = self.store.collection(COLLECTION).uid
        read = self.read(point)
        return bool(read) and not self.peers[peer].accepts(read[0], ACME, uid)

    def swept(self) -> SweepReport:
        """Return what a sweep of the tenant finds."""
        verifier = ChunkVerifier(self.state_dir)
        info = self.store.collection(COLLECTION)
        sweep = Sweep(verifier, info)
        stored = stored_points(self.store, COLLECTION, ACME)
        sweep.add(ACME, [*stored, *self.smuggled], self.ledger.chunks(info.uid, ACME))
        verifier.close()
        return sweep.report()

    def close(self) -> None:
        """Close the ledger, the signer and the store."""
        self.ledger.close()
        self.signer.close()
        self.store.close()


def chunks_of(tenant: TenantId, uid: str, count: int, *, seed: int = 7) -> list[Chunk]:
    """Return chunks with texts and unit vectors of their own; another seed is another version."""
    vectors = np.random.default_rng([seed, len(tenant)]).normal(size=(count, DIMENSION))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    chunks = []
    for at in range(count):
        text = f"{tenant}: section {at} as of {seed}"
        chunks.append(
            Chunk(
                id=chunk_id((tenant, uid, "wiki"), f"doc{at}", 0, text),
                text=text,
                tenant=tenant,
                source="wiki",
                document=DocumentId(f"doc{at}"),
                document_digest=Digest(hashlib.sha256(text.encode()).hexdigest()),
                position=0,
                metadata={"title": f"Section {at}", "page": at},
                vector=vectors[at],
            )
        )
    return chunks


def named(at: int) -> DocumentName:
    """Return the name of an honest document."""
    return DocumentName(source="wiki", document=f"doc{at}")


def proved(
    chunk: Chunk, proof: ChunkProof | None, uid: str, peers: Mapping[str, Peer]
) -> StoredPoint:
    """Return the point of a chunk with our proof and those of peers."""
    point = to_point(chunk, proof)
    own = {name: peer.prove(chunk, uid) for name, peer in peers.items()}
    return replace(point, payload={**point.payload, **own})


def entry_of(chunk: Chunk, uid: str) -> LedgerEntry:
    """Return what the ledger keeps of a document that has one chunk."""
    key = LedgerKey(
        collection=uid, tenant=chunk.tenant, source=chunk.source, document=chunk.document
    )
    return LedgerEntry(key=key, digest=chunk.document_digest, pipeline="1", chunks=(chunk.id,))
