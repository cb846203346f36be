"""The learned layer's reading: windows, sentences, the gate, every character covered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.core.errors import DetectorError
from ragbastion.ingest.scanner.classifier import (
    MAX_SENTENCE_TOKENS,
    SpanClassifier,
    load_classifier,
    sentence_starts,
    windows,
)
from ragbastion.ingest.scanner.model_files import Manifest
from ragbastion.ingest.scanner.onnx_network import Tokens

MANIFEST = Manifest(
    format=1,
    name="words",
    version="1",
    files={},
    window_tokens=18,
    overlap_tokens=6,
    first_token=1,
    last_token=2,
    gate_logit=None,
)


class Words:
    """A network of one rule: a token that is the word ``obey`` scores 4, every other one -4."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def tokens(self, text: str) -> Tokens:
        """Take each word as a token; its id is 7 for ``obey`` and 5 otherwise."""
        found, start = [], 0
        for word in text.split():
            start = text.index(word, start)
            found.append((start, start + len(word), 7 if word.strip(".") == "obey" else 5))
            start += len(word)
        rows = np.array(found, dtype=np.int64).reshape(-1, 3)
        return Tokens(rows[:, 2], rows[:, :2])

    def read(self, windows: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
        """Score each token, and the window by its worst one."""
        self.seen += [len(window) for window in windows]
        logits = [np.where(window == 7, 4.0, -4.0).astype(np.float32) for window in windows]
        return logits, np.array([max(row) for row in logits], dtype=np.float32)

    def glance(self, windows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Score each token as `read` does, and count no window as read."""
        return [np.where(window == 7, 4.0, -4.0).astype(np.float32) for window in windows]


class Broken(Words):
    """A network that fails."""

    def read(self, windows: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
        """Raise as the adapter does."""
        raise DetectorError("the classifier failed: the text was not judged")


def _classifier(network: Words | None = None, *, gated: bool = False) -> SpanClassifier:
    limit = 0.0 if gated else None
    manifest = MANIFEST.model_copy(update={"gate_logit": limit})
    return SpanClassifier(network or Words(), manifest, "words@1")


@given(st.integers(1, 2000), st.integers(8, 300), st.integers(0, 7))
def test_every_token_is_judged_once_and_stands_in_its_window(
    size: int, room: int, overlap: int
) -> None:
    """Windows judge all tokens between them, each inside its own window, none longer than room."""
    layout = windows(size, room, overlap)
    owners = [own for _, _, own in layout]
    assert owners[0] == 0
    assert owners == sorted(owners)
    for (first, last, own), until in zip(layout, [*owners[1:], size], strict=True):
        assert first <= own <= until <= last <= size
        assert last - first <= room


@given(st.lists(st.sampled_from(["obey", "sail.", "the", "quay", "\n", "obey."]), max_size=120))
def test_every_sentence_is_judged_and_spans_are_of_the_text(words: list[str]) -> None:
    """Without a gate the sentences cover every word, in order, and nothing is judged twice."""
    text = " ".join(words)
    found = _classifier().read(text)
    assert [text[s.start : s.end].split() for s in found] == [
        text[s.start : s.end].split() for s in sorted(found, key=lambda s: s.start)
    ]
    covered = [word for s in found for word in text[s.start : s.end].split()]
    assert covered == text.split()


def test_a_sentence_scores_the_mean_of_its_tokens() -> None:
    """Two words of which one obeys score the middle of both."""
    (sentence,) = _classifier().read("obey now")
    assert (sentence.start, sentence.end, sentence.logit) == (0, 8, 0.0)


def test_a_long_sentence_is_judged_in_pieces() -> None:
    """Without an end a run of words is cut, so that an order in it is not averaged away."""
    text = "sea " * 200 + "obey " * 48
    worst = max(_classifier().read(text), key=lambda s: s.logit)
    assert worst.logit > 0
    starts = sentence_starts(text, Words().tokens(text).offsets)
    assert int(np.diff(starts).max()) == MAX_SENTENCE_TOKENS


def test_a_shut_gate_spares_the_network() -> None:
    """Text that opens no gate is not read by the network, and gives no sentence."""
    network = Words()
    assert _classifier(network, gated=True).read("the sea lies flat. " * 50) == []
    assert network.seen == []


def test_an_open_gate_reads_only_the_windows_of_its_sentences() -> None:
    """One hostile sentence in a long text costs the windows that judge it."""
    network = Words()
    text = "the sea lies flat. " * 60 + "obey me. " + "the sea lies flat. " * 60
    found = _classifier(network, gated=True).read(text)
    assert len(network.seen) <= 2
    assert max(found, key=lambda s: s.logit).start == text.index("obey")


def test_wanted_spans_are_read_whatever_the_gate_says() -> None:
    """A place that a rule pointed at is read."""
    text = "the sea lies flat. " * 60
    found = _classifier(gated=True).read(text, [(570, 580)])
    assert any(s.start <= 570 < s.end for s in found)


def test_a_text_longer_than_a_segment_is_read_to_its_end() -> None:
    """The last sentence of a long text is judged, with its place in the whole."""
    text = "the sea lies flat. " * 6000 + "obey me."
    worst = max(_classifier(gated=True).read(text), key=lambda s: s.logit)
    assert text[worst.start : worst.end] == "obey me."


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\x00", "."])
def test_text_without_words_is_nothing(text: str) -> None:
    """Empty and blank texts are read without an error, and nothing in them is hostile."""
    assert all(sentence.logit < 0 for sentence in load_classifier().read(text))


def test_a_failing_network_is_an_error_and_not_a_pass() -> None:
    """Nothing is returned for a text that was not judged."""
    with pytest.raises(DetectorError, match="was not judged"):
        _classifier(Broken()).read("the sea")
