"""Each kind of tampering: what is done, and what retrieval and a sweep must call it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
from ragbastion.core.chunk import Digest
from ragbastion.core.errors import IsolationError
from ragbastion.core.store import StoredPoint
from ragbastion.ingest.provenance import BatchSigner, chunk_id, to_point

from .label_kinds import LABEL_TAMPERINGS
from .simulator import (
    ACME,
    COLLECTION,
    GLOBEX,
    OTHER_COLLECTION,
    Simulator,
    chunks_of,
    proved,
)
from .tampering import Act, Tampering


def _flip_text(simulator: Simulator) -> str:
    text = bytearray(simulator.point(simulator.first).payload["text"].encode())
    # The texts are ASCII, and a lower bit of ASCII flipped is ASCII again.
    text[simulator.random.randrange(len(text))] ^= 1 << simulator.random.randrange(7)
    return simulator.change(text=text.decode())


def _flip_proof(at: int) -> Act:
    def act(simulator: Simulator) -> str:
        path = list(simulator.proof().path)
        path[at] = _flipped(path[at], simulator)
        return simulator.change_proof(path=tuple(path))

    return act


def _flip_sketch(simulator: Simulator) -> str:
    return simulator.change_proof(sketch=_flipped(simulator.proof().sketch, simulator))


def _flipped(data: bytes, simulator: Simulator) -> bytes:
    changed = bytearray(data)
    changed[simulator.random.randrange(len(data))] ^= 1 << simulator.random.randrange(8)
    return bytes(changed)


def _swap_texts(simulator: Simulator) -> str:
    places = simulator.first, simulator.second
    first, second = (simulator.point(at).payload["text"] for at in places)
    simulator.change(simulator.second, text=first)
    return simulator.change(text=second)


def _drawn(simulator: Simulator) -> tuple[StoredPoint, StoredPoint]:
    return simulator.point(simulator.first), simulator.point(simulator.second)


def _swap_vectors(simulator: Simulator) -> str:
    first, second = _drawn(simulator)
    simulator.write(replace(second, vector=first.vector))
    return simulator.write(replace(first, vector=second.vector))


def _swap_payloads(simulator: Simulator) -> str:
    first, second = _drawn(simulator)
    simulator.write(replace(second, payload=first.payload))
    return simulator.write(replace(first, payload=second.payload))


def _turn_vector(simulator: Simulator) -> str:
    point, towards = simulator.point(simulator.first), simulator.point(simulator.third)
    share = simulator.random.uniform(0.1, 0.9)
    turned = np.asarray(point.vector) + share * np.asarray(towards.vector)
    return simulator.write(replace(point, vector=(turned / np.linalg.norm(turned)).astype("f4")))


def _splice_tenants(simulator: Simulator) -> str:
    foreign = simulator.point(simulator.first, tenant=GLOBEX)
    try:
        simulator.write(foreign)
    except IsolationError:
        simulator.smuggled.append(foreign)
    # Empty if our store took it: no tampering is called that.
    return foreign.id if simulator.smuggled else ""


def _splice_tenants_renamed(simulator: Simulator) -> str:
    point = simulator.point(simulator.first, tenant=GLOBEX)
    return simulator.write(replace(point, payload={**point.payload, "tenant": ACME}))


def _splice_collections(simulator: Simulator) -> str:
    return simulator.write(simulator.point(simulator.first, OTHER_COLLECTION))


def _copy_to_another_id(simulator: Simulator) -> str:
    other = chunk_id((ACME, "elsewhere", "wiki"), "doc1", 0, "another")
    return simulator.write(replace(simulator.point(simulator.first), id=other))


def _path_of_another(simulator: Simulator) -> str:
    payload = simulator.point(simulator.second).payload
    return simulator.change(**{name: payload[name] for name in simulator.proofs(None)})


def _forge(simulator: Simulator) -> str:
    """Sign in a state folder of one's own, under the same names."""
    with closing(BatchSigner(simulator.enemy_dir)) as enemy:
        simulator.publish(COLLECTION, ACME, 1, seed=66, enemy=enemy)
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
    return simulator.write(proved(chunk, proof, "uid of before", simulator.peers))


def _plant_unsigned(simulator: Simulator) -> str:
    [chunk] = chunks_of(ACME, "anything", 1, seed=13)
    return simulator.write(to_point(chunk, None))


def _replay(simulator: Simulator) -> str:
    """Put the version before back, beside the current one."""
    uid = simulator.store.collection(COLLECTION).uid
    at = simulator.first
    newer = chunks_of(ACME, uid, at + 1, seed=simulator.seed + 1)[at]
    return simulator.write(simulator.replace(at, newer))


def _replay_in_place(simulator: Simulator) -> str:
    """Put an unchanged section back as it stood in the version before, over the current one."""
    chunk = simulator.chunks[COLLECTION, ACME][simulator.first]
    newer = replace(chunk, document_digest=Digest("cd" * 32), metadata={"title": "Repealed"})
    return simulator.write(simulator.replace(simulator.first, newer))


def _replay_withdrawn(simulator: Simulator) -> str:
    return simulator.write(simulator.withdraw(simulator.first))


