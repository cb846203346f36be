"""Tamperings in great number: how many each way of checking catches, and how many it names."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

from qdrant_client import QdrantClient
from ragbastion.core.store import VectorStore
from ragbastion.ingest.provenance import ChunkVerifier
from ragbastion.tenancy import EdgeStore, QdrantStore

from .json_store import JsonStore
from .kinds import TAMPERINGS
from .peers import Peer
from .simulator import ACME, COLLECTION, Simulator

_FIRST_SEED = 1000
"""Above the seeds that single kinds use."""

_MANY = 40
Counts = Counter[str]
"""By kind and what was counted: "kind|caught" and so on."""


def collections(kind: str, start: int, count: int, peers: dict[str, Peer]) -> Counts:
    """Tamper with so many collections of a real store in one way; retrieve, sweep, ask peers.

    A collection counts as caught if retrieval does not serve the point and a sweep counts just what
    was spoiled; as named if both say what it is.
    """
    counts: Counts = Counter()
    tampering = TAMPERINGS[kind]
    for at in range(start, start + count):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            store = _store(at, place / "store")
            simulator = Simulator(store, place / "own", place / "enemy", _FIRST_SEED + at, 5, peers)
            with closing(simulator):
                point = tampering.act(simulator)
                reason, report = simulator.retrieved(point), simulator.swept()
                bad = {name: n for name, n in report.totals().items() if name != "ok" and n}
                spoils = tampering.spoils or simulator.count
                caught = reason not in ("trusted", "untrusted") and sum(bad.values()) == spoils
                named = tampering.refusal in reason and set(bad) == {tampering.state}
                counts[f"{kind}|collections"] += 1
                counts[f"{kind}|collections caught"] += caught
                counts[f"{kind}|collections named"] += caught and named
                for peer in peers if tampering.peers else ():
                    counts[f"{kind}|{peer}"] += simulator.refused_by(peer, point)
                    counts[f"{kind}|{peer} asked"] += 1
    return counts


def _store(at: int, place: Path) -> VectorStore:
    return EdgeStore(place) if at % 2 else QdrantStore(QdrantClient(":memory:"))


def points(kind: str, start: int, count: int) -> Counts:
    """Tamper with so many points in one way, each of them put right again before the next.

    Beside every tampered point an honest one is read; refused, it is a false alarm.
    """
    counts: Counts = Counter()
    tampering = TAMPERINGS[kind]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        seed = _FIRST_SEED + start
        simulator = Simulator(JsonStore(), place / "own", place / "enemy", seed, _MANY)
        with closing(simulator), closing(ChunkVerifier(simulator.state_dir)) as verifier:
            for _ in range(count):
                simulator.draw()
                drawn = [simulator.point(at) for at in (simulator.first, simulator.second)]
                reason = simulator.retrieved(tampering.act(simulator), verifier)
                counts[f"{kind}|points"] += 1
                counts[f"{kind}|points caught"] += reason not in ("trusted", "untrusted")
                counts[f"{kind}|points named"] += tampering.refusal in reason
                beside = simulator.chunks[COLLECTION, ACME][simulator.third].id
                honest = simulator.retrieved(beside, verifier)
                counts[f"{kind}|false alarms"] += honest != "trusted"
                simulator.store.upsert(COLLECTION, ACME, drawn)
    return counts
