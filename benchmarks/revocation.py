"""Revoking a source: how long it takes, and whether it takes all of the source and nothing else.

    python benchmarks/revocation.py --out benchmarks/results

A registry with 1,000,000 chunks in really signed envelopes (their roots are random, since only the
envelope is decided about), and an embedded store of really signed chunks that is searched before
and after. A second process queries all the time while this one revokes. The processor's time is
that of the one thread, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from ragbastion.core.chunk import Chunk, Digest, DocumentId, Integrity, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import ProvenanceError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings import ProvenanceSettings
from ragbastion.ingest.provenance import (
    BatchSigner,
    ChunkVerifier,
    SourceRegistry,
    chunk_id,
    from_point,
    to_point,
)
from ragbastion.ingest.provenance.envelope import open_sealed, seal
from ragbastion.ingest.provenance.log.logged_registry import LoggedRegistry
from ragbastion.ingest.provenance.source_admin import SourceAdmin
from ragbastion.ingest.provenance.source_keys import SourceKeys
from ragbastion.ingest.provenance.statement import BatchStatement
from ragbastion.ingest.provenance.trust import Trust
from ragbastion.tenancy import EdgeStore
from report import print_table, write_bars, write_json

SEED = 7
TENANT = TenantId("t")
UID = "bench"
SOURCES = 20
BATCH = 200
DIMENSION = 384
HITS = 20
BAD = "source-07"
TARGET_MS = 100.0
RULES = 10


def main() -> None:
    """Measure, print, and write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--chunks", type=int, default=1_000_000, help="in the registry")
    parser.add_argument("--stored", type=int, default=10_000, help="in the store")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--watch", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.watch:
        _watch(options.watch)
        return
    with tempfile.TemporaryDirectory() as folder:
        times, taken = in_registry(Path(folder), options.chunks)
    with tempfile.TemporaryDirectory() as folder:
        found = in_store(Path(folder), options.stored, options.queries)
    print_table(f"Revoking one of {SOURCES} sources, {options.chunks:,} chunks", times)
    print_table("What is gone", [*taken, *found])
    decision = next(row["ms"] for row in times if row["what"].startswith("next query"))
    complete = all(row["of the source left"] == 0 == row["of others lost"] for row in taken + found)
    results = {
        "times": times,
        "gone": [*taken, *found],
        "chunks": options.chunks,
        "target_ms": TARGET_MS,
        "met": decision <= TARGET_MS and complete,
    }
    write_json(options.out, "revocation", results, seed=SEED)
    series = {"ms": {row["what"]: row["ms"] for row in times}}
    write_bars(options.out, "revocation", "Revoking a source", series, "milliseconds")


