"""The learned layer: how much each sentence of a text, read in its place, instructs a model.

The network sees overlapping windows of the whole text and judges every token once, in the window
where it stands further from the edge; a sentence's score is the mean of its tokens'. What belongs
to a document and what does not is seen from the window, never from the sentence alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .model_files import SHIPPED, Manifest, read_model
from .onnx_network import OnnxNetwork
from .sentences import sentence_ends

MAX_SENTENCE_TOKENS = 48
"""A longer sentence is judged in pieces, so that an order inside it is not averaged away."""
_SEGMENT_CHARS = 40_000
_ENCLOSING = "\"'`,;:{}[]()<>|*#/- \t\r\n"
_BATCH, _GLANCES = 4, 32

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that the network read: its characters, and logits of what it and its window hold.

    ``logit``: it instructs the model; ``window``: the window around it holds an injection;
    ``peak``: the largest ``logit`` of a sentence of that window.
    """

    start: int
    end: int
    logit: float
    window: float
    peak: float


class Network(Protocol):
    """What a `SpanClassifier` reads with; `OnnxNetwork` is one."""

    def tokens(self, text: str) -> Tokens:
        """Return the tokens of a text."""
        ...

    def glance(self, windows: Sequence[Ints]) -> list[Floats]:
        """Return the gate's token logits (l,) a window."""
        ...

    def read(self, windows: Sequence[Ints]) -> tuple[list[Floats], Floats]:
        """Return token logits (l,) a window, and window logits (b,)."""
        ...


class Tokens(Protocol):
    """Token ids (n,) and their character spans (n, 2)."""

    @property
    def ids(self) -> Ints:
        """Return the ids."""
        ...

    @property
    def offsets(self) -> Ints:
        """Return the spans."""
        ...


class SpanClassifier:
    """Judges the sentences of texts; the gate decides which windows the network reads.

    Safe to share between threads. Linear in the text; every character stands before the gate.
    """

    def __init__(self, network: Network, manifest: Manifest, version: str) -> None:
        self._network, self._manifest = network, manifest
        self.version = version

    def read(
        self,
        text: str,
        wanted: Sequence[Span] = (),
        only: Callable[[int, int], bool] | None = None,
    ) -> list[Sentence]:
        """Return the sentences that the network judged, by position.

        ``text`` holds no surrogates. Windows that touch one of ``wanted`` (sorted, apart from each
        other) are read, whatever the gate says; of the sentences for which the gate opens, only
        those that ``only`` holds true of are reason to read a window. Raises `DetectorError` if the
        network fails.
        """
        found: list[Sentence] = []
        starts, ends = [start for start, _ in wanted], [end for _, end in wanted]
        for first, last in _segments(text):
            near = wanted[bisect_right(ends, first) : bisect_left(starts, last)]
            spans = [(start - first, end - first) for start, end in near]
            found += [
                replace(sentence, start=first + sentence.start, end=first + sentence.end)
                for sentence in self._segment(text[first:last], spans, _shifted(only, first))
            ]
        return found

    def _segment(
        self, text: str, wanted: Sequence[Span], only: Callable[[int, int], bool] | None
    ) -> Iterator[Sentence]:
        tokens = self._network.tokens(text)
        ids, offsets = tokens.ids, tokens.offsets
        if not len(ids):
            return
        starts = sentence_starts(text, offsets)
        layout = windows(len(ids), self._manifest.window_tokens - 2, self._manifest.overlap_tokens)
        opened = self._opened(ids, layout, starts)
        for low, high in wanted:
            opened[_touched(offsets[starts, 0], low, high)] = True
        if only is not None:
            ends = np.append(offsets[starts[1:] - 1, 1], offsets[-1, 1])
            for index in np.flatnonzero(opened):
                opened[index] = only(int(offsets[starts[index], 0]), int(ends[index]))
        if not opened.any():
            return
        needed = _needed(layout, starts, opened, len(ids))
        logits, whole = self._judged(ids, layout, needed)
        means, counts = sentence_means(logits, starts)
        home = np.searchsorted([own for _, _, own in layout], starts, side="right") - 1
        peaks = np.full(len(layout), -np.inf, dtype=np.float32)
        read = np.flatnonzero(np.isfinite(means))
        np.maximum.at(peaks, home[read], means[read])
        for index in read:
            last = starts[index] + counts[index] - 1
            start, end = _trimmed(text, int(offsets[starts[index], 0]), int(offsets[last, 1]))
            at = home[index]
            yield Sentence(start, end, float(means[index]), float(whole[at]), float(peaks[at]))

    def _opened(self, ids: Ints, layout: Sequence[Layout], starts: Ints) -> NDArray[np.bool_]:
        """Return for each sentence (s,) whether the gate opens."""
        if self._manifest.gate_logit is None:
            return np.ones(len(starts), dtype=np.bool_)
        logits = np.empty(len(ids), dtype=np.float32)
        for alike in _batches(ids, layout, range(len(layout)), _GLANCES):
            found = self._network.glance([ids[slice(*layout[same[0]][:2])] for same in alike])
            for same, values in zip(alike, found, strict=True):
                _place(logits, values, layout, same)
        opened: NDArray[np.bool_] = sentence_means(logits, starts)[0] >= self._manifest.gate_logit
        return opened

    def _judged(
        self, ids: Ints, layout: Sequence[Layout], needed: Sequence[int]
    ) -> tuple[Floats, Floats]:
        """Return token logits (n,) and window logits (w,), NaN where the network did not read."""
        logits = np.full(len(ids), np.nan, dtype=np.float32)
        whole = np.full(len(layout), np.nan, dtype=np.float32)
        for alike in _batches(ids, layout, needed, _BATCH):
            windows = [ids[slice(*layout[same[0]][:2])] for same in alike]
            per_token, per_window = self._network.read(windows)
            for same, values, window in zip(alike, per_token, per_window, strict=True):
                _place(logits, values, layout, same)
                whole[same] = window
        return logits, whole


