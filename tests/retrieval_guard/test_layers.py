"""Steps are timed, and one that raises says which it was and where, never with what."""

from __future__ import annotations

import pytest
from ragbastion.core.errors import StoreError
from ragbastion.retrieval_guard.layers import Layers, StepFailedError


def test_a_foreign_error_is_told_by_its_place() -> None:
    """The message of a library may hold text, so only type, file and line are told."""
    with (
        pytest.raises(StepFailedError, match=r"ValueError.*test_layers.py, line \d+") as caught,
        Layers().guarded("strip"),
    ):
        raise ValueError("the secret is 42")
    assert "42" not in str(caught.value)


def test_an_error_of_ours_is_told_in_its_own_words() -> None:
    """Our messages say what to do and hold no text."""
    with (
        pytest.raises(StepFailedError, match=r"'redact' failed.*free some space"),
        Layers().guarded("redact"),
    ):
        raise StoreError("free some space")


def test_a_timed_step_lets_errors_pass() -> None:
    """What is only timed is not a guard's step, and its errors are the caller's."""
    layers = Layers()
    with pytest.raises(KeyError), layers.timed("search"):
        raise KeyError
    assert layers.timings_ms["search"] >= 0


def test_times_of_a_step_add_up() -> None:
    """A step that runs twice is one entry, and the verdict names it as run."""
    layers = Layers()
    for _ in range(2):
        with layers.guarded("verify"):
            pass
    assert layers.verdict().ran == ("verify",)
