"""One vote a voice, and a margin that bad voices cannot overcome."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from ragbastion.core.errors import UsageError
from ragbastion.retrieval_guard import tally_votes


def test_a_voice_votes_once() -> None:
    """Three passages of one voice are one vote, for what most of them say."""
    votes = tally_votes(["no", "yes", "no", "yes", "yes"], ["a", "b", "a", "a", "c"])
    assert (votes.winner, votes.counts, votes.margin) == ("yes", {"no": 1, "yes": 2}, 1)


def test_a_passage_without_answer_abstains() -> None:
    """None is no vote."""
    assert tally_votes([None, "yes", None], ["a", "b", "c"]).counts == {"yes": 1}


@pytest.mark.parametrize("answers", [[], [None, None], ["yes", "no"]])
def test_no_winner(answers: list[str | None]) -> None:
    """A tie, and no vote at all, certify nothing."""
    votes = tally_votes(answers, "abcde"[: len(answers)])
    assert (votes.winner, votes.margin, votes.holds_against(0)) == (None, 0, False)


def test_votes_need_voices() -> None:
    """Every answer is somebody's."""
    with pytest.raises(UsageError, match="2 answers of 1"):
        tally_votes(["a", "b"], ["x"])


def test_an_answer_that_cannot_be_counted_is_refused() -> None:
    """A list is no answer, and the error says what would be."""
    with pytest.raises(UsageError, match="a list, which cannot be counted"):
        tally_votes([["yes"]], ["a"])  # type: ignore[list-item]


@pytest.mark.parametrize(("bad", "cap"), [(-1, 1), (1, -3), (1.5, 1), (True, 1), (1, None)])
def test_nothing_is_certified_against_what_is_no_number(bad: int, cap: int) -> None:
    """Minus three places, or half a voice, would be certified by the formula alone."""
    votes = tally_votes("AAAAB", "vwxyz")
    with pytest.raises(UsageError):
        votes.holds_without(bad, cap)
    if bad != 1:
        with pytest.raises(UsageError):
            votes.holds_against(bad)


def test_the_margin_holds_for_every_set_of_bad_voices() -> None:
    """Over all answers of five voices: what holds against b does, whatever any b of them say."""
    voices = "vwxyz"
    for answers in product("ABC", repeat=5):
        votes = tally_votes(answers, voices)
        for count in (1, 2):
            if not votes.holds_against(count):
                continue
            for bad in combinations(range(5), count):
                for lies in product(["A", "B", "C", None], repeat=count):
                    changed: list[str | None] = list(answers)
                    for at, lie in zip(bad, lies, strict=True):
                        changed[at] = lie
                    assert tally_votes(changed, voices).winner == votes.winner


def test_the_margin_is_tight() -> None:
    """With a margin of 2 one voice can make a tie, so that is not certified."""
    votes = tally_votes("AAAB", "vwxy")
    assert not votes.holds_against(1)
    assert tally_votes("ABAB", "vwxy").winner is None


def test_without_the_bad_voices_the_winner_is_the_same() -> None:
    """Whatever passage stands in the place of a bad voice's, at whatever rank, whoever says it."""
    cap, voices = 1, "vwxyz"
    certified = 0
    for answers in product(["A", "B", None], repeat=5):
        votes = tally_votes(answers, voices)
        if not votes.holds_without(1, cap):
            continue
        certified += 1
        for bad, rank in product(range(5), repeat=2):
            kept = [at for at in range(5) if at != bad]
            for other, voice in product(["A", "B", None], [*(voices[at] for at in kept), "new"]):
                changed = [answers[at] for at in kept]
                heard = [voices[at] for at in kept]
                changed.insert(rank, other)
                heard.insert(rank, voice)
                assert tally_votes(changed, heard).winner == votes.winner
    assert certified == 2 + 2 * 5  # all five of one mind, or four and one that abstains


def test_the_margin_without_the_bad_voices_is_tight() -> None:
    """With a margin of 3 the passage that takes the bad voice's place can make a tie."""
    votes = tally_votes("AAAAB", "vwxyz")
    assert (votes.margin, votes.holds_without(1, 1)) == (3, False)
    # v is bad; without it another passage of w ranks first.
    assert tally_votes("BAAAB", "wwxyz").winner is None
