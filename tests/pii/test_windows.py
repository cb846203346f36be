"""Windows cover a text once and give every entity a window that holds it whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ragbastion.pii.folding import fold
from ragbastion.pii.windows import OVERLAP, WINDOW_CHARS, windows


@given(st.integers(0, 5 * WINDOW_CHARS), st.sampled_from(["x", "word ", "line\n"]))
def test_cores_cover_the_text_once(length: int, piece: str) -> None:
    """Cores follow each other without gap or overlap, and no window is too large."""
    text = (piece * length)[:length]
    found = list(windows(text))
    assert "".join(text[one.core_start : one.core_end] for one in found) == text
    assert all(one.end - one.start <= WINDOW_CHARS + 2 * OVERLAP for one in found)


@given(st.integers(0, 3 * WINDOW_CHARS), st.integers(1, OVERLAP))
def test_an_entity_is_whole_in_each_window_that_answers_for_it(start: int, length: int) -> None:
    """Whoever reports an entity has seen all of it."""
    text = "x" * (3 * WINDOW_CHARS + OVERLAP)
    answering = [one for one in windows(text) if one.answers_for(start, start + length)]
    assert answering
    assert all(one.start <= start and start + length <= one.end for one in answering)


@given(st.text())
def test_folding_maps_every_character_back(text: str) -> None:
    """A span of the folded text is a span of the original, in order."""
    folded = fold(text)
    places = [folded.span(at, at + 1) for at in range(len(folded.text))]
    assert all(end - start == 1 for start, end in places)
    assert places == sorted(places)
    assert all(end <= len(text) for _, end in places)
