"""Training the gate, on the same windows as the classifier."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from ragbastion.ingest.scanner.classifier import sentence_means, sentence_starts, windows
from torch import Tensor
from torch.nn import functional

from .gate_network import GateNetwork
from .scoring import OVERLAP
from .synthesis import Example
from .windows import CLS, SEP, TOKENS, UNKNOWN, Window, batches, padded, tokenizer

RATE = 2e-3
Floats = NDArray[np.float32]


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

    An attack is kept if the gate opens for a sentence of which most was injected; anywhere, where
    nobody knows what was.
    """
    attacks, harmless = [], []
    tok = tokenizer()
    for example in examples:
        encoded = tok.encode(example.text, add_special_tokens=False)
        if not encoded.ids:
            continue
        offsets = np.array(encoded.offsets)
        starts = sentence_starts(example.text, offsets)
        logits = _logits(gate, encoded.ids)
        scores, _ = sentence_means(logits, starts)
        if example.label and example.spans is not None:
            hit = np.zeros(len(logits), dtype=np.float32)
            for a, b in example.spans:
                hit[(offsets[:, 0] < b) & (offsets[:, 1] > a)] = 1
            scores = scores[sentence_means(hit, starts)[0] >= 0.5]
        if len(scores):
            (attacks if example.label else harmless).append(scores.max())
    ordered = np.sort(np.array(attacks))
    points = []
    for kept in (0.9, 0.93, 0.95, 0.97, 0.99):
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
