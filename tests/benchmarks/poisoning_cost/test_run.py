"""The cost benchmark runs on a few texts, tells what it measured, and its figures add up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ragbastion.benchmarks.poisoning_cost.__main__ import judged, main
from ragbastion.benchmarks.poisoning_cost.collection import Collection
from ragbastion.benchmarks.poisoning_cost.flood import Flood
from ragbastion.benchmarks.poisoning_cost.ingestion import scan_ms
from ragbastion.benchmarks.poisoning_cost.texts import Texts

TOWNS = ("Kelmouth", "Saltmere", "Wynford", "Tarnside", "Haslow", "Arden", "Pellow", "Renck")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder of rows about towns."""
    rows = [
        {
            "text": f"The museum of {town} was opened in {1800 + at} beside the harbour wall. "
            f"It shows {at + 3} ships. Its keeper lives in {TOWNS[at - 1]}.",
            "question": f"when was the museum of {town} opened",
        }
        for at, town in enumerate(TOWNS)
    ]
    folder = tmp_path / "data" / "poison"
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "clean_towns.jsonl").write_text(lines, encoding="utf-8")
    return folder.parent


@pytest.fixture
def texts(data: Path) -> Texts:
    """Documents made of them."""
    return Texts(data / "poison")


def test_a_small_run_writes_what_it_measured(data: Path, tmp_path: Path) -> None:
    """Each size and each standing has its row, and the plot is there."""
    out = tmp_path / "out"
    main(["--data", str(data), "--out", str(out), "--small", "--work", str(tmp_path)])
    result = json.loads((out / "poisoning_cost.json").read_text())
    assert [row["vectors"] for row in result["documents"]] == [500, 2_000]
    assert [row["vectors"] for row in result["queries"]] == [500, 2_000]
    assert {row["standing"] for row in result["flood"]} == {"established", "in probation"}
    assert result["flood"][-1]["documents"] == 640
    assert (out / "poisoning_cost.png").stat().st_size > 1_000


def test_a_document_is_the_same_each_time(texts: Texts) -> None:
    """Its text is made from its number, and so is its vector, which is a unit vector."""
    assert texts.text(7) == texts.text(7) != texts.text(8)
    assert (texts.vectors(20) == texts.vectors(20)).all()
    assert np.linalg.norm(texts.vectors(20), axis=1) == pytest.approx(np.ones(20), abs=1e-5)


def test_the_scan_finds_what_is_nearest(texts: Texts, tmp_path: Path) -> None:
    """A stored vector's own document comes first, with cosine 1."""
    collection = Collection(texts, texts.vectors(300), tmp_path / "graph")
    [[first, *_]] = collection.nearest(collection.matrix[42:43], 5)
    collection.close()
    assert (first.point.id, first.score) == ("42", pytest.approx(1.0, abs=1e-5))


def test_a_scan_costs_time(texts: Texts) -> None:
    """It is measured in the processor's time."""
    assert scan_ms(texts.vectors(300), texts.vectors_of(range(500, 564))) > 0.0


def test_a_flood_of_one_claim_is_held(texts: Texts, tmp_path: Path) -> None:
    """A third of the flood are rewrites without a fact of their own."""
    *_, last = Flood(texts, tmp_path, probation=True).run(192)
    assert 0.3 <= last["held"] < 0.7


def test_what_grows_is_not_flat() -> None:
    """More than a fifth from the smallest size to the largest misses the target."""
    documents = [
        {"signals and learning, ms": ms, "baseline in memory, MB": 1.0} for ms in (2.0, 2.5)
    ]
    queries = [
        {"corroborate, ms": ms, "corroborate the same, ms": 1.0, "p95, ms": 6.0} for ms in (1, 2)
    ]
    told = judged(
        {"documents": documents, "queries": queries, "flood": [{"documents an hour": 200_000.0}]}
    )
    assert told["flat"]["document"] == pytest.approx(1.25)
    assert told["met"] == {
        "document": True,
        "query": True,
        "query, p95": False,
        "document, flat": False,
        "query, flat": False,
        "query, same candidates, flat": True,
        "flood within an hour": True,
    }
