"""Decisions are ordered and verdicts merge by laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.core.verdict import Decision, Finding, Severity, Verdict, merge_verdicts

_VERDICTS = st.builds(
    Verdict,
    decision=st.sampled_from(Decision),
    score=st.floats(0, 1),
    findings=st.lists(
        st.builds(Finding, kind=st.text(max_size=3), detector=st.just("d"), score=st.floats(0, 1)),
        max_size=2,
    ).map(tuple),
    reasons=st.lists(st.text(max_size=3), max_size=2, unique=True).map(tuple),
    timings_ms=st.dictionaries(st.sampled_from("abc"), st.integers(0, 9).map(float)),
)


def test_decisions_are_ordered_from_mild_to_strict() -> None:
    """The order is ALLOW < FLAG < REDACT < QUARANTINE < BLOCK, not the alphabet's."""
    assert sorted(Decision, key=lambda each: each) == list(Decision)
    assert Decision.QUARANTINE > Decision.FLAG
    assert Decision.ALLOW <= Decision.ALLOW
    assert max(Decision.FLAG, Decision.BLOCK, Decision.ALLOW) is Decision.BLOCK


def test_decision_compares_with_its_spelling_only() -> None:
    """A known spelling compares; an unknown one is an error, never a silent False."""
    assert Decision.FLAG < "block"
    with pytest.raises(ValueError, match="nonsense"):
        _ = Decision.FLAG < "nonsense"


@given(_VERDICTS, _VERDICTS, _VERDICTS)
def test_merge_is_associative(one: Verdict, two: Verdict, three: Verdict) -> None:
    """Verdicts may be merged in any grouping."""
    assert one.merge(two).merge(three) == one.merge(two.merge(three))


@given(_VERDICTS)
def test_allow_is_neutral(verdict: Verdict) -> None:
    """Merging with an empty verdict changes nothing, on either side."""
    assert verdict.merge(Verdict.allow()) == verdict == Verdict.allow().merge(verdict)


@given(st.lists(_VERDICTS, max_size=4))
def test_merge_keeps_every_finding(verdicts: list[Verdict]) -> None:
    """No finding vanishes, whatever detectors share a name."""
    merged = merge_verdicts(verdicts)
    assert len(merged.findings) == sum(len(verdict.findings) for verdict in verdicts)
    assert merged.score == max([verdict.score for verdict in verdicts], default=0.0)


def test_json_form_has_the_contract_fields() -> None:
    """A finding's JSON form carries the fields that scripts read."""
    finding = Finding(
        kind="k", detector="d", score=0.5, severity=Severity.HIGH, span=(1, 4), evidence="e"
    )
    assert finding.as_dict() == {
        "kind": "k",
        "detector": "d",
        "score": 0.5,
        "severity": "high",
        "span": [1, 4],
        "evidence": "e",
    }
