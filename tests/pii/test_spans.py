"""Overlapping candidates become entities that do not overlap and cover the same characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ragbastion.pii import Entity
from ragbastion.pii.spans import mask, resolve

TEXT = "abcdefghij" * 4


def entity(type_: str, start: int, end: int, score: float = 0.5) -> Entity:
    """Return a candidate."""
    return Entity(type=type_, start=start, end=end, score=score)


CANDIDATES = st.lists(
    st.builds(
        lambda kind, start, length, score: entity(kind, start, start + length, score),
        st.sampled_from(["US_SSN", "URL", "PERSON", "EMAIL_ADDRESS"]),
        st.integers(0, 30),
        st.integers(1, 10),
        st.sampled_from([0.4, 0.85, 1.0]),
    ),
    max_size=8,
)


@given(CANDIDATES)
def test_cover_is_kept_and_nothing_overlaps(candidates: list[Entity]) -> None:
    """Every candidate character is in exactly one entity."""
    covered = [place for one in resolve(TEXT, candidates) for place in range(one.start, one.end)]
    wanted = {place for one in candidates for place in range(one.start, one.end)}
    assert len(covered) == len(set(covered))
    assert set(covered) == wanted


@given(CANDIDATES, st.randoms())
def test_the_order_of_candidates_does_not_matter(candidates: list[Entity], random: object) -> None:
    """Deterministic, whichever recognizer spoke first."""
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolve(TEXT, shuffled) == resolve(TEXT, candidates)


def test_a_checksum_beats_a_name() -> None:
    """Patterns come before the pipeline, whatever the scores; the rest of the name stays masked."""
    found = resolve(TEXT, [entity("PERSON", 0, 20, 1.0), entity("US_SSN", 5, 16, 0.4)])
    assert [(one.type, one.start, one.end) for one in found] == [
        ("PERSON", 0, 5),
        ("US_SSN", 5, 16),
        ("PERSON", 16, 20),
    ]


def test_neighbours_of_one_type_stay_apart() -> None:
    """Three addresses are three entities."""
    text = "aa, bb cc"
    found = resolve(text, [entity("URL", 0, 2), entity("URL", 4, 6), entity("URL", 7, 9)])
    assert mask(text, found).text == "<URL>, <URL> <URL>"


def test_edges_lose_punctuation() -> None:
    """A candidate that took a comma and a space gives them back."""
    assert resolve("to: ab, cd", [entity("PERSON", 2, 8)])[0] == entity("PERSON", 4, 6)


def test_placeholders_are_not_masked_again() -> None:
    """A candidate over a placeholder covers only what is around it."""
    text = "ab <US_SSN> cd"
    assert mask(text, resolve(text, [entity("PERSON", 0, 14)])).text == (
        "<PERSON> <US_SSN> <PERSON>"
    )
