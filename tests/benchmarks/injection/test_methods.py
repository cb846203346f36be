"""What the scanner and the floors say of documents."""

import pytest
from ragbastion import Scanner
from ragbastion.benchmarks.injection.methods import by_keywords, by_scanner, by_tfidf, judged

from .conftest import ATTACK, CLEAN, row, said

ROWS = [row(1, text=ATTACK), row(0)]


def test_the_scanner_is_asked_by_its_public_interface(scanner: Scanner) -> None:
    """Scores and decisions are those of its verdicts, and so is what ran."""
    found = by_scanner(scanner, ROWS)
    verdict = scanner.scan(ATTACK)
    assert found.scores[0] == verdict.score
    assert found.blocked.tolist() == [True, False]
    assert found.flagged is not None
    assert found.flagged.tolist() == [True, False]
    assert found.ran == verdict.ran
    assert set(found.stages_ms) == set(verdict.timings_ms)


def test_key_words_are_counted() -> None:
    """Two of the words in the attack, none in the note on a harbour."""
    found = by_keywords(ROWS)
    assert (found.scores.tolist(), found.blocked.tolist()) == ([2.0, 0.0], [True, False])


def test_a_method_is_asked_about_each_document() -> None:
    """Its score ranks, its own decision is kept beside."""
    found = judged(lambda text: (float(len(text)), text == "aa"), "length", [
        row(1, text="aa"), row(0, text="bbb"),
    ])  # fmt: skip
    assert (found.scores.tolist(), found.blocked.tolist()) == ([2.0, 3.0], [True, False])


def test_a_part_of_what_was_said_keeps_its_order() -> None:
    """Places pick from every array."""
    part = said(0.1, 0.9, 0.3).of([2, 0])
    assert part.scores.tolist() == [0.3, 0.1]
    assert part.flagged is not None
    assert part.flagged.tolist() == [True, False]


def test_tfidf_scores_a_source_by_the_others() -> None:
    """Learned on other sources, the words of an attack score above those of a note."""
    rows = [r for s in "ab" for r in (row(1, s, text=ATTACK), row(0, s, text=CLEAN[1]))]
    found = by_tfidf(rows, [0, 1])
    assert found is not None
    assert found.blocked.tolist() == [True, False]


def test_tfidf_needs_both_labels_in_the_other_sources() -> None:
    """With one source there is nothing to learn from: no result rather than zeros."""
    assert by_tfidf(ROWS, [0, 1]) is None


@pytest.mark.parametrize("text", ["", " ", "\ud800"])
def test_odd_texts_are_scanned_like_others(scanner: Scanner, text: str) -> None:
    """Nothing, blanks and a lone surrogate get a score."""
    assert by_scanner(scanner, [row(0, text=text or " ")]).scores.shape == (1,)
