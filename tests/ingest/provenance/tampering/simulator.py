"""A store of signed points, and every way of tampering with it: what an attacker of the store does.

After the repository simulator of python-tuf. Made for tests of whatever reads a store: `TAMPERINGS`
names each kind, does it, and says what retrieval and a sweep must call it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from ragbastion.core.chunk import Chunk, ChunkId, Digest, DocumentId, Integrity, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import IsolationError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import Hit, StoredPoint, VectorStore
from ragbastion.ingest.ledger import Ledger, LedgerEntry, LedgerKey
from ragbastion.ingest.provenance import (
    BatchSigner,
    ChunkVerifier,
    chunk_id,
    from_point,
    to_point,
)
from ragbastion.ingest.writer import BatchWriter
from ragbastion.retrieval_guard.documents import DocumentName, Documents
from ragbastion.retrieval_guard.results import Dropped
from ragbastion.retrieval_guard.sweep import Sweep, SweepReport, stored_points
from ragbastion.retrieval_guard.verification import Verification
from ragbastion.tenancy import AccessLabel, DocumentAccess, operator_context
from ragbastion.tenancy.access_labels import CLASSIFICATION, DELETED_AT, USERS, without_label

DIMENSION = 64
EMBEDDER = EmbedderIdentity(model="simulated", dimension=DIMENSION)
COLLECTION, OTHER_COLLECTION = "handbook", "archive"
ACME, GLOBEX = TenantId("acme"), TenantId("globex")
CURATOR = operator_context(tenant=ACME, principal="cy", roles=["curator"], clearance=3)


class Act(Protocol):
    """Tampers with a simulator and returns the point that it made bad, in acme's partition."""

    def __call__(self, simulator: Simulator) -> str:
        """Tamper; return the id of the point."""
        ...