Layout = tuple[int, int, int]
"""A window: its first token, the one after its last, and the first that it is the judge of."""


def windows(size: int, room: int, overlap: int) -> list[Layout]:
    """Return windows of ``room`` tokens over ``size``, each token in the middle of one of them."""
    if size <= room:
        return [(0, size, 0)]
    firsts = [*range(0, size - room, room - overlap), size - room]
    edges = [0, *((a + room + b) // 2 for a, b in pairwise(firsts))]
    return [(first, first + room, own) for first, own in zip(firsts, edges, strict=True)]


def sentence_starts(text: str, offsets: Ints) -> Ints:
    """Return the index (s,) of each sentence's first token; long ones are cut in pieces."""
    ends = np.array(sentence_ends(text), dtype=np.int64)
    number = np.searchsorted(ends, offsets[:, 0], side="right")
    first = np.flatnonzero(np.diff(number, prepend=-1))
    place = np.arange(len(number)) - np.repeat(first, np.diff(np.append(first, len(number))))
    return np.flatnonzero(place % MAX_SENTENCE_TOKENS == 0)


def _trimmed(text: str, start: int, end: int) -> Span:
    """Return the span without the quotes, brackets and commas that only enclose it."""
    first, last = start, end
    while last > first and text[last - 1] in _ENCLOSING:
        last -= 1
    while first < last and text[first] in _ENCLOSING:
        first += 1
    return (first, last) if first < last else (start, end)


def _batches(
    ids: Ints, layout: Sequence[Layout], numbers: Iterable[int], size: int
) -> Iterator[list[list[int]]]:
    """Yield windows in batches of ``size``; those with the same tokens count as one."""
    alike: dict[bytes, list[int]] = {}
    for number in numbers:
        first, last, _ = layout[number]
        alike.setdefault(ids[first:last].tobytes(), []).append(number)
    groups = list(alike.values())
    yield from (groups[low : low + size] for low in range(0, len(groups), size))


def _place(
    logits: Floats, values: Floats, layout: Sequence[Layout], windows: Sequence[int]
) -> None:
    """Put a window's token logits where each of ``windows`` is their judge."""
    for number in windows:
        first, last, own = layout[number]
        until = layout[number + 1][2] if number + 1 < len(layout) else last
        logits[own:until] = values[own - first : until - first]


def sentence_means(logits: Floats, starts: Ints) -> tuple[Floats, Ints]:
    """Return the mean (s,) of each sentence's tokens, and how many it has."""
    counts = np.diff(np.append(starts, len(logits)))
    return (np.add.reduceat(logits, starts) / counts).astype(np.float32), counts


def _touched(begins: Ints, low: int, high: int) -> slice:
    """Return the sentences, which begin at ``begins``, that a span of characters touches."""
    first = max(int(np.searchsorted(begins, low, side="right")) - 1, 0)
    return slice(first, max(int(np.searchsorted(begins, high)), first + 1))


def _needed(
    layout: Sequence[Layout], starts: Ints, opened: NDArray[np.bool_], size: int
) -> list[int]:
    """Return the windows that judge a token of an opened sentence."""
    ends = np.append(starts[1:], size)
    owned = [own for _, _, own in layout]
    low = np.searchsorted(owned, starts[opened], side="right") - 1
    high = np.searchsorted(owned, ends[opened] - 1, side="right") - 1
    return sorted({k for a, b in zip(low, high, strict=True) for k in range(int(a), int(b) + 1)})


def _segments(text: str) -> Iterator[Span]:
    """Yield spans that cover ``text``, cut at white space where there is any near the limit."""
    start = 0
    while start < len(text):
        end = min(start + _SEGMENT_CHARS, len(text))
        if end < len(text):
            cut = max(text.rfind(" ", start + 1, end), text.rfind("\n", start + 1, end))
            end = cut if cut > end - 1000 else end
        yield start, end
        start = end


def _shifted(
    only: Callable[[int, int], bool] | None, first: int
) -> Callable[[int, int], bool] | None:
    return None if only is None else lambda start, end: only(first + start, first + end)


@cache
def load_classifier(folder: Path = SHIPPED) -> SpanClassifier:
    """Load the model in ``folder``, once a process; raise `SettingsError` if it is not sound."""
    files = read_model(folder)
    manifest = files.manifest
    version = f"classifier[{manifest.name}@{manifest.version}+{files.digest}]"
    return SpanClassifier(OnnxNetwork(files), manifest, version)
