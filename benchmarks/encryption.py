"""Sealing and opening texts: bound to tenant, point and field, against bare AES-256-GCM.

Values are timed by the processor time of their thread, so that other work on the machine counts
little; the store by the clock.

python benchmarks/encryption.py --out benchmarks/results
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import EdgeStore, PayloadCipher, TenantKeys
from ragbastion.tenancy.encryption import LocalKeyEncryption
from report import print_table, write_bars, write_json

SEED = 7
REPEATS = 7
TENANT = "acme"
TARGET_US = 20.0
DIMENSION = 384


def main() -> None:
    """Measure, print, and write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--bytes", type=int, default=1024)
    options = parser.parse_args()
    texts = make_texts(options.texts, options.bytes)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(texts, Path(folder))
        stores = measure_store(texts, Path(folder))
    print_table(f"CPU microseconds a text of {options.bytes} bytes, median of {REPEATS}", rows)
    print_table("The embedded store with and without a cipher", stores)
    opened = float(rows[0]["open us"])
    found = {"rows": rows, "store": stores, "target_us": TARGET_US, "met": opened <= TARGET_US}
    write_json(options.out, "encryption", {**found, "bytes": options.bytes}, seed=SEED)
    series = {
        row["what"]: {"seal": row["seal us"], "open": row["open us"]}
        for row in rows
        if row["what"] != "ratio"
    }
    write_bars(options.out, "encryption", "Sealing and opening 1 KB", series, "CPU microseconds")


def make_texts(count: int, size: int) -> list[str]:
    """Return ASCII texts of that many bytes."""
    letters = np.random.default_rng(SEED).integers(97, 123, (count, size), dtype=np.uint8)
    return [row.tobytes().decode() for row in letters]


def measure(texts: list[str], folder: Path) -> list[dict[str, float | str]]:
    """Return one row for a batch, one for single calls, one for the peer, and the ratio."""
    keys = TenantKeys(
        folder / "keys.db", LocalKeyEncryption(secrets.token_bytes(32)), MemoryEventSink()
    )
    cipher = PayloadCipher(keys)
    items = [(str(UUID(int=at)), "text", text) for at, text in enumerate(texts)]
    sealed = cipher.sealed_batch(TENANT, items)
    forms = [(id_, field, form) for (id_, field, _), form in zip(items, sealed, strict=True)]
    batch, single, bare = alternating(
        (
            "sealed, in a batch",
            lambda: cipher.sealed_batch(TENANT, items),
            lambda: cipher.opened_batch(TENANT, forms),
        ),
        (
            "sealed, one by one",
            lambda: [cipher.sealed(TENANT, *item) for item in items],
            lambda: [cipher.opened(TENANT, *form) for form in forms],
        ),
        ("bare AESGCM, bytes", *_bare(texts)),
        count=len(texts),
    )
    keys.close()
    batch["bytes"] = single["bytes"] = float(len(sealed[0]))
    bare["bytes"] = float(12 + len(texts[0].encode()) + 16)
    ratio = {name: batch[name] / bare[name] for name in list(bare)[1:]}
    return [batch, single, bare, {"what": "ratio", **ratio}]


def _bare(texts: list[str]) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the peer: the same primitive, with neither associated data nor a text form."""
    key = AESGCM(secrets.token_bytes(32))

    def seal(text: str) -> bytes:
        nonce = os.urandom(12)
        return nonce + key.encrypt(nonce, text.encode(), None)

    forms = [seal(text) for text in texts]
    return (
        lambda: [seal(text) for text in texts],
        lambda: [key.decrypt(form[:12], form[12:], None).decode() for form in forms],
    )


def alternating(
    *acts: tuple[str, Callable[[], object], Callable[[], object]], count: int
) -> list[dict[str, float | str]]:
    """Return the median microseconds an item; the acts take turns, so load meets them alike."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for _ in range(REPEATS):
        for what, seal, open_ in acts:
            seconds.setdefault((what, "seal"), []).append(timed(seal, time.thread_time))
            seconds.setdefault((what, "open"), []).append(timed(open_, time.thread_time))
    return [
        {
            "what": what,
            "seal us": statistics.median(seconds[what, "seal"]) / count * 1e6,
            "open us": statistics.median(seconds[what, "open"]) / count * 1e6,
            "bytes": 0.0,
        }
        for what, *_ in acts
    ]


def measure_store(texts: list[str], folder: Path) -> list[dict[str, float | str]]:
    """Return what a cipher costs an ingest and a query of ten passages."""
    keys = TenantKeys(
        folder / "store.db", LocalKeyEncryption(secrets.token_bytes(32)), MemoryEventSink()
    )
    vectors = np.random.default_rng(SEED).standard_normal((len(texts), DIMENSION))
    vectors = vectors.astype(np.float32)
    points = [
        StoredPoint(id=ChunkId(f"c{at}"), vector=vector, payload={"text": text})
        for at, (vector, text) in enumerate(zip(vectors, texts, strict=True))
    ]
    stores = {
        "plain": EdgeStore(folder / "plain"),
        "sealed": EdgeStore(folder / "sealed", cipher=PayloadCipher(keys)),
    }
    ingest: dict[str, float] = {}
    queries: dict[str, list[float]] = {what: [] for what in stores}
    for what, store in stores.items():
        store.create_collection("docs", EmbedderIdentity(model="m", dimension=DIMENSION))
        ingest[what] = timed(lambda s=store: s.upsert("docs", TenantId(TENANT), points))
    for at in range(100):
        for what, store in stores.items():
            query = points[at].vector
            queries[what].append(
                timed(lambda s=store, q=query: s.search("docs", TenantId(TENANT), q, 10))
            )
    for store in stores.values():
        store.close()
    keys.close()
    rows: list[dict[str, float | str]] = [
        {
            "store": what,
            "ingest us a text": ingest[what] / len(texts) * 1e6,
            "query of 10, p50 ms": statistics.median(queries[what]) * 1e3,
        }
        for what in stores
    ]
    plain, sealed = rows
    ratio = {name: sealed[name] / plain[name] for name in list(plain)[1:]}
    return [*rows, {"store": "ratio", **ratio}]


def timed(act: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds of one run by that clock."""
    start = clock()
    act()
    return clock() - start


if __name__ == "__main__":
    main()
