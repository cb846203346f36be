"""Training the gate: a small convolutional network on the same windows as the classifier."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from ragbastion.ingest.scanner.classifier import sentence_means, sentence_starts, windows
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel

from .network import WIDTH, packaged_base
from .scoring import OVERLAP
from .synthesis import Example
from .windows import CLS, PAD, SEP, TOKENS, UNKNOWN, Window, batches, padded, tokenizer

NARROW, CHANNELS, REACH = 32, 64, 5
RATE = 2e-3
Floats = NDArray[np.float32]


class GateNetwork(nn.Module):
    """Token logits (b, l) from token ids (b, l): what stands near, and what the window is about.

    Word vectors are MiniLM's, frozen, made narrow by a matrix that is learned and then multiplied
    in; two convolutions see a few words around, the mean over the window says what it is about.
    """

    def __init__(self) -> None:
        super().__init__()
        base = AutoModel.from_pretrained(packaged_base())
        words = base.embeddings.word_embeddings.weight.detach()
        self.words = nn.Embedding.from_pretrained(functional.normalize(words, dim=1))
        self.narrow = nn.Linear(WIDTH, NARROW)
        self.first = nn.Conv1d(NARROW, CHANNELS, REACH, padding=REACH // 2)
        self.second = nn.Conv1d(CHANNELS, CHANNELS, REACH, padding=REACH - 1, dilation=2)
        self.about = nn.Linear(CHANNELS, CHANNELS)
        self.mixed = nn.Linear(2 * CHANNELS, CHANNELS)
        self.token = nn.Linear(CHANNELS, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """Return token logits (b, l)."""
        hidden = self.narrow(self.words(ids)).transpose(1, 2)
        hidden = functional.relu(self.first(hidden))
        hidden = (hidden + functional.relu(self.second(hidden))).transpose(1, 2)
        shown = (ids != PAD).unsqueeze(-1).float()
        mean = (hidden * shown).sum(1, keepdim=True) / shown.sum(1, keepdim=True)
        about = self.about(mean).expand_as(hidden)
        mixed = functional.relu(self.mixed(torch.cat([hidden, about * hidden], dim=-1)))
        return self.token(mixed).squeeze(-1)

    def narrowed(self) -> GateNetwork:
        """Return the network with its narrow word vectors in one table, to be shipped."""
        with torch.no_grad():
            table = self.narrow(self.words.weight)
        self.words = nn.Embedding.from_pretrained(table.half().float())
        self.narrow = nn.Identity()
        return self


def train_gate(stream: Iterator[Window], count: int, seed: int) -> GateNetwork:
    """Return a gate trained on ``count`` windows."""
    torch.manual_seed(seed)
    gate = GateNetwork()
    parameters = [p for p in gate.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.02)
    seen = 0
    for batch in batches(stream, random.Random(seed)):
        for group in optimizer.param_groups:
            group["lr"] = RATE * max(0.05, 1.0 - seen / count)
        ids, _, tokens, _ = padded(batch)
        loss = _loss(gate(torch.from_numpy(ids)), torch.from_numpy(tokens))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += len(batch)
        if seen >= count:
            return gate.eval()
    raise AssertionError("the stream of windows has no end")


def _loss(logits: Tensor, tokens: Tensor) -> Tensor:
    losses = functional.binary_cross_entropy_with_logits(
        logits, tokens.clamp(0).float(), reduction="none"
    )
    known, hostile = tokens != UNKNOWN, tokens == 1
    # A hostile token that is missed costs the attack, a harmless one a few milliseconds.
    return (losses * known * (1 + 4 * hostile)).sum() / known.sum().clamp(1)


def operating_points(gate: GateNetwork, examples: Sequence[Example]) -> list[dict[str, float]]:
    """Return, for shares of attacks kept, the gate's threshold and how many clean texts open it.

    An attack is kept if the gate opens for a sentence of which most was injected.
    """
    attacks, harmless = [], []
    tok = tokenizer()
    for example in examples:
        encoded = tok.encode(example.text, add_special_tokens=False)
        if not encoded.ids or example.spans is None:
            continue
        offsets = np.array(encoded.offsets)
        starts = sentence_starts(example.text, offsets)
        logits = _logits(gate, encoded.ids)
        scores, _ = sentence_means(logits, starts)
        if example.label:
            hit = np.zeros(len(logits), dtype=np.float32)
            for a, b in example.spans:
                hit[(offsets[:, 0] < b) & (offsets[:, 1] > a)] = 1
            scores = scores[sentence_means(hit, starts)[0] >= 0.5]
        if len(scores):
            (attacks if example.label else harmless).append(scores.max())
    ordered = np.sort(np.array(attacks))
    points = []
    for kept in (0.9, 0.95, 0.97, 0.98, 0.99):
        limit = float(ordered[int((1 - kept) * len(ordered))])
        opened = float((np.array(harmless) >= limit).mean())
        points.append({"kept": kept, "limit": limit, "opened": opened})
    return points


def _logits(gate: GateNetwork, ids: Sequence[int]) -> Floats:
    """Return token logits, in windows as the scanner reads them; overlaps are averaged."""
    total, seen = np.zeros(len(ids), dtype=np.float32), np.zeros(len(ids), dtype=np.float32)
    for first, last, _ in windows(len(ids), TOKENS - 2, OVERLAP):
        with torch.no_grad():
            found = gate(torch.tensor([[CLS, *ids[first:last], SEP]]))[0, 1:-1].numpy()
        total[first:last] += found
        seen[first:last] += 1
    return total / seen
