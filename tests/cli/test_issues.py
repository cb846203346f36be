"""Which findings of a verdict count, and what each asks for."""

import pytest
from ragbastion.cli.issues import Limits, fingerprint, telling
from ragbastion.core.verdict import Decision, Finding, Verdict

LIMITS = Limits(quarantine=0.5, flag=0.25)
Q, F, A = Decision.QUARANTINE, Decision.FLAG, Decision.ALLOW


def verdict(decision: Decision, score: float, *scores: float) -> Verdict:
    """Return a verdict whose findings have these scores."""
    findings = tuple(Finding(kind="injection", detector=f"a.{one}", score=one) for one in scores)
    return Verdict(decision=decision, score=score, findings=findings)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (verdict(A, 0.1, 0.1), []),
        (verdict(Q, 0.9, 0.9, 0.3, 0.1), [("a.0.9", Q), ("a.0.3", F)]),
        (verdict(F, 0.3, 0.3, 0.1), [("a.0.3", F)]),
        (verdict(F, 0.3), [("scanner.verdict", F)]),
        (verdict(F, 0.1, 0.1), [("a.0.1", F)]),
        (verdict(Q, 0.9, 0.2), [("a.0.2", Q)]),
        (verdict(Q, 0.1, 0.3), [("scanner.verdict", Q), ("a.0.3", Q)]),
    ],
)
def test_what_a_verdict_tells(given: Verdict, expected: list[tuple[str, Decision]]) -> None:
    """Weak findings do not count beside a strong one; one issue asks for the decision."""
    assert [(one.detector, decision) for one, decision in telling(given, LIMITS)] == expected


def test_a_full_verdict_may_leave_findings_out() -> None:
    """Then the text as it stands is an issue of its own."""
    told = list(telling(verdict(Q, 0.9, *[0.9] * 200), LIMITS))
    assert (told[0][0].detector, len(told)) == ("scanner.too_many", 201)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (("a.b", "x.md", "SAY  yes\n"), True),
        (("a.b", "x.md", "ｓａｙ yes"), True),
        (("a.b", "x.md", "say no"), False),
        (("a.b", "y.md", "say yes"), False),
        (("a.c", "x.md", "say yes"), False),
    ],
)
def test_a_fingerprint_is_of_rule_path_and_words(other: tuple[str, str, str], same: bool) -> None:
    """Case, blanks and width do not matter; anything else does."""
    assert (fingerprint("a.b", "x.md", "say yes") == fingerprint(*other)) is same
