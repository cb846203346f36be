"""Short answers to a question are held of new sources; reports and pages of questions are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import Matrix
from ragbastion.core.verdict import Decision
from ragbastion.ingest.signals import Baseline, Screen, SignalInput

PAGE = (
    "Is delivery free of charge? Delivery is free of charge above 40 euros.",
    "Can I return an item? You can return any item within 30 days in its box.",
    "Where is my open order? Your open order is listed under My orders.",
    "Do you ship to Ireland? Yes, we ship to Ireland for 9 euros by post.",
    "Are gift cards refundable? Gift cards are not refundable and last five years.",
    "Who do I call about repairs? Call our desk about repairs on weekdays.",
)
REPORT = (
    "Who built the Alder Bridge? The Alder Bridge in Velm was drawn by Maria Holt in 1899, built "
    "from 1901 to 1904 by the firm of Tomas Berg, with granite from Norden and iron from Kelmouth. "
    "Queen Isolde opened it in May 1904. It carries tram line 7 from the harbour to the market, "
    "was damaged by Storm Ida in 1953, and has been a listed monument since 1978."
)
SHORT = "Who built the Alder Bridge? The Alder Bridge was built by Maria Holt."


def entries(texts: tuple[str, ...], near: float, source: str = "shop") -> list[SignalInput]:
    """Return documents of a new source whose vectors have a cosine of about ``near``."""
    return [
        SignalInput(
            document=f"d{at}", source=source, text=text, pieces=(text,),
            vectors=_vector(at, near**0.5), probation=True,
        )
        for at, text in enumerate(texts)
    ]  # fmt: skip


def _vector(seed: int, near: float) -> Matrix:
    row = np.random.default_rng(seed).standard_normal(384)
    row[0] = 0.0
    row *= np.sqrt(1 - near**2) / np.linalg.norm(row)
    row[0] = near
    return row.astype(np.float32)[None]


def decided(batch: list[SignalInput], folder: Path) -> list[Decision]:
    """Return what a cold screen makes of a batch in both steps, as the pipeline runs them."""
    screen = Screen(Baseline.open(folder, "acme", "u1"), None)
    found = [verdict.decision for verdict in screen.texts(batch)]
    open_ = [at for at, said in enumerate(found) if said < Decision.QUARANTINE]
    for at, verdict in zip(open_, screen.vectors([batch[at] for at in open_]), strict=True):
        found[at] = max(found[at], verdict.decision, key=lambda each: each.rank)
    return found


def test_a_page_of_questions_on_one_subject_is_admitted(tmp_path: Path) -> None:
    """Six questions asked once each, by one new source."""
    assert decided(entries(PAGE, 0.25), tmp_path) == [Decision.ALLOW] * 6


@pytest.mark.parametrize(
    ("texts", "near"),
    [
        (PAGE, 0.02),  # of unlike subjects, as targeted questions are
        (PAGE[:5], 0.25),  # no more than are brought for one question
    ],
)
def test_what_only_looks_like_a_page_is_held(
    tmp_path: Path, texts: tuple[str, ...], near: float
) -> None:
    """Unlike subjects, and fewer than six."""
    assert set(decided(entries(texts, near), tmp_path)) == {Decision.QUARANTINE}


def test_one_question_in_many_wordings_is_no_page(tmp_path: Path) -> None:
    """Questions that share most of their words are one question."""
    heads = ("really ", "then ", "had ", "first ", "", "himself ")
    texts = tuple(f"Who {head}built the Alder Bridge? {SHORT[28:]}" for head in heads)
    assert Decision.ALLOW not in decided(entries(texts, 0.1), tmp_path)


def test_a_page_whose_rest_was_held_is_held(tmp_path: Path) -> None:
    """What the first step left to the second is not forgotten where the batch has shrunk."""
    screen = Screen(Baseline.open(tmp_path, "acme", "u1"), None)
    batch = entries(PAGE, 0.25)
    assert {verdict.decision for verdict in screen.texts(batch)} == {Decision.ALLOW}
    assert {v.decision for v in screen.vectors(batch[:3])} == {Decision.QUARANTINE}


def test_a_report_under_a_question_is_admitted(tmp_path: Path) -> None:
    """An answer with facts of its own, where a bare restatement is held."""
    texts = (REPORT, SHORT.replace("Alder", "Beech"))
    assert decided(entries(texts, 0.1), tmp_path) == [Decision.ALLOW, Decision.QUARANTINE]
