"""Required literals: no pattern matches a text that the prefilter rules out."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.ingest.scanner.literals import required
from ragbastion.ingest.scanner.prefilter import Prefilter
from ragbastion.ingest.scanner.rules import shipped_packs

_ATOM = st.sampled_from(
    ["a", "b", "ab", "ba", "[ab]", "[^a]", r"\w", ".", "é", "K", "ß", r"\b", "a?", "(?:ab|b)", "c+"]
)
_PATTERN = st.recursive(
    _ATOM,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        inner.map(lambda part: f"(?:{part}){{0,2}}"),
        inner.map(lambda part: f"(?:{part})+"),
    ),
    max_leaves=6,
)


@settings(max_examples=300)
@given(pattern=_PATTERN, text=st.text(alphabet="abcABéÉkK\u212aßẞ ", max_size=12))
def test_what_matches_is_a_candidate(pattern: str, text: str) -> None:
    """The prefilter lets every matching pattern through, whatever the case."""
    pattern = f"(?i){pattern}"
    matches = re2.compile(pattern).search(text) is not None
    candidates = Prefilter([pattern]).candidates(text.casefold().encode())
    assert candidates in ([], [0])
    assert candidates == [0] or not matches


@pytest.mark.parametrize(
    ("pattern", "clauses"),
    [
        ("(?i)Ignore (?:all|any) rules?", [["ignore all rule", "ignore any rule"]]),
        (r"send\W{0,3}the file", [["the file"], ["send"]]),
        (r"(?:forget|drop).{0,20}rules", [["rules"], ["drop", "forget"]]),
        (r"\w+", []),
        (r"[[:alpha:]]{3}x{2,}", []),
        (r"\pL+secret", []),
        (r"x?", []),
    ],
)
def test_the_literals_of_a_pattern(pattern: str, clauses: list[list[str]]) -> None:
    """Strings grow over concatenations and choices; unknown syntax has none."""
    (alternative,) = required(pattern)
    assert sorted(map(sorted, alternative)) == sorted(clauses)


def test_alternatives_are_told_apart() -> None:
    """Each branch of a pattern has clauses of its own."""
    assert len(required("(?i)forget it|drop that")) == 2


def test_every_shipped_pattern_has_literals() -> None:
    """None of them has to be tried on every text."""
    patterns = [p for pack in shipped_packs() for rule in pack.rules for p in rule.patterns]
    assert [p for p in patterns if not all(required(p))] == []
    assert Prefilter(patterns).candidates(b"opening hours: nine to five") == []
