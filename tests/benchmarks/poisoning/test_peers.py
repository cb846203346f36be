"""Other packages: named as skipped where they are missing, and as failed where they raise."""

import pytest
from ragbastion.benchmarks.poisoning import peers

from .conftest import pool


def test_a_missing_package_is_named() -> None:
    """With the line that installs it."""
    skipped: dict[str, str] = {}
    assert peers.loaded("no-such-package", lambda: 1, skipped) is None
    assert skipped == {"no-such-package": peers.MISSING}


def test_a_failing_package_is_named() -> None:
    """With its version and the error's type, and the run goes on."""
    skipped: dict[str, str] = {}
    assert peers.loaded("numpy", lambda: 1 / 0, skipped) is None
    [(name, why)] = skipped.items()
    assert name.startswith("numpy ")
    assert why == "failed: ZeroDivisionError"


def test_what_loads_is_returned() -> None:
    """Nothing is skipped."""
    skipped: dict[str, str] = {}
    assert peers.loaded("numpy", lambda: 7, skipped) == 7
    assert skipped == {}


@pytest.mark.skipif(not peers.installed(peers.RAGDEFENDER), reason="ragdefender is missing")
@pytest.mark.filterwarnings("ignore")
def test_ragdefender_gets_the_vectors_of_retrieval() -> None:
    """It removes of three alike passages and keeps the order of the rest."""
    vectors = [[1.0, 0.0], [1.0, 0.001], [1.0, 0.002], [0.6, 0.8]]
    texts = ["the tide is high", "the tide is high now", "the tide is very high", "flour"]
    choice = peers.ragdefender()(pool(vectors, "abcd", texts), 5)
    assert 0 < len(choice.places) < 4
    assert list(choice.places) == sorted(choice.places)
