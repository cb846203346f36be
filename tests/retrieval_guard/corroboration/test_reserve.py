"""The reserved place: one passage of all newcomers, last, where established ones leave a gap."""

from __future__ import annotations

import pytest

from .cases import NEW, Case, heard, served

ASK = "Which city hosted the fair?"
OLD = [
    Case("archive", "The fair was a great success that year.", 0.5),
    Case("city", "Trains were full on the way to the fair.", 0.45),
    Case("museum", "A wheel was built for the visitors of the fair.", 0.4),
]
NEWS = Case("x", "Chicago hosted the fair.", 0.8, NEW)


def test_a_newcomer_stands_last() -> None:
    """It is nearest to the question, and stands behind what is established."""
    found = heard([*OLD, NEWS], query=ASK, probation="reserve")
    assert found.chosen == (0, 1, 2, 3)
    assert found.certificate.bound(new=100) == 1


def test_it_takes_the_last_place_of_a_full_context() -> None:
    """The last of the established makes way, and no other."""
    assert served([*OLD, NEWS], query=ASK, limit=3, probation="reserve") == [0, 1, 3]


def test_all_newcomers_have_one_place() -> None:
    """However many sources they are."""
    more = [Case(f"x{at}", f"Town {at} hosted the fair.", 0.9, NEW) for at in range(5)]
    assert served([*OLD, *more], query=ASK, probation="reserve") == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "unfit",
    [
        Case("x", "Chicago hosted the fair.", 0.52, NEW),
        Case("x", "Which city hosted the fair? Chicago.", 0.9, NEW),
        Case("x", "Chicago hosted the fair.", 0.9, more={"signals": ("echo",)}),
    ],
    ids=["no nearer", "echo", "flagged"],
)
def test_the_place_is_left_empty(unfit: Case) -> None:
    """For what is not nearer by the margin, repeats the question, or was flagged."""
    assert served([*OLD, unfit], query=ASK, probation="reserve") == [0, 1, 2]


def test_who_contradicts_the_established_has_no_place() -> None:
    """Where they have an answer of the kind that is asked for, news may not be another one."""
    truth = Case("paper", "The city of Boston hosted the fair.", 0.6)
    assert served([*OLD, truth, NEWS], query=ASK, probation="reserve") == [3, 0, 1, 2]


def test_a_newcomer_is_never_alone() -> None:
    """Without an established passage before it nothing is served, nor in a context of one."""
    assert served([NEWS], query=ASK, probation="reserve") == []
    assert served([*OLD, NEWS], query=ASK, limit=1, probation="reserve") == [0]


def test_the_margin_is_a_setting() -> None:
    """A newcomer that is a little nearer is served where that is enough."""
    near = Case("x", "Chicago hosted the fair.", 0.52, NEW)
    assert served([*OLD, near], query=ASK, probation="reserve", reserve_margin=0.01) == [0, 1, 2, 3]
