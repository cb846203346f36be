"""Numbers of metadata come back from every store as they were signed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.chunk import TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import StoredPoint
from ragbastion.ingest.exact_numbers import exact_numbers
from ragbastion.ingest.provenance import chunk_id
from ragbastion.tenancy import EdgeStore


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (0.1, 0.1),
        (0.1 + 0.2, 0.3),
        (9.285714285714286, 9.28571428571429),
        (-2.5, -2.5),
        (0.0, 0.0),
        (1e-22, 1e-22),
        (1e-23, "1e-23"),
        (999999999999999.0, 999999999999999.0),
        (3801906481570170.0, "3801906481570170.0"),
        (-2.1581092657965958e-72, "-2.1581092657965958e-72"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (math.inf, math.inf),
        (7, 7),
        (True, True),
        ("0.30000000000000004", "0.30000000000000004"),
        ([0.1 + 0.2, {"deep": (1e-300,)}], [0.3, {"deep": ["1e-300"]}]),
    ],
)
def test_floats_are_kept_to_15_digits(value: object, kept: object) -> None:
    """As numbers where one rounding reads them, else as text; nothing else changes."""
    assert exact_numbers({"v": value}) == {"v": kept}


def test_a_store_returns_them_as_they_are(tmp_path: Path) -> None:
    """The embedded store's reader is off by a bit for some longer ones."""
    store = EdgeStore(tmp_path / "store")
    store.create_collection("numbers", EmbedderIdentity(model="m", dimension=2))
    vector = np.array([0.6, 0.8], dtype=np.float32)
    tenant, own = TenantId("acme"), chunk_id(("acme", "u", "s"), "d", 0, "t")

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=20, max_size=60))
    def check(numbers: list[float]) -> None:
        payload = exact_numbers({"numbers": numbers})
        store.upsert("numbers", tenant, [StoredPoint(id=own, vector=vector, payload=payload)])
        [back] = store.get("numbers", tenant, [own])
        assert back.payload["numbers"] == payload["numbers"]

    check()
    store.close()
