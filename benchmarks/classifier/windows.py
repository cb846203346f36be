"""Texts as windows of tokens with their labels, and batches of like length."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from .network import packaged_base
from .synthesis import Example

TOKENS = 224
"""Tokens of a window, with the two special ones: about 1,000 characters of English."""
PAD, CLS, SEP = 0, 101, 102
"""Special tokens of the packaged model."""
UNKNOWN = -1
_BATCH_TOKENS = 3600
_POOL = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Token ids (l,), token labels (l,) and the labels of the whole; -1 where unknown."""

    ids: NDArray[np.int64]
    tokens: NDArray[np.int64]
    label: int
    about: int
    weight: float


def tokenizer() -> Tokenizer:
    """Return the packaged model's tokenizer, without padding or truncation."""
    loaded = Tokenizer.from_file(str(packaged_base() / "tokenizer.json"))
    loaded.no_padding()
    loaded.no_truncation()
    return loaded


def window(example: Example, tok: Tokenizer, rng: random.Random) -> Window | None:
    """Return one window of ``example``, mostly one that shows the injection; None if unusable."""
    encoded = tok.encode(example.text, add_special_tokens=False)
    size, room = len(encoded.ids), TOKENS - 2
    if not size or (example.spans is None and size > room):
        return None
    offsets = np.array(encoded.offsets)
    labels = _token_labels(offsets, example)
    first = _first(labels, size, room, rng) if size > room else 0
    ids = np.array([CLS, *encoded.ids[first : first + room], SEP])
    shown = labels[first : first + room]
    held = int((labels == 1).sum())
    here = int((shown == 1).sum())
    whole = example.label if example.spans is None else int(here > 0)
    if 0 < here < min(held, 6):
        whole = UNKNOWN  # a scrap of an injection proves nothing
    return Window(
        ids=ids,
        tokens=np.concatenate([[UNKNOWN], shown, [UNKNOWN]]),
        label=whole,
        about=UNKNOWN if example.about is None else example.about,
        weight=1.0,
    )


def _token_labels(offsets: NDArray[np.int64], example: Example) -> NDArray[np.int64]:
    if example.spans is None:
        return np.full(len(offsets), UNKNOWN)
    labels = np.zeros(len(offsets), dtype=np.int64)
    for start, end in example.spans:
        labels[(offsets[:, 0] < end) & (offsets[:, 1] > start)] = 1
    return labels


def _first(labels: NDArray[np.int64], size: int, room: int, rng: random.Random) -> int:
    hits = np.flatnonzero(labels == 1)
    if not len(hits) or rng.random() < 0.1:
        return rng.randint(0, size - room)
    low, high = max(0, int(hits[0]) - room + 8), min(int(hits[0]), size - room)
    if len(hits) < room:  # the whole of it, if it is in one piece
        low = max(low, min(int(hits[-1]) - room + 1, high))
    return rng.randint(min(low, high), max(high, min(low, high)))


def batches(windows: Iterator[Window], rng: random.Random) -> Iterator[list[Window]]:
    """Yield batches of windows of like length, without end."""
    while True:
        pool = sorted((next(windows) for _ in range(_POOL)), key=lambda w: len(w.ids))
        groups: list[list[Window]] = [[]]
        for item in pool:
            if (len(groups[-1]) + 1) * len(item.ids) > _BATCH_TOKENS:
                groups.append([])
            groups[-1].append(item)
        rng.shuffle(groups)
        yield from (group for group in groups if group)


def padded(batch: Sequence[Window]) -> tuple[NDArray[np.int64], ...]:
    """Return ids, mask and token labels (b, l), and window labels (b, 2)."""
    longest = max(len(item.ids) for item in batch)
    ids, mask, tokens = (np.zeros((len(batch), longest), dtype=np.int64) for _ in range(3))
    tokens[:] = UNKNOWN
    for row, item in enumerate(batch):
        ids[row, : len(item.ids)] = item.ids
        mask[row, : len(item.ids)] = 1
        tokens[row, : len(item.ids)] = item.tokens
    return ids, mask, tokens, np.array([[item.label, item.about] for item in batch])