def _delete_points(simulator: Simulator) -> str:
    gone = simulator.point(simulator.first).id
    simulator.store.delete(COLLECTION, ACME, [gone])
    return gone


def _wrong_size(simulator: Simulator) -> str:
    """Claim a place beyond the signed size of the tree."""
    return simulator.change_proof(index=simulator.count)


def _edit_envelopes(change: str) -> Act:
    """Rewrite acme's envelopes in the registry."""

    def act(simulator: Simulator) -> str:
        uid = simulator.store.collection(COLLECTION).uid
        simulator.registry(
            f"UPDATE envelopes SET envelope = {change} "
            "WHERE collection_uid = ? AND tenant = 'acme'",
            uid,
        )
        return simulator.point(simulator.first).id

    return act


def _cut(keep: Callable[[tuple[bytes, ...]], Sequence[bytes]]) -> Act:
    def act(simulator: Simulator) -> str:
        return simulator.change_proof(path=tuple(keep(simulator.proof().path)))

    return act


def _reorder(simulator: Simulator) -> str:
    if len(simulator.proof().path) < 2:
        # Of five leaves the last has a path of one hash, which has no other order.
        simulator.first = 0
    return _cut(lambda path: path[::-1])(simulator)


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
        act=_flip_proof(0), refusal="is altered", state="altered", peers=False
    ),
    "a bit of a path's last hash": Tampering(
        act=_flip_proof(-1), refusal="is altered", state="altered", peers=False
    ),
    "a bit of the sketch": Tampering(
        act=_flip_sketch, refusal="chunk", state="altered", peers=False
    ),
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
        act=lambda s: s.change(document=f"doc{s.second}"), refusal="is altered", state="altered"
    ),
    "source": Tampering(act=lambda s: s.change(source="hr"), refusal="moved", state="moved"),
    "position": Tampering(act=lambda s: s.change(position=7), refusal="altered", state="altered"),
    "proof stripped": Tampering(
        act=lambda s: s.change(**s.proofs(None)), refusal="is unsigned", state="unsigned"
    ),
    "planted without a proof": Tampering(
        act=_plant_unsigned, refusal="is unsigned", state="unsigned", undone=False
    ),
    "proof that is none": Tampering(
        act=lambda s: s.change(**s.proofs("QUJD")), refusal="malformed", state="altered"
    ),
    "payload of something else": Tampering(
        act=lambda s: s.write(replace(s.point(s.first), payload={"body": "x"})),
        refusal="not a chunk that was ingested",
        state="altered",
    ),
    "spliced from another tenant": Tampering(
        act=_splice_tenants, refusal="belongs to another tenant", state="moved", undone=False
    ),
    "spliced from another tenant and renamed": Tampering(
        act=_splice_tenants_renamed, refusal="moved", state="moved", undone=False
    ),
    "spliced from another collection": Tampering(
        act=_splice_collections, refusal="moved", state="moved", undone=False
    ),
    "copied to another id": Tampering(
        act=_copy_to_another_id, refusal="was moved", state="moved", undone=False
    ),
    "proof of another chunk": Tampering(
        act=_path_of_another, refusal="another vector", state="altered"
    ),
    "stale batch of a collection that was made again": Tampering(
        act=_stale_batch, refusal="moved", state="moved", undone=False
    ),
    "older version replayed": Tampering(
        act=_replay, refusal="its document has a newer version", state="replayed", undone=False
    ),
    "older version replayed in place": Tampering(
        act=_replay_in_place,
        refusal="its document has a newer version",
        state="replayed",
        undone=False,
    ),
    "withdrawn document replayed": Tampering(
        act=_replay_withdrawn, refusal="its document was withdrawn", state="replayed", undone=False
    ),
    **LABEL_TAMPERINGS,
    "forged key": Tampering(
        act=_forge,
        refusal="envelope that this state folder does not hold",
        state="altered",
        undone=False,
    ),
    "forged key with its envelope": Tampering(
        act=_forge_with_its_envelope, refusal="does not verify", state="altered", undone=False
    ),
    "path truncated": Tampering(
        act=_cut(lambda path: path[:-1]), refusal="is altered", state="altered", peers=False
    ),
    "path reordered": Tampering(act=_reorder, refusal="is altered", state="altered", peers=False),
    "path too long": Tampering(
        act=_cut(lambda path: (*path, bytes(32))),
        refusal="is altered",
        state="altered",
        peers=False,
    ),
    "wrong tree size": Tampering(
        act=_wrong_size, refusal="is altered", state="altered", peers=False
    ),
    "two signatures, both good": Tampering(
        act=_edit_envelopes(_SECOND_SIGNATURE),
        refusal="envelope refused",
        state="altered",
        spoils=None,
        peers=False,
        undone=False,
    ),
    "two signatures, one bad": Tampering(
        act=_edit_envelopes(_BAD_SECOND),
        refusal="envelope refused",
        state="altered",
        spoils=None,
        peers=False,
        undone=False,
    ),
    "envelope that is none": Tampering(
        act=_edit_envelopes("'{'"),
        refusal="envelope refused",
        state="altered",
        spoils=None,
        peers=False,
        undone=False,
    ),
    "point deleted": Tampering(act=_delete_points, refusal="", state="missing", undone=False),
}
"""Everything that is tried, by name."""
