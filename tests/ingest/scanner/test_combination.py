"""Rules and network, weighed: what each adds, and what stays decisive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.core.verdict import Severity
from ragbastion.ingest.scanner.classifier import Sentence
from ragbastion.ingest.scanner.combination import (
    UNREAD,
    Unit,
    load_combination,
    logit,
    unit_score,
    units,
)
from ragbastion.ingest.scanner.evidence import HIDDEN, Hit
from ragbastion.ingest.scanner.model_files import SHIPPED

COMBINATION = load_combination(SHIPPED)
_LOGITS = st.floats(-12, 12)


def _hit(start: int, end: int, group: str = "override") -> Hit:
    return Hit(
        detector="test.rule",
        description="A rule.",
        group=group,
        severity=Severity.HIGH,
        value=1.0,
        start=start,
        end=end,
    )


def _sentence(start: int, end: int, value: float) -> Sentence:
    return Sentence(start, end, value, value, value)


@given(_LOGITS, _LOGITS, _LOGITS, st.floats(0, 6))
def test_more_evidence_never_lowers_the_probability(
    rules: float, sentence: float, window: float, more: float
) -> None:
    """Each layer's evidence can only raise the score."""
    base = COMBINATION.probability(rules, sentence, window)
    assert COMBINATION.probability(rules + more, sentence, window) >= base
    assert COMBINATION.probability(rules, sentence + more, window) >= base
    assert COMBINATION.probability(rules, sentence, window + more) >= base


def test_a_hit_takes_the_worst_sentence_that_it_touches() -> None:
    """A hit over two sentences is weighed with the worse of them."""
    found = units([_hit(5, 25)], [0.9], [_sentence(0, 10, -3.0), _sentence(10, 30, 2.0)], 0.03)
    assert [(u.hit.start, u.sentence) for u in found] == [(5, 2.0), (10, 2.0)]


def test_a_sentence_takes_the_strongest_hit_in_it() -> None:
    """A sentence is weighed with the hits that touch it, not with its neighbours'."""
    found = units([_hit(0, 10)], [0.9], [_sentence(5, 30, 1.0), _sentence(31, 50, 1.0)], 0.03)
    rules = {u.hit.start: u.rules for u in found}
    assert (rules[5], rules[31]) == (pytest.approx(logit(0.9)), pytest.approx(logit(0.03)))


def test_a_hit_that_the_network_did_not_read_keeps_what_the_rules_say() -> None:
    """Without a sentence at its place a hit counts as unread, not as harmless or hostile."""
    (unit,) = units([_hit(0, 10)], [0.9], [], 0.03)
    assert (unit.sentence, unit.window) == (UNREAD, UNREAD)


@pytest.mark.parametrize("group", [HIDDEN, "custom", "override"])
def test_the_network_cannot_talk_down_what_rules_are_sure_of(group: str) -> None:
    """Invisible payloads, a user's own rule and a strong shipped one quarantine alone."""
    unit = Unit(hit=_hit(0, 10, group), rules=logit(0.95), sentence=-9.0, window=-9.0)
    assert 0.9 < unit_score(unit, COMBINATION) < 0.95


def test_budgets_are_ordered() -> None:
    """A smaller budget of false alarms has a higher threshold; one percent is one half."""
    budgets = COMBINATION.budgets
    assert budgets["0.1%"] >= budgets["1%"] >= budgets["5%"] > 0.0
    assert budgets["1%"] == pytest.approx(0.5, abs=0.05)
