"""The real guard on a smaller collection, to see that it serves what the arrays say.

Passages are signed and stored in an embedded store, asked for through `Guard.search` and
`Guard.retrieve`, and compared with plain search and our chooser over numpy arrays. Ingestion's
checks are left out on both sides: what is compared is retrieval. All sources are of one day here,
as the guard's registry knows no other time than its clock's.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ...core.chunk import Chunk, ChunkId, Digest, DocumentId, Matrix, TenantId, Vector
from ...core.errors import MissingExtraError
from ...core.settings import Settings
from ...ingest.provenance import BatchSigner, chunk_id, to_point
from ...retrieval_guard import Guard, GuardParts
from ...tenancy import operator_context
from .caps import no_guard
from .collection import Collection, Planted
from .contexts import CONTEXT, Chooser
from .families import Attack, Family
from .methods import open_gate
from .screening import Ruling
from .vectors import Vectors
from .world import Doc, Party, World

PASSAGES, QUESTIONS, SOURCES = 1_000, 6, 5
TENANT = TenantId("bench")
CONTEXT_OF_ASKER = operator_context(tenant=TENANT, principal="bench")

Fields = dict[str, Any]


class Stored:
    """A guard over an embedded store, and hands to put documents in and take them out."""

    def __init__(self, embedder: Vectors, folder: Path) -> None:
        settings = Settings(state_dir=folder / "state", store=str(folder / "store"))
        self._embedder = embedder
        self._signer = BatchSigner(settings.state_dir, settings.provenance)
        self.guard = Guard.from_settings(settings, GuardParts(embedder=embedder))
        self._name = settings.collection
        self._info = self.guard.store.create_collection(self._name, embedder.identity)
        self._ids: dict[str, str] = {}

    def add(self, docs: Sequence[Doc]) -> list[ChunkId]:
        """Sign and store documents as one chunk each."""
        vectors = self._embedder.embed([doc.text for doc in docs])
        chunks = [self._chunk(*each) for each in zip(docs, vectors, strict=True)]
        proofs = self._signer.sign(chunks, collection_uid=self._info.uid)
        points = [to_point(*each) for each in zip(chunks, proofs, strict=True)]
        self.guard.store.upsert(self._name, TENANT, points)
        self._ids.update({c.id: d.id for c, d in zip(chunks, docs, strict=True)})
        return [chunk.id for chunk in chunks]

    def remove(self, ids: Sequence[ChunkId]) -> None:
        """Delete documents."""
        self.guard.store.delete(self._name, TENANT, ids)

    def searched(self, question: str) -> list[str]:
        """Return what plain search serves."""
        hits = self.guard.search(question, CONTEXT_OF_ASKER, limit=CONTEXT)
        return [self._ids[hit.point.id] for hit in hits]

    def retrieved(self, question: str) -> list[str]:
        """Return what the guard serves."""
        answer = self.guard.retrieve(question, CONTEXT_OF_ASKER, limit=CONTEXT)
        return [self._ids[chunk.id] for chunk in answer.chunks]

    def _chunk(self, doc: Doc, vector: Vector) -> Chunk:
        scope = (TENANT, self._info.uid, doc.party.name)
        return Chunk(
            id=chunk_id(scope, doc.id, 0, doc.text),
            text=doc.text,
            tenant=TENANT,
            source=doc.party.name,
            document=DocumentId(doc.id),
            document_digest=Digest(hashlib.sha256(doc.text.encode()).hexdigest()),
            position=0,
            vector=vector,
        )


def end_to_end(
    world: World,
    families: Sequence[Family],
    choose: Chooser,
    embedder: Vectors,
    seed: int,
    say: Callable[[str], None],
) -> Fields:
    """Return how often both ways serve the same passages in the same order, and what it took."""
    small = _smaller(world, families, seed)
    collection = Collection(
        small, embedder.embed([doc.text for doc in small.docs]), _allowed(small)
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            stored = Stored(embedder, Path(folder))
        except MissingExtraError as error:
            return {"skipped": f"skipped: {error}"}
        with stored.guard:
            say(f"end to end: {len(small.docs)} passages in the real store")
            stored.add(small.docs)
            rows = [_compared(stored, collection, family, choose, embedder) for family in families]
    return {"passages": len(small.docs), "rows": rows}


def chosen_families(families: Sequence[Family]) -> list[Family]:
    """Return a few families of different groups, those with whole sets of texts first."""
    found: dict[str, Family] = {}
    for family in sorted(families, key=lambda each: -len(each.attacks[0].texts)):
        found.setdefault(family.group, family)
    return [found[group] for group in sorted(found)]


def _compared(
    stored: Stored, collection: Collection, family: Family, choose: Chooser, embedder: Vectors
) -> Fields:
    same: dict[str, list[bool]] = {"search": [], "guard": []}
    poison: dict[str, list[float]] = {"store": [], "arrays": []}
    seconds = []
    for attack in family.attacks[:QUESTIONS]:
        docs = _poison(attack)
        ids = stored.add(docs)
        planted = _planted(docs, embedder.embed([doc.text for doc in docs]))
        for question in attack.questions[:QUESTIONS]:
            query = embedder.embed([question])[0]
            found = collection.candidates(question, query, open_gate, planted)
            plain = [found.docs[at].id for at in no_guard(found.pool, CONTEXT).places]
            ours = [found.docs[at].id for at in choose(found.pool, CONTEXT).places]
            same["search"].append(plain == stored.searched(question))
            started = time.perf_counter()
            served = stored.retrieved(question)
            seconds.append(time.perf_counter() - started)
            same["guard"].append(ours == served)
            for side, each in (("store", served), ("arrays", ours)):
                poison[side].append(_share(each))
        stored.remove(ids)
    return {
        "family": family.name,
        "questions": len(seconds),
        **{f"same {side}": sum(equal) / len(equal) for side, equal in same.items()},
        **{f"PE@5 {side}": sum(shares) / len(shares) for side, shares in poison.items()},
        "ms guard": median(seconds) * 1000,
    }


def _smaller(world: World, families: Sequence[Family], seed: int) -> World:
    """Return a sample with the gold of the asked questions, every source of one day."""
    asked = [q for family in families for a in family.attacks[:QUESTIONS] for q in a.questions]
    wanted = {each for question in asked for each in world.gold.get(question, ())}
    rest = [doc for doc in world.docs if doc.id not in wanted]
    drawn = random.Random(f"{seed} end to end").sample(rest, min(PASSAGES, len(rest)))
    kept = [doc for doc in world.docs if doc.id in wanted] + drawn
    docs = tuple(
        Doc(id=d.id, text=d.text, party=Party(name=d.party.name, opened=0), domain=d.domain)
        for d in kept
    )
    return World(
        docs=docs, reserve=(), gold=world.gold, probes=(), unaimed=(), history=(),
        by_id={doc.id: doc for doc in docs},
    )  # fmt: skip


def _poison(attack: Attack) -> list[Doc]:
    return [
        Doc(
            id=f"poison/{at}",
            text=text,
            party=Party(name=f"publisher-x{at % SOURCES}", opened=0),
            poison=True,
        )
        for at, text in enumerate(attack.texts)
    ]


def _planted(docs: Sequence[Doc], vectors: Matrix) -> list[Planted]:
    return [
        Planted(doc=doc, vector=vector, ruling=Ruling())
        for doc, vector in zip(docs, vectors, strict=True)
    ]


def _allowed(world: World) -> list[Ruling]:
    return [Ruling()] * len(world.docs)


def _share(served: Sequence[str]) -> float:
    return sum(each.startswith("poison/") for each in served) / max(len(served), 1)
