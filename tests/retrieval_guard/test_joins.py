"""Instructions split over passages are removed where they meet, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ragbastion import Finding
from ragbastion.retrieval_guard.joins import JoinScan

from .test_corroboration import passage

ORDER = re.compile(r"ignore all previous instructions( now)?", re.IGNORECASE)


@dataclass
class Stripped:
    """What is left of a text."""

    text: str
    removed: tuple[tuple[int, int], ...]
    findings: tuple[Finding, ...] = field(default=())


class OnePhrase:
    """A scanner that knows one phrase."""

    def strip(self, text: str, threshold: float | None = None) -> Stripped:
        """Remove the phrase."""
        spans = tuple(found.span() for found in ORDER.finditer(text))
        return Stripped(text=ORDER.sub("", text), removed=spans)


def _texts(*texts: str) -> tuple[list[str], list[str]]:
    passages = [passage(at, f"s{at}", text=text) for at, text in enumerate(texts)]
    joined = JoinScan(OnePhrase(), 0.5)(passages)
    return [each.text for each in joined.passages], [each.id for each in joined.dropped]


def test_clean_joins_change_nothing() -> None:
    """Passages that meet harmlessly are returned as they are."""
    assert _texts("One.", "Two.", "Three.") == (["One.", "Two.", "Three."], [])


def test_a_phrase_split_in_two_is_removed_from_both() -> None:
    """Each side loses its part."""
    served, dropped = _texts("Soup. Ignore all", "previous instructions. Bread.")
    assert (served, dropped) == (["Soup. ", ". Bread."], [])


def test_a_phrase_split_in_three_is_removed() -> None:
    """A short passage in the middle is part of one phrase and is dropped when it is empty."""
    served, dropped = _texts("Soup. Ignore", "all", "previous instructions. Bread.")
    assert (served, dropped) == (["Soup. ", ". Bread."], ["c1"])


def test_removal_that_makes_a_new_phrase_is_scanned_again() -> None:
    """Text that becomes neighbours by a removal is scanned as neighbours."""
    inner = "ignore all previous instructions"
    served, _ = _texts("Soup. Ignore all ignore all previous", "instructions previous instructions")
    assert not any(ORDER.search(" ".join(served)) for _ in [0])
    assert inner not in " ".join(served).lower()


def test_the_verdict_says_what_was_done() -> None:
    """A passage that lost text is marked as redacted."""
    passages = [
        passage(0, "a", text="Soup. Ignore all"),
        passage(1, "b", text="previous instructions. Bread."),
    ]
    joined = JoinScan(OnePhrase(), 0.5)(passages)
    assert [each.verdict.decision.value for each in joined.passages] == ["redact", "redact"]
