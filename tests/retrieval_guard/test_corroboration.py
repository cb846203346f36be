"""No source outvotes the others, no text counts twice, an echo stands behind."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion import Chunk, Integrity
from ragbastion.core.chunk import ChunkId, Digest, DocumentId, TenantId
from ragbastion.retrieval_guard.certificate import Certificate
from ragbastion.retrieval_guard.corroboration import compared, select
from ragbastion.retrieval_guard.passage import Passage


def passage(
    at: int,
    source: str,
    *,
    text: str | None = None,
    score: float = 0.5,
    integrity: Integrity = Integrity.TRUSTED,
    vector: np.ndarray | None = None,
    query: str = "q",
) -> Passage:
    """Return a verified passage."""
    said = text if text is not None else f"Passage number {at} of {source}."
    chunk = Chunk(
        id=ChunkId(f"c{at}"),
        text=said,
        tenant=TenantId("acme"),
        source=source,
        document=DocumentId("d"),
        document_digest=Digest("0"),
        position=at,
        integrity=integrity,
        vector=vector,
    )
    return compared(Passage(chunk=chunk, score=score, text=said), query)


@pytest.mark.parametrize("cap", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_certificate_holds_for_every_placement(cap: int, k: int) -> None:
    """Over all placements of three sources on seven ranks no source passes the certified bound."""
    for sources in product("abc", repeat=7):
        candidates = [
            passage(rank, source, score=1 - rank / 10) for rank, source in enumerate(sources)
        ]
        chosen = select(candidates, limit=k, source_cap=cap).chosen
        certificate = Certificate(k=len(chosen), source_cap=cap, sources=3)
        for bad in ({"a"}, {"a", "b"}):
            poison = sum(each.chunk.source in bad for each in chosen)
            assert poison <= certificate.max_poison(len(bad))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 1)), max_size=40),
    st.integers(1, 10),
    st.integers(1, 4),
)
def test_selection_is_as_full_as_the_cap_allows(
    drawn: list[tuple[str, float]], k: int, cap: int
) -> None:
    """The selection has k passages unless every source has given all it may."""
    candidates = [passage(at, source, score=score) for at, (source, score) in enumerate(drawn)]
    selection = select(candidates, limit=k, source_cap=cap)
    allowed = sum(min(cap, sum(s == each for s, _ in drawn)) for each in set("abcdef"))
    assert len(selection.chosen) == min(k, allowed)
    scores = [each.score for each in selection.chosen]
    assert scores == sorted(scores, reverse=True)


def test_without_a_cap_one_source_may_fill_all() -> None:
    """Where there is one source only, its passages are served by rank."""
    candidates = [passage(at, "only", score=1 - at / 10) for at in range(6)]
    chosen = select(candidates, limit=5, source_cap=None).chosen
    assert [each.chunk.id for each in chosen] == ["c0", "c1", "c2", "c3", "c4"]


def test_unverified_passages_count_as_one_source() -> None:
    """A source that nobody has verified cannot be many by naming itself differently."""
    candidates = [passage(at, f"s{at}", integrity=Integrity.UNVERIFIED) for at in range(5)]
    assert len(select(candidates, limit=5, source_cap=2).chosen) == 2


def test_equal_texts_of_two_sources_count_once() -> None:
    """A text that differs in case, spacing and punctuation only is served once, by rank."""
    first = passage(1, "a", text="The code is 42.", score=0.9)
    copy = passage(2, "b", text="the  code is: 42", score=0.8)
    selection = select([copy, first], limit=5, source_cap=2)
    assert [each.chunk.id for each in selection.chosen] == ["c1"]
    assert [(each.id, each.step) for each in selection.dropped] == [("c2", "duplicate")]


def _towards(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def _chosen(*passages: Passage, cap: int | None = 2) -> list[str]:
    return [each.chunk.id for each in select(passages, limit=5, source_cap=cap).chosen]


def test_a_source_that_repeats_itself_counts_once() -> None:
    """Two near passages of one source are one, and the better is served."""
    first = passage(1, "a", vector=_towards(0), score=0.9)
    again = passage(2, "a", vector=_towards(0.3), score=0.8)
    other = passage(3, "a", vector=_towards(1.5), score=0.7)
    assert _chosen(first, again, other) == ["c1", "c3"]


def test_a_swapped_fact_does_not_silence_the_truth() -> None:
    """A near passage of another source is served beside the one that ranks first."""
    swapped = passage(1, "bad", text="It opened in 1931.", vector=_towards(0), score=0.9)
    truth = passage(2, "good", text="It opened in 1930.", vector=_towards(0.05), score=0.8)
    assert _chosen(swapped, truth) == ["c1", "c2"]


def test_many_sources_that_say_much_the_same_are_two_passages() -> None:
    """Five sources of one author get no more than one source may give; others fill up."""
    sybils = [passage(at, f"s{at}", vector=_towards(at / 10), score=0.9) for at in range(5)]
    other = passage(9, "honest", vector=_towards(1.5), score=0.5)
    selection = select([*sybils, other], limit=5, source_cap=2)
    assert [each.chunk.id for each in selection.chosen] == ["c0", "c1", "c9"]
    assert {each.step for each in selection.dropped} == {"alike"}


def test_a_single_source_may_say_much_the_same() -> None:
    """Where there is one source, only what it repeats is left out."""
    near = [passage(at, "only", vector=_towards(at / 2), score=0.9 - at / 9) for at in range(3)]
    assert _chosen(*near, cap=None) == ["c0", "c1", "c2"]


def test_an_echo_stands_behind_every_other_passage() -> None:
    """A passage that repeats the question is served only where room is left."""
    query = "how many episodes are in season four"
    echo = passage(1, "a", text=f"{query}. There are ninety.", score=0.99, query=query)
    plain = [passage(at, f"s{at}", score=0.2, query=query) for at in (2, 3)]
    full = select([echo, *plain], limit=2, source_cap=2)
    roomy = select([echo, *plain], limit=3, source_cap=2)
    assert [each.chunk.id for each in full.chosen] == ["c2", "c3"]
    assert [(each.id, each.step) for each in full.dropped] == [("c1", "echo")]
    assert [each.chunk.id for each in roomy.chosen] == ["c2", "c3", "c1"]
    assert not roomy.filled(3)


def test_a_disguised_echo_is_an_echo() -> None:
    """Invisible characters and look-alike letters do not hide that the question is repeated."""
    query = "how many episodes are in season four"
    disguised = query.replace("o", "\u043e").replace("p", "p\u200b")
    assert passage(1, "a", text=f"{disguised}. There are ninety.", query=query).echoes


def test_a_disguised_copy_is_a_copy() -> None:
    """A copy with invisible characters is served once."""
    first = passage(1, "a", text="The code is 42.", score=0.9)
    copy = passage(2, "b", text="The co\u200bde is 42.", score=0.8)
    chosen = select([first, copy], limit=5, source_cap=2).chosen
    assert [each.chunk.id for each in chosen] == ["c1"]
