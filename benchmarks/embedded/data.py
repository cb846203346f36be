"""Points that every part of the benchmark uses, and times in its units."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ragbastion.core.chunk import ChunkId, TenantId, Vector
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import StoredPoint

DIMENSION = 384
TEXT_CHARS = 400
TOP_K = 10
SEED = 11
COLLECTION = "c"
EMBEDDER = EmbedderIdentity(model="random", dimension=DIMENSION)
UNIT: Vector = np.ones(DIMENSION, dtype=np.float32)

Row = dict[str, Any]


def tenant_id(number: int) -> TenantId:
    """Return the name of a tenant."""
    return TenantId(f"t{number}")


def points_of(tenant: int, count: int) -> list[StoredPoint]:
    """Return the tenant's points: normal vectors, a text and a short value as payload."""
    rng = np.random.default_rng((SEED, tenant))
    vectors = rng.standard_normal((count, DIMENSION), dtype=np.float32)
    return [
        StoredPoint(id=ChunkId(f"c{at}"), vector=vector, payload=_payload(at))
        for at, vector in enumerate(vectors)
    ]


def timed_ms(call: Callable[[], object]) -> float:
    """Return how long a call took by the clock, in milliseconds."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def proc_status(*names: str) -> dict[str, int]:
    """Return numbers of Linux's ``/proc/self/status`` by name; sizes are in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return {name: int(value.split()[0]) for name, value in pairs if name in names}


def _payload(number: int) -> Row:
    return {"text": f"{number} ".ljust(TEXT_CHARS, "x"), "source": f"s{number % 7}"}
