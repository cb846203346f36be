"""Models of others are read whole, and load once; their labels are never guessed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.core.errors import SettingsError
from ragbastion.ingest.scanner.external import load_external, segments
from ragbastion.ingest.scanner.injection_labels import injection_ids


@given(st.text("ab \n", max_size=400), st.integers(20, 60))
def test_segments_cover_and_overlap(text: str, size: int) -> None:
    """Segments start where the text does, share characters and end where it does."""
    spans = list(segments(text, size, overlap=10))
    assert {at for start, end in spans for at in range(start, end)} == set(range(len(text)))
    assert all(0 < end - start <= size for start, end in spans)
    assert all(b[0] == a[1] - 5 for a, b in pairwise(spans))


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("BENIGN", "INJECTION", "JAILBREAK"), [1, 2]),
        (("benign", "malicious"), [1]),
        (("jailbreak", "benign"), [0]),
        (("LABEL_0", "LABEL_1"), [1]),
        (("SAFE", "prompt injection"), [1]),
        (("O", "B-INJECTION", "I-INJECTION"), [1, 2]),
        (("INJECTION",), [0]),
    ],
)
def test_plain_labels_are_understood(labels: tuple[str, ...], found: list[int]) -> None:
    """The labels of published detectors need no help."""
    assert injection_ids(dict(enumerate(labels))) == found


@pytest.mark.parametrize(
    "labels",
    [
        ("LABEL_0", "LABEL_1", "LABEL_2"),
        ("LABEL_0",),
        ("SAFE", "BENIGN"),
        ("SAFE", "INJECTION", "TOXIC"),
        ("POSITIVE", "NEGATIVE"),
    ],
)
def test_ambiguous_labels_are_refused(labels: tuple[str, ...]) -> None:
    """Nothing is guessed: the message tells to name them."""
    with pytest.raises(SettingsError, match="name them"):
        injection_ids(dict(enumerate(labels)))


def test_named_labels_are_taken_in_any_case() -> None:
    """Who knows the model says which labels count."""
    assert injection_ids({0: "TOXIC", 1: "Order", 2: "FINE"}, ["order"]) == [1]


@pytest.mark.parametrize("named", [[], ["nothing"], ["order", "fine"]])
def test_wrong_names_are_refused(named: list[str]) -> None:
    """No label, an unknown one, or all of them cannot mean injection."""
    with pytest.raises(SettingsError, match="refused: name one or more"):
        injection_ids({0: "order", 1: "fine"}, named)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """A name is never looked up anywhere but on disk."""
    with pytest.raises(SettingsError, match="no such folder"):
        load_external(tmp_path / "meta-llama/Prompt-Guard-2")
