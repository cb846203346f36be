"""Training the gate: a linear model over sentences of the same examples as the network."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from ragbastion.ingest.scanner.classifier import sentence_starts
from ragbastion.ingest.scanner.gate import PAIRS, Gate, pair_slots
from torch import Tensor, nn

from .synthesis import Example
from .windows import tokenizer

WORDS = 30_522
_BATCH = 2048
Ints = NDArray[np.int64]


class Sentences:
    """Sentences as token ids, one after another: ids (n,), starts (s,), labels (s,)."""

    def __init__(self, examples: Sequence[Example]) -> None:
        tok = tokenizer()
        ids, starts, labels, self.example = [], [], [], list[int]()
        total = 0
        for number, example in enumerate(examples):
            encoded = tok.encode(example.text, add_special_tokens=False)
            if not encoded.ids or example.spans is None:
                continue
            offsets = np.array(encoded.offsets)
            first = sentence_starts(example.text, offsets)
            hit = np.zeros(len(offsets))
            for a, b in example.spans:
                hit[(offsets[:, 0] < b) & (offsets[:, 1] > a)] = 1
            counts = np.diff(np.append(first, len(offsets)))
            labels.append((np.add.reduceat(hit, first) / counts >= 0.5).astype(np.float32))
            ids.append(np.array(encoded.ids))
            starts.append(first + total)
            self.example += [number] * len(first)
            total += len(offsets)
        self.ids: Ints = np.concatenate(ids)
        self.starts: Ints = np.concatenate(starts)
        self.labels = np.concatenate(labels)


class _Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(WORDS, 1, mode="sum")
        self.pairs = nn.EmbeddingBag(PAIRS, 1, mode="sum")
        self.openings = nn.ModuleList(nn.Embedding(WORDS, 1) for _ in range(2))
        for table in (self.words, self.pairs, *self.openings):
            nn.init.zeros_(table.weight)
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, ids: Tensor, starts: Tensor) -> Tensor:
        counts = torch.diff(starts, append=torch.tensor([len(ids)]))
        pairs = torch.from_numpy(np.append(pair_slots(ids.numpy()), 0))
        second = torch.minimum(starts + 1, torch.tensor(len(ids) - 1))
        total = self.words(ids, starts) + self.pairs(pairs, starts)
        opening = self.openings[0](ids[starts]) + self.openings[1](ids[second])
        return (total / counts[:, None] + opening).squeeze(1) + self.bias


def train_gate(examples: Sequence[Example], epochs: int = 4, seed: int = 1) -> bytes:
    """Return the content of ``gate.npz``, fitted on the sentences of ``examples``."""
    data = Sentences(examples)
    torch.manual_seed(seed)
    model = _Linear()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    ends = np.append(data.starts[1:], len(data.ids))
    balance = torch.tensor(float((data.labels == 0).sum() / max((data.labels == 1).sum(), 1)))
    order = np.random.default_rng(seed)
    for _ in range(epochs):
        for part in np.array_split(
            order.permutation(len(data.starts)), len(data.starts) // _BATCH + 1
        ):
            pieces = [data.ids[data.starts[i] : ends[i]] for i in part]
            starts = np.cumsum([0, *(len(p) for p in pieces[:-1])])
            logits = model(torch.from_numpy(np.concatenate(pieces)), torch.from_numpy(starts))
            loss = nn.functional.binary_cross_entropy_with_logits(
                logits, torch.from_numpy(data.labels[part]), pos_weight=balance
            ) + 2e-6 * sum((t.weight**2).sum() for t in (model.words, model.pairs, *model.openings))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return _saved(model)


def _saved(model: _Linear) -> bytes:
    def half(table: nn.Module) -> NDArray[np.float16]:
        values: NDArray[np.float16] = table.weight.detach().squeeze(1).numpy().astype(np.float16)
        return values

    content = io.BytesIO()
    np.savez_compressed(
        content,
        words=half(model.words),
        pairs=half(model.pairs),
        openings=np.stack([half(table) for table in model.openings]),
        bias=np.float32(model.bias.item()),
    )
    return content.getvalue()


def operating_points(content: bytes, examples: Sequence[Example]) -> list[dict[str, float]]:
    """Return, for shares of attacks kept, the gate's threshold and how many clean texts open it.

    An attack is kept if the gate opens for a sentence of which most was injected.
    """
    data, gate = Sentences(examples), Gate(content)
    logits = gate.logits(data.ids, data.starts)
    numbers = np.array(data.example)
    hostile, clean = data.labels == 1, np.array([not e.label for e in examples])[numbers]
    attacks = np.sort(_largest(logits[hostile], numbers[hostile]))
    harmless = _largest(logits[clean], numbers[clean])
    points = []
    for kept in (0.9, 0.95, 0.98, 0.99, 0.995):
        limit = attacks[int((1 - kept) * len(attacks))]
        points.append(
            {"kept": kept, "limit": float(limit), "opened": float((harmless >= limit).mean())}
        )
    return points


def _largest(values: NDArray[np.float32], numbers: Ints) -> NDArray[np.float32]:
    """Return the largest value of each number's rows; rows of a number stand together."""
    found: NDArray[np.float32] = np.maximum.reduceat(
        values, np.flatnonzero(np.diff(numbers, prepend=-1))
    )
    return found