def in_registry(folder: Path, chunks: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return how long each step takes and what a revocation takes, with that many chunks."""
    registry = SourceRegistry(folder)
    envelopes = _fill(folder, registry, chunks // BATCH)
    with closing(LoggedRegistry(folder)) as logged:
        logged.sync()  # as each ingestion does: a revocation logs itself alone
    statements = {each: _statement(registry, each) for each in envelopes}
    trust = Trust(SourceRegistry(folder), ProvenanceSettings())
    hits = [each for each, source in envelopes.items() if source == BAD][: HITS // 2]
    hits += [each for each, source in envelopes.items() if source != BAD][: HITS // 2]

    def ask(names: list[str]) -> list[bool]:
        now = trust.now()
        return [_is_believed(now, each, statements[each]) for each in names]

    ask(hits)
    ruled = Trust(SourceRegistry(folder), ProvenanceSettings(trust_policy=_policy(folder)))
    times = [
        _timed("read trust, nothing changed", trust.now, runs=5_000),
        _timed(f"{HITS} hits, nothing changed", lambda: ask(hits), runs=500),
        _timed(
            f"{HITS} hits, a policy of {RULES} rules",
            lambda: [_is_believed(n, e, statements[e]) for n in [ruled.now()] for e in hits],
            runs=500,
        ),
    ]
    admin = SourceAdmin(folder, MemoryEventSink(), principal="bench")
    times += [
        _timed("revoke", lambda: admin.revoke_source(TENANT, BAD, "poisoned")),
        _timed(f"next query, {HITS} hits", lambda: ask(hits)),
        _timed("decide every envelope again", lambda: ask(list(envelopes))),
    ]
    taken = _taken("of all registered chunks", envelopes, ask(list(envelopes)))
    lag = _lag(folder, admin, hits[0])
    times.append({"what": "believed by another process after", "ms": lag, "CPU ms": 0.0})
    admin.close()
    return times, [taken]


def _policy(folder: Path) -> Path:
    """Write a policy of rules about other collections, and one that lets every source speak."""
    path = folder / "trust.toml"
    rules = "".join(
        f'[[rule]]\ncollections = ["{name}"]\nsources = ["source-*"]\nmax_age_days = 100\n'
        for name in [*(f"other-{at}" for at in range(RULES - 1)), "docs"]
    )
    path.write_text(f'version = 1\ndefault = "refuse"\n{rules}')
    os.utime(path, (0, 0))  # as one that was not written just now
    return path


def _fill(folder: Path, registry: SourceRegistry, count: int) -> dict[str, str]:
    """Sign that many envelopes, evenly for the sources; return the source of each id."""
    keys = SourceKeys(folder, registry, ProvenanceSettings(), MemoryEventSink())
    signers = {
        source: keys.signer(TENANT, source)
        for source in (f"source-{at:02}" for at in range(SOURCES))
    }
    rows, sources = [], {}
    for at in range(count):
        source = f"source-{at % SOURCES:02}"
        statement = BatchStatement(
            tenant=TENANT,
            source=source,
            collection_uid=UID,
            root=secrets.token_hex(32),
            tree_size=BATCH,
            key_id=signers[source].key_id,
            signed_at=int(time.time()),
        )
        sealed = seal(statement, signers[source])
        id_ = hashlib.sha256(sealed.encode()).hexdigest()[:32]
        sources[id_] = source
        rows.append((id_, (TENANT, UID, source), signers[source].key_id, sealed))
    registry.add_envelopes(rows)
    return sources


def _statement(registry: SourceRegistry, envelope_id: str) -> BatchStatement:
    kept = registry.envelope(envelope_id)
    return open_sealed(kept[0], registry.key(kept[1]).public_pem)


def _is_believed(now: Any, envelope_id: str, statement: BatchStatement) -> bool:
    try:
        now.label(_ANY[statement.source], envelope_id, statement, "docs")
    except ProvenanceError:
        return False
    return True


def _taken(what: str, sources: dict[str, str], believed: list[bool]) -> dict[str, Any]:
    left = sum(BATCH for s, b in zip(sources.values(), believed, strict=True) if s == BAD and b)
    lost = sum(BATCH for s, b in zip(sources.values(), believed, strict=True) if s != BAD and not b)
    of_source = sum(BATCH for source in sources.values() if source == BAD)
    return {
        "what": what,
        "of the source before": of_source,
        "of the source left": left,
        "of others before": BATCH * len(sources) - of_source,
        "of others lost": lost,
    }


def _lag(folder: Path, admin: SourceAdmin, envelope_id: str) -> float:
    """Return how long, in ms, another process went on believing after a revocation was done.

    Until its last believing query began, one query after another; 0 if none began after it.
    """
    admin.reinstate(TENANT, BAD, "once more")
    plan = folder / "watch.json"
    plan.write_text(json.dumps({"folder": str(folder), "envelope": envelope_id}))
    command = [sys.executable, __file__, "--watch", str(plan)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        child.stdout.readline()
        time.sleep(0.2)
        admin.revoke_source(TENANT, BAD, "poisoned")
        done = time.monotonic()
        last = float(child.stdout.readline())
    return max(0.0, (last - done) * 1000)


def _watch(plan: Path) -> None:
    """Query until the source is revoked; print when the last query that believed it began."""
    told = json.loads(plan.read_text())
    registry = SourceRegistry(Path(told["folder"]))
    statement = _statement(registry, told["envelope"])
    trust = Trust(registry, ProvenanceSettings())
    print("ready", flush=True)
    last = began = time.monotonic()
    while _is_believed(trust.now(), told["envelope"], statement):
        last, began = began, time.monotonic()
    print(last, flush=True)


def in_store(folder: Path, count: int, queries: int) -> list[dict[str, Any]]:
    """Return what searches of a store of really signed chunks lose by a revocation."""
    store = EdgeStore(folder / "store")
    info = store.create_collection("docs", EmbedderIdentity(model="m", dimension=DIMENSION))
    signer, verifier = BatchSigner(folder), ChunkVerifier(folder)
    rng = np.random.default_rng(SEED)
    for start in range(0, count, BATCH):
        chunks = [
            _chunk(f"source-{(start // BATCH) % SOURCES:02}", start + at, rng, info.uid)
            for at in range(BATCH)
        ]
        proofs = signer.sign(chunks, collection_uid=info.uid)
        store.upsert("docs", TENANT, [to_point(c, p) for c, p in zip(chunks, proofs, strict=True)])
    vectors = [_unit(rng) for _ in range(queries)]

    def served() -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
        mine, others = set(), set()
        for at, vector in enumerate(vectors):
            hits = [from_point(hit.point) for hit in store.search("docs", TENANT, vector, HITS)]
            for each in verifier.verify_batch(hits, collection_uid=info.uid):
                if isinstance(each, Chunk) and each.integrity is Integrity.TRUSTED:
                    (mine if each.source == BAD else others).add((at, each.id))
        return mine, others

    mine, others = served()
    admin = SourceAdmin(folder, MemoryEventSink(), principal="bench")
    admin.revoke_source(TENANT, BAD, "poisoned")
    mine_left, others_left = served()
    admin.close()
    store.close()
    return [
        {
            "what": f"hits of {queries} searches, {count:,} stored",
            "of the source before": len(mine),
            "of the source left": len(mine_left),
            "of others before": len(others),
            "of others lost": len(others - others_left),
        }
    ]


def _chunk(source: str, at: int, rng: np.random.Generator | None = None, uid: str = UID) -> Chunk:
    return Chunk(
        id=chunk_id((TENANT, uid, source), f"d{at}", 0, f"{at}"),
        text=f"{at} ".ljust(1000, "x"),
        tenant=TENANT,
        source=source,
        document=DocumentId(f"d{at}"),
        document_digest=Digest("0" * 64),
        position=0,
        vector=None if rng is None else _unit(rng),
    )


_ANY = {f"source-{at:02}": _chunk(f"source-{at:02}", 0) for at in range(SOURCES)}


def _unit(rng: np.random.Generator) -> Any:
    vector = rng.standard_normal(DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


def _timed(what: str, act: Callable[[], object], runs: int = 1) -> dict[str, Any]:
    """Return the time of one call, the median of runs, by the clock and by its processor."""
    wall, processor = [], []
    for _ in range(runs):
        clock, own = time.perf_counter(), time.thread_time()
        act()
        processor.append(time.thread_time() - own)
        wall.append(time.perf_counter() - clock)
    return {
        "what": what,
        "ms": statistics.median(wall) * 1000,
        "CPU ms": statistics.median(processor) * 1000,
    }


if __name__ == "__main__":
    main()