@dataclass
class Simulator:
    """Five honest points each of two tenants and two collections, and hands to write any point.

    ``state_dir`` is the state folder that signs and verifies, ``enemy_dir`` that of an attacker.
    ``smuggled`` are points that our stores refuse to keep, and another one would return.
    """

    store: VectorStore
    state_dir: Path
    enemy_dir: Path
    chunks: dict[tuple[str, str], list[Chunk]] = field(default_factory=dict)
    smuggled: list[StoredPoint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.signer = BatchSigner(self.state_dir)
        self.ledger = Ledger(self.state_dir / "ledger.db")
        for place in ((COLLECTION, ACME), (COLLECTION, GLOBEX), (OTHER_COLLECTION, ACME)):
            self.chunks[place] = self.publish(*place, 5)

    def publish(
        self,
        collection: str,
        tenant: TenantId,
        count: int,
        *,
        seed: int = 7,
        signer: BatchSigner | None = None,
    ) -> list[Chunk]:
        """Sign and store chunks of one document each; ingest them, unless a signer is given."""
        info = self.store.create_collection(collection, EMBEDDER)
        chunks = chunks_of(tenant, info.uid, count, seed=seed)
        proofs = (signer or self.signer).sign(chunks, collection_uid=info.uid)
        points = [to_point(chunk, proof) for chunk, proof in zip(chunks, proofs, strict=True)]
        self.store.upsert(collection, tenant, points)
        if signer is None:
            self.ledger.commit([entry_of(chunk, info.uid) for chunk in chunks])
        return chunks

    def replace(self, at: int, newer: Chunk) -> StoredPoint:
        """Ingest a newer version of a document; return the point of the version before."""
        old, uid = self.point(at), self.store.collection(COLLECTION).uid
        [proof] = self.signer.sign([newer], collection_uid=uid)
        self.write(to_point(newer, proof))
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
        info = self.store.collection(COLLECTION)
        return Documents(self.store, self.ledger, access, info)

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

    def change(self, at: int = 1, **payload: Any) -> str:
        """Change fields of an honest point's payload."""
        point = self.point(at)
        return self.write(replace(point, payload={**point.payload, **payload}))

    def change_proof(self, at: int = 1, **fields: Any) -> str:
        """Change fields of an honest point's proof."""
        chunk, proof = from_point(self.point(at))
        assert proof is not None
        return self.write(to_point(chunk, replace(proof, **fields)))

    def registry(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run SQL on the registry behind its back."""
        with sqlite3.connect(self.state_dir / "provenance.db") as database:
            rows = database.execute(sql, values).fetchall()
        database.close()
        return rows

    def retrieved(self, point: str) -> str:
        """Return why retrieval drops a point, its label where it serves it, "" where it is gone."""
        info = self.store.collection(COLLECTION)
        points = self.smuggled or self.store.get(COLLECTION, ACME, [ChunkId(point)])
        hits = [Hit(point=each, score=0.9) for each in points]
        verifier = ChunkVerifier(self.state_dir)
        outcomes = Verification(verifier, Integrity.UNTRUSTED)(hits, ACME, info)
        verifier.close()
        for each in outcomes:
            return each.reason if isinstance(each, Dropped) else str(each.chunk.integrity)
        return ""

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


def entry_of(chunk: Chunk, uid: str) -> LedgerEntry:
    """Return what the ledger keeps of a document that has one chunk."""
    key = LedgerKey(
        collection=uid, tenant=chunk.tenant, source=chunk.source, document=chunk.document
    )
    return LedgerEntry(key=key, digest=chunk.document_digest, pipeline="1", chunks=(chunk.id,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """One kind: what is done, the words by which retrieval refuses it, the state a sweep names.

    ``spoils`` is how many points go bad; "missing" is a state of points that are not there.
    """

    act: Act
    refusal: str
    state: str
    spoils: int = 1


def _flip_text(simulator: Simulator) -> str:
    text = bytearray(simulator.point(1).payload["text"].encode())
    text[0] ^= 1
    return simulator.change(text=text.decode())


def _flip_proof(at: int) -> Act:
    def act(simulator: Simulator) -> str:
        _, proof = from_point(simulator.point(1))
        assert proof is not None
        path = list(proof.path)
        path[at] = bytes([path[at][0] ^ 1, *path[at][1:]])
        return simulator.change_proof(path=tuple(path))

    return act


def _flip_sketch(simulator: Simulator) -> str:
    _, proof = from_point(simulator.point(1))
    assert proof is not None
    return simulator.change_proof(sketch=bytes([*proof.sketch[:-1], proof.sketch[-1] ^ 1]))


def _swap_texts(simulator: Simulator) -> str:
    first, second = (simulator.point(at).payload["text"] for at in (1, 2))
    simulator.change(2, text=first)
    return simulator.change(1, text=second)


def _swap_vectors(simulator: Simulator) -> str:
    first, second = simulator.point(1), simulator.point(2)
    simulator.write(replace(second, vector=first.vector))
    return simulator.write(replace(first, vector=second.vector))


def _swap_payloads(simulator: Simulator) -> str:
    first, second = simulator.point(1), simulator.point(2)
    simulator.write(replace(second, payload=first.payload))
    return simulator.write(replace(first, payload=second.payload))


def _turn_vector(simulator: Simulator) -> str:
    point = simulator.point(1)
    turned = np.asarray(point.vector) + 0.2 * np.asarray(simulator.point(3).vector)
    return simulator.write(replace(point, vector=(turned / np.linalg.norm(turned)).astype("f4")))


def _splice_tenants(simulator: Simulator) -> str:
    foreign = simulator.point(1, tenant=GLOBEX)
    with pytest.raises(IsolationError, match="names another tenant"):
        simulator.write(foreign)
    simulator.smuggled.append(foreign)
    return foreign.id


def _splice_tenants_renamed(simulator: Simulator) -> str:
    point = simulator.point(1, tenant=GLOBEX)
    return simulator.write(replace(point, payload={**point.payload, "tenant": ACME}))


def _splice_collections(simulator: Simulator) -> str:
    return simulator.write(simulator.point(1, OTHER_COLLECTION))


def _copy_to_another_id(simulator: Simulator) -> str:
    other = chunk_id((ACME, "elsewhere", "wiki"), "doc1", 0, "another")
    return simulator.write(replace(simulator.point(1), id=other))


def _path_of_another(simulator: Simulator) -> str:
    payload = simulator.point(2).payload
    return simulator.change(1, proof=payload["proof"])


def _forge(simulator: Simulator) -> str:
    """Sign in a state folder of one's own, under the same names."""
    enemy = BatchSigner(simulator.enemy_dir)
    simulator.publish(COLLECTION, ACME, 1, seed=66, signer=enemy)
    enemy.close()
    info = simulator.store.collection(COLLECTION)
    return chunks_of(ACME, info.uid, 1, seed=66)[0].id


def _forge_with_its_envelope(simulator: Simulator) -> str:
    """Smuggle the envelope in as well, under the key that the registry knows for the source."""
    point = _forge(simulator)
    with sqlite3.connect(simulator.enemy_dir / "provenance.db") as database:
        [row] = database.execute("SELECT id, envelope FROM envelopes").fetchall()
    database.close()
    simulator.registry(
        "INSERT INTO envelopes SELECT ?, tenant, collection_uid, source, key_id, ?, created_at "
        "FROM envelopes WHERE collection_uid = ? AND tenant = ? LIMIT 1",
        *row,
        simulator.store.collection(COLLECTION).uid,
        str(ACME),
    )
    return point


def _stale_batch(simulator: Simulator) -> str:
    """Bring back a point of the collection of that name before it was made again."""
    info = simulator.store.collection(COLLECTION)
    [chunk] = chunks_of(ACME, "uid of before", 1, seed=5)
    [proof] = simulator.signer.sign([chunk], collection_uid="uid of before")
    assert info.uid != "uid of before"
    return simulator.write(to_point(chunk, proof))


def _plant_unsigned(simulator: Simulator) -> str:
    [chunk] = chunks_of(ACME, "anything", 1, seed=13)
    return simulator.write(to_point(chunk, None))


def _replay(simulator: Simulator) -> str:
    """Put the version before back, beside the current one."""
    uid = simulator.store.collection(COLLECTION).uid
    newer = chunks_of(ACME, uid, 2, seed=8)[1]
    return simulator.write(simulator.replace(1, newer))


def _replay_in_place(simulator: Simulator) -> str:
    """Put an unchanged section back as it stood in the version before, over the current one."""
    chunk = simulator.chunks[COLLECTION, ACME][1]
    newer = replace(chunk, document_digest=Digest("cd" * 32), metadata={"title": "Repealed"})
    return simulator.write(simulator.replace(1, newer))


def _replay_withdrawn(simulator: Simulator) -> str:
    return simulator.write(simulator.withdraw(1))


def _relabel(**payload: Any) -> Act:
    """Write over keys of a label that was given."""

    def act(simulator: Simulator) -> str:
        simulator.label(1, classification=2)
        return simulator.change(1, **payload)

    return act


def _remove_label(simulator: Simulator) -> str:
    simulator.label(1, classification=2)
    point = simulator.point(1)
    return simulator.write(replace(point, payload=without_label(point.payload)))


def _replay_label(simulator: Simulator) -> str:
    """Put a point back as it stood before its document was classified higher."""
    simulator.label(1, classification=0)
    return simulator.write(simulator.label(1, classification=3))


def _undelete(simulator: Simulator) -> str:
    """Put a point back as it stood before its document was deleted."""
    before = simulator.point(1)
    simulator.documents().delete(named(1), CURATOR)
    return simulator.write(before)


def _delete_points(simulator: Simulator) -> str:
    gone = simulator.point(1).id
    simulator.store.delete(COLLECTION, ACME, [gone])
    return gone


def _wrong_size(simulator: Simulator) -> str:
    """Claim a place beyond the signed size of the tree."""
    return simulator.change_proof(index=5)


def _edit_envelopes(change: str) -> Act:
    """Rewrite acme's envelopes in the registry."""

    def act(simulator: Simulator) -> str:
        uid = simulator.store.collection(COLLECTION).uid
        simulator.registry(
            f"UPDATE envelopes SET envelope = {change} "
            "WHERE collection_uid = ? AND tenant = 'acme'",
            uid,
        )
        return simulator.point(1).id

    return act


def _cut(keep: Callable[[tuple[bytes, ...]], Sequence[bytes]]) -> Act:
    def act(simulator: Simulator) -> str:
        _, proof = from_point(simulator.point(1))
        assert proof is not None
        return simulator.change_proof(path=tuple(keep(proof.path)))

    return act


_SECOND_SIGNATURE = (
    "json_insert(envelope, '$.signatures[#]', json_extract(envelope, '$.signatures[0]'))"
)
_BAD_SECOND = (
    "json_insert(envelope, '$.signatures[#]', json_set(json_extract(envelope, '$.signatures[0]'), "
    f"'$.sig', '{'A' * 86}=='))"
)

TAMPERINGS: Mapping[str, Tampering] = {
    "a bit of the text": Tampering(act=_flip_text, refusal="is altered", state="altered"),
    "a bit of a path's first hash": Tampering(
        act=_flip_proof(0), refusal="is altered", state="altered"
    ),
    "a bit of a path's last hash": Tampering(
        act=_flip_proof(-1), refusal="is altered", state="altered"
    ),
    "a bit of the sketch": Tampering(act=_flip_sketch, refusal="chunk", state="altered"),
    "texts swapped": Tampering(act=_swap_texts, refusal="is altered", state="altered", spoils=2),
    "vectors swapped": Tampering(
        act=_swap_vectors, refusal="another vector", state="altered", spoils=2
    ),
    "payloads swapped": Tampering(
        act=_swap_payloads, refusal="another vector", state="altered", spoils=2
    ),
    "vector turned to another": Tampering(
        act=_turn_vector, refusal="another vector", state="altered"
    ),
    "metadata": Tampering(
        act=lambda s: s.change(metadata={"title": "Approved"}),
        refusal="is altered",
        state="altered",
    ),
    "document": Tampering(
        act=lambda s: s.change(document="doc2"), refusal="is altered", state="altered"
    ),
    "source": Tampering(act=lambda s: s.change(source="hr"), refusal="moved", state="altered"),
    "position": Tampering(act=lambda s: s.change(position=7), refusal="altered", state="altered"),
    "proof stripped": Tampering(
        act=lambda s: s.change(proof=None), refusal="is unsigned", state="unsigned"
    ),
    "planted without a proof": Tampering(
        act=_plant_unsigned, refusal="is unsigned", state="unsigned"
    ),
    "proof that is none": Tampering(
        act=lambda s: s.change(proof="QUJD"), refusal="malformed", state="altered"
    ),
    "payload of something else": Tampering(
        act=lambda s: s.write(replace(s.point(1), payload={"body": "x"})),
        refusal="not a chunk that was ingested",
        state="altered",
    ),
    "spliced from another tenant": Tampering(
        act=_splice_tenants, refusal="belongs to another tenant", state="foreign"
    ),
    "spliced from another tenant and renamed": Tampering(
        act=_splice_tenants_renamed, refusal="moved", state="altered"
    ),
    "spliced from another collection": Tampering(
        act=_splice_collections, refusal="moved", state="altered"
    ),
    "copied to another id": Tampering(
        act=_copy_to_another_id, refusal="is altered", state="altered"
    ),
    "proof of another chunk": Tampering(
        act=_path_of_another, refusal="another vector", state="altered"
    ),
    "stale batch of a collection that was made again": Tampering(
        act=_stale_batch, refusal="moved", state="altered"
    ),
    "older version replayed": Tampering(
        act=_replay, refusal="its document has a newer version", state="replayed"
    ),
    "older version replayed in place": Tampering(
        act=_replay_in_place, refusal="its document has a newer version", state="replayed"
    ),
    "withdrawn document replayed": Tampering(
        act=_replay_withdrawn, refusal="its document was withdrawn", state="replayed"
    ),
    "label widened": Tampering(
        act=_relabel(**{USERS: ["eve"]}), refusal="access label is not", state="relabelled"
    ),
    "label lowered": Tampering(
        act=_relabel(**{CLASSIFICATION: 0}), refusal="access label is not", state="relabelled"
    ),
    "label removed": Tampering(
        act=_remove_label, refusal="access label was taken away", state="relabelled"
    ),
    "label replayed": Tampering(
        act=_replay_label, refusal="access label is not", state="relabelled"
    ),
    "deleted document restored": Tampering(
        act=_undelete, refusal="its document is deleted", state="relabelled"
    ),
    "document hidden": Tampering(
        act=_relabel(**{DELETED_AT: 5.0}),
        refusal="its document is not deleted",
        state="relabelled",
    ),
    "forged key": Tampering(
        act=_forge, refusal="envelope that this state folder does not hold", state="altered"
    ),
    "forged key with its envelope": Tampering(
        act=_forge_with_its_envelope, refusal="does not verify", state="altered"
    ),
    "path truncated": Tampering(
        act=_cut(lambda path: path[:-1]), refusal="is altered", state="altered"
    ),
    "path reordered": Tampering(
        act=_cut(lambda path: path[::-1]), refusal="is altered", state="altered"
    ),
    "path too long": Tampering(
        act=_cut(lambda path: (*path, bytes(32))), refusal="is altered", state="altered"
    ),
    "wrong tree size": Tampering(act=_wrong_size, refusal="is altered", state="altered"),
    "two signatures, both good": Tampering(
        act=_edit_envelopes(_SECOND_SIGNATURE),
        refusal="envelope refused",
        state="altered",
        spoils=5,
    ),
    "two signatures, one bad": Tampering(
        act=_edit_envelopes(_BAD_SECOND), refusal="envelope refused", state="altered", spoils=5
    ),
    "envelope that is none": Tampering(
        act=_edit_envelopes("'{'"), refusal="envelope refused", state="altered", spoils=5
    ),
    "point deleted": Tampering(act=_delete_points, refusal="", state="missing"),
}
"""Everything that is tried, by name."""
