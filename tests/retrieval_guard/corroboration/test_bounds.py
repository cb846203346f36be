"""The certificate holds for every placement of bad passages, ranks and sources.

Sources a and b are established, x and y new, u has no proof. Candidates stand in the order of their
scores, so that an assignment of sources to positions is a placement on ranks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from ragbastion.retrieval_guard import Certificate, Corroborated

from .cases import NEW, OLD, Case, heard, towards

ESTABLISHED, NEWCOMERS, UNPROVED = "ab", "xy", "u"
TEXTS = ("The fair was in Chicago.", "The fair was in Boston.", "Chicago, not Boston, had it.",
         "Which city hosted the fair? Boston.", "It drew 27 visitors.")  # fmt: skip


def case(source: str, **fields: Any) -> Case:
    """Return a candidate of one of the five sources."""
    more = {"verified": source not in UNPROVED, **fields.pop("more", {})}
    opened = NEW if source in NEWCOMERS else OLD
    return Case(source, opened=opened, more=more, **fields)


def subsets(items: str) -> Iterator[tuple[str, ...]]:
    """Return every set of sources."""
    return chain.from_iterable(combinations(items, n) for n in range(len(items) + 1))


def poison(answer: Corroborated, sources: Sequence[str], bad: Collection[str]) -> int:
    """Count served passages of bad sources."""
    return sum(sources[at] in bad for at in answer.chosen)


def bounded(
    certificate: Certificate, bad: Collection[str], cap: int, *, flagging: bool = False
) -> tuple[int, int, int]:
    """Return what the certificate says of a set of bad sources, and what the settings promise."""
    established, new = (sum(each in kind for each in bad) for kind in (ESTABLISHED, NEWCOMERS))
    unverified = UNPROVED in bad
    exact = certificate.bound(established=established, new=new, unverified=unverified)
    # The cap that was asked for: one that selection and certificate both had wrong would agree.
    assert certificate.source_cap == cap
    pooled = bool(new) or (flagging and established > 0)
    by_cap = cap * (established + pooled + unverified)
    return exact, certificate.max_poison(len(bad)), by_cap


@pytest.mark.parametrize("sources", ["abxyu", "abx", "xyu"])
@pytest.mark.parametrize(("limit", "cap"), [(1, 1), (2, 1), (3, 1), (3, 2), (5, 2)])
@pytest.mark.parametrize("tied", [False, True])
def test_every_placement(sources: str, limit: int, cap: int, tied: bool) -> None:
    """Over all assignments of sources to ranks, and all sets of bad sources, no bound is passed."""
    places = 4 if len(sources) == 5 else 6
    for placed in product(sources, repeat=places):
        cases = [
            case(source, score=0.5 if tied else 1 - at / 10) for at, source in enumerate(placed)
        ]
        answer = heard(cases, limit=limit, top_k=limit, source_cap=cap, probation="cap")
        assert answer.certificate.k == len(answer.chosen) <= limit
        for bad in subsets(sources):
            found = poison(answer, placed, bad)
            assert found <= min(bounded(answer.certificate, bad, cap))


def test_the_bound_is_reached() -> None:
    """The bound is no larger than it must be: the worst source does give that many."""
    answer = heard([case("a"), case("a"), case("b"), case("x")], probation="cap")
    assert poison(answer, "aabx", "a") == answer.certificate.max_poison(1) == 2
    assert poison(answer, "aabx", "ax") == answer.certificate.bound(established=1, new=1) == 3


def test_a_flagged_passage_is_counted_with_its_established_source() -> None:
    """A source that speaks for itself and from the pool is bounded by both."""
    cases = [case("a"), case("a"), case("a", more={"signals": ("outlier.echo",)}), case("b")]
    answer = heard(cases, probation="cap")
    assert poison(answer, "aaab", "a") == answer.certificate.bound(established=1) == 3


candidates = st.lists(
    st.builds(
        case,
        st.sampled_from("abxyu"),
        text=st.sampled_from(TEXTS),
        score=st.sampled_from([0.1, 0.5, 0.9, 1.0]),
        vector=st.integers(0, 12).map(lambda step: towards(step / 8)),
        more=st.sampled_from([{}, {"signals": ("outlier.echo",)}, {"owner": "o"}]),
    ),
    max_size=14,
)
policies = st.fixed_dictionaries(
    {
        "probation": st.sampled_from(["cap", "corroborated", "reserve", "off"]),
        "lone_claims": st.sampled_from(["keep", "mark", "demote", "drop"]),
        "source_cap": st.integers(1, 3),
    }
)


@budget(max_examples=300, deadline=None, derandomize=True)
@given(candidates, policies, st.integers(1, 6), st.sets(st.sampled_from("abxyu")))
def test_hostile_likeness_passes_no_bound(
    cases: list[Case], policy: dict[str, Any], limit: int, bad: set[str]
) -> None:
    """Equal texts, near vectors, flags and shared owners move nobody over a bound."""
    answer = heard(cases, limit=limit, top_k=limit, **policy)
    found = poison(answer, [each.source for each in cases], bad)
    promised = bounded(answer.certificate, bad, policy["source_cap"], flagging=True)
    assert found <= min(promised)


@budget(max_examples=300, deadline=None, derandomize=True)
@given(candidates, policies, st.integers(1, 6))
def test_who_is_not_established_takes_the_last_places_only(
    cases: list[Case], policy: dict[str, Any], limit: int
) -> None:
    """Whatever newcomers and unproved passages are, the established served are those as before."""
    flagged = [each for each in cases if each.more.get("signals")]
    honest = [each for each in cases if each.source in ESTABLISHED and each not in flagged]
    alone = heard(honest, limit=limit, top_k=limit, **policy)
    before = [id(honest[at]) for at in alone.chosen]
    answer = heard(cases, limit=limit, top_k=limit, **policy)
    after = [id(cases[each.index]) for each in answer.passages if each.voice.established]
    cap = policy["source_cap"]
    assert after == before[: len(after)]
    assert len(before) - len(after) <= min(len(answer.chosen) - len(after), 2 * cap)


@budget(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 1)), max_size=30),
    st.integers(1, 10),
    st.integers(1, 4),
)
def test_the_answer_is_as_full_as_the_cap_allows(
    drawn: list[tuple[str, float]], limit: int, cap: int
) -> None:
    """The answer has all the passages it may have, by score."""
    cases = [Case(source, score=score) for source, score in drawn]
    answer = heard(cases, limit=limit, top_k=limit, source_cap=cap)
    given_ = [source for source, _ in drawn]
    assert len(answer.chosen) == min(
        limit, sum(min(cap, given_.count(each)) for each in set(given_))
    )
    scores = [drawn[at][1] for at in answer.chosen]
    assert scores == sorted(scores, reverse=True)


def test_more_candidates_keep_the_bound() -> None:
    """Asking deeper, as the guard does until the answer is full, changes no bound."""
    rng = np.random.default_rng(7)
    placed = [str(each) for each in rng.choice(list("aabxyu"), 40)]
    cases = [case(source, score=1 - at / 50) for at, source in enumerate(placed)]
    for fetched in (5, 10, 20, 40):
        answer = heard(cases[:fetched], probation="cap")
        for bad in subsets("abxyu"):
            assert poison(answer, placed, bad) <= min(bounded(answer.certificate, bad, 2))
