"""Honest round trips: signed, written as a store writes, read back, verified; refusals counted."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from qdrant_client import QdrantClient
from ragbastion.core.chunk import Chunk, ChunkId, Matrix, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import StoredPoint, VectorStore
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier, from_point, to_point
from ragbastion.tenancy import EdgeStore, QdrantStore

from .honest_chunks import DIMENSIONS, _unit, honest_chunks
from .peers import Peer

_STORED_DIMENSION = 384
_STORED_BATCH = 500
_TENANT = TenantId("acme")
_SHOWN = 20


def _decimals(vectors: Matrix) -> Matrix:
    """Through decimal text with the fewest digits that name a float32, as pgvector writes."""
    texts = [",".join(map(str, row)) for row in vectors]
    return np.array([text.split(",") for text in texts]).astype(np.float32)


def _json(vectors: Matrix) -> Matrix:
    return np.array(json.loads(json.dumps(vectors.tolist())), dtype=np.float32)


def _half(vectors: Matrix) -> Matrix:
    return vectors.astype(np.float16).astype(np.float32)


TRIPS: Mapping[str, tuple[int, Callable[[Matrix], Matrix]]] = {
    "float32 as it is": (4, lambda vectors: vectors.copy()),
    "normalised in float32": (8, _unit),
    "scaled and normalised in float32": (8, lambda v: _unit(v * np.float32(1.37))),
    "normalised, half precision": (8, lambda v: _half(_unit(v))),
    "normalised, half precision, normalised": (8, lambda v: _unit(_half(_unit(v)))),
    "normalised five times": (4, lambda v: _unit(_unit(_unit(_unit(_unit(v)))))),
    "JSON numbers": (1, _json),
    "decimal text of float32": (1, _decimals),
}
"""What becomes of the vectors, by how often it is drawn."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many round trips of each kind there were, and which were refused, with why."""

    trips: Counter[str]
    refused: Counter[str]
    dimensions: Counter[int]
    reasons: list[str]
    peers: Counter[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def empty_tally() -> Tally:
    """Return a tally of nothing."""
    return Tally(Counter(), Counter(), Counter(), [], Counter())


def in_memory(count: int, seed: int, folder: Path, peers: Mapping[str, Peer]) -> Tally:
    """Make so many round trips through what stores do to JSON and floats.

    ``peers`` check 25 chunks of each batch as well.
    """
    random, tally = Random(seed), empty_tally()
    with closing(BatchSigner(folder)) as signer, closing(ChunkVerifier(folder)) as verifier:
        made = 0
        while made < count:
            size = min(random.choice((1, 7, 100, 200, 500, 1024, 1500)), count - made)
            dimension, uid = random.choice(DIMENSIONS), f"collection {seed}"
            chunks = honest_chunks(size, dimension, uid, "acme", random.randrange(2**40))
            proofs = signer.sign(chunks, collection_uid=uid)
            points = [to_point(*pair) for pair in zip(chunks, proofs, strict=True)]
            [(name, (_, trip))] = random.choices(
                list(TRIPS.items()), [weight for weight, _ in TRIPS.values()]
            )
            vectors = trip(np.stack([point.vector for point in points]))
            back = [_read_back(*pair) for pair in zip(points, vectors, strict=True)]
            _verify(back, verifier, uid, name, tally)
            _ask_peers(chunks[:25], vectors, uid, name, peers, tally)
            tally.dimensions[dimension] += size
            made += size
    return tally


def _read_back(point: StoredPoint, vector: Any) -> StoredPoint:
    payload = json.loads(json.dumps(point.payload, ensure_ascii=False))
    return StoredPoint(id=point.id, vector=vector, payload=payload)


def _verify(
    points: Sequence[StoredPoint], verifier: ChunkVerifier, uid: str, name: str, tally: Tally
) -> None:
    outcomes = verifier.verify_batch([from_point(point) for point in points], collection_uid=uid)
    tally.trips[name] += len(points)
    for outcome in outcomes:
        if not isinstance(outcome, Chunk):
            tally.refused[name] += 1
            if len(tally.reasons) < _SHOWN:
                tally.reasons.append(f"{name}: {outcome}")


def _ask_peers(
    chunks: Sequence[Chunk],
    vectors: Matrix,
    uid: str,
    name: str,
    peers: Mapping[str, Peer],
    tally: Tally,
) -> None:
    for key, peer in peers.items():
        for chunk, vector in zip(chunks, vectors, strict=False):
            # JSON's own values: what our canonical form adds to them is not the peer's matter.
            plain = replace(chunk, metadata={"title": "x"})
            try:
                proof = peer.prove(plain, uid)
            except ValueError:
                tally.peers[f"{key}|{name}|cannot sign"] += 1
                continue
            point = to_point(plain, None)
            moved = replace(point, vector=vector, payload={**point.payload, key: proof})
            accepted = peer.accepts(moved, _TENANT, uid)
            tally.peers[f"{key}|{name}|{'accepted' if accepted else 'refused'}"] += 1


def through_store(kind: str, count: int, seed: int, folder: Path) -> Tally:
    """Make so many round trips through a real store, written in batches and read by id."""
    tally = empty_tally()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        store: VectorStore = (
            EdgeStore(Path(place)) if kind == "EdgeStore" else QdrantStore(QdrantClient(":memory:"))
        )
        identity = EmbedderIdentity(model="simulated", dimension=_STORED_DIMENSION)
        info = store.create_collection("trips", identity)
        with (
            closing(store),
            closing(BatchSigner(folder)) as signer,
            closing(ChunkVerifier(folder)) as verifier,
        ):
            for start in range(0, count, _STORED_BATCH):
                size = min(_STORED_BATCH, count - start)
                chunks = honest_chunks(size, _STORED_DIMENSION, info.uid, _TENANT, seed + start)
                proofs = signer.sign(chunks, collection_uid=info.uid)
                store.upsert(
                    "trips", _TENANT, [to_point(*pair) for pair in zip(chunks, proofs, strict=True)]
                )
                back = store.get("trips", _TENANT, [ChunkId(chunk.id) for chunk in chunks])
                lost = len(chunks) - len(back)
                tally.refused[kind] += lost
                tally.trips[kind] += lost
                _verify(back, verifier, info.uid, kind, tally)
                tally.dimensions[_STORED_DIMENSION] += size
    return tally
