"""Training: a mixture of public rows and synthesis, in batches, for a number of windows."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .network import SpanNetwork
from .seeds import Seeds
from .synthesis import Example, Synthesis
from .windows import UNKNOWN, Window, batches, padded, tokenizer, window

_LEAST = 20
"""Characters without which a document is no document: some are an attack from end to end."""
SYNTHETIC = 0.45
SEED_DOCUMENT = 0.25
CLEAN = 0.08
"""Shares of the mixture; what is left are public rows, where there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a run may see: public rows (by fold), harmless passages and our own seeds."""

    public: Sequence[Example]
    clean: Sequence[Example]
    seeds: Seeds


def examples(material: Material, rng: random.Random) -> Iterator[Example]:
    """Yield examples of the mixture without end; sources and labels count alike within it."""
    documents = seed_documents(material.seeds)
    attacks, harmless = by_source(material.public, 1), by_source(material.public, 0)
    synthesis = Synthesis(
        [(e.text, e.about) for e in documents if not e.label and e.group != LONE]
        + [(e.text, None) for e in material.clean[:1500]]
        + [(e.text, e.about) for s in harmless if s[0].source not in _LONE for e in s[:300]],
        [*(p.text for p in material.seeds.payloads), *public_payloads(material.public)],
        [line.text for line in material.seeds.benign],
        rng,
    )
    while True:
        roll = rng.random()
        if roll < SYNTHETIC:
            yield synthesis.draw()
        elif roll < SYNTHETIC + SEED_DOCUMENT:
            yield rng.choice(documents)
        elif roll < SYNTHETIC + SEED_DOCUMENT + CLEAN:
            yield rng.choice(material.clean)
        elif attacks:
            yield rng.choice(rng.choice(attacks if rng.random() < 0.5 else harmless))


def training_windows(material: Material, rng: random.Random) -> Iterator[Window]:
    """Yield windows of the mixture without end."""
    tok = tokenizer()
    return (w for e in examples(material, rng) if (w := window(e, tok, rng)) is not None)


# Requests of users, not documents: nothing is put into them.
LONE = "user_prompt"
_LONE = frozenset({"wildguard_benign", "piguard_valid", "small_corpora"})


def by_source(public: Sequence[Example], label: int) -> list[list[Example]]:
    """Return the examples of ``label``, a list a source."""
    names = sorted({e.source for e in public if e.label == label})
    return [[e for e in public if e.source == name and e.label == label] for name in names]


def public_payloads(public: Sequence[Example], each: int = 400) -> list[str]:
    """Return what the rows had injected, at most ``each`` a source."""
    found: list[str] = []
    for rows in by_source(public, 1):
        texts = sorted({e.text[a:b] for e in rows for a, b in e.spans or () if b - a < 700})
        found += random.Random(1).sample(texts, min(each, len(texts)))
    return found


def seed_documents(seeds: Seeds) -> list[Example]:
    """Return every seed document, and the honest form of those that hold an injection."""
    found = []
    for index, document in enumerate(seeds.documents):
        about = int(document.area == "about_attacks")
        common = {
            "source": f"seeds/{document.area}",
            "about": about,
            "group": LONE if document.kind == LONE else f"seed {index}",
        }
        found.append(Example(text=document.text, label=int(bool(document.spans)),
                             spans=document.spans, **common))  # fmt: skip
        if document.spans and len(document.clean()) >= _LEAST:
            found.append(Example(text=document.clean(), label=0, spans=(), **common))
    return found


def train(
    network: SpanNetwork, material: Material, count: int, rate: float, seed: int
) -> SpanNetwork:
    """Train ``network`` on ``count`` windows at the learning rate ``rate``; return it."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    stream = training_windows(material, rng)
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    network.train()
    seen, step, started, recent = 0, 0, time.time(), 0.0
    for batch in batches(stream, rng):
        progress = seen / count
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, progress / 0.05 + 0.02) * (1.0 - 0.95 * progress)
        with torch.autocast("cpu", torch.bfloat16):
            loss = batch_loss(network, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seen, step = seen + len(batch), step + 1
        recent = 0.98 * recent + 0.02 * loss.item() if step > 1 else loss.item()
        if step % 50 == 0:
            print(
                f"{seen:7} windows {seen / (time.time() - started):5.1f}/s loss {recent:.4f}",
                flush=True,
            )
        if seen >= count:
            return network.eval()
    raise AssertionError("the stream of examples has no end")


def batch_loss(network: SpanNetwork, batch: Sequence[Window]) -> Tensor:
    """Return the loss of tokens, each window and both kinds of token alike, and of windows."""
    ids, mask, tokens, labels = (torch.from_numpy(np.ascontiguousarray(a)) for a in padded(batch))
    token_logits, window_logits = network(ids, mask)
    losses = functional.binary_cross_entropy_with_logits(
        token_logits.float(), tokens.clamp(0).float(), reduction="none"
    )
    total = torch.zeros(())
    for value in (0, 1):
        chosen = tokens == value
        counts = chosen.sum(1)
        rows = counts > 0
        if rows.any():
            share = (losses * chosen).sum(1)[rows] / counts[rows]
            total = total + share.sum() / len(batch)
    known = labels != UNKNOWN
    whole = functional.binary_cross_entropy_with_logits(
        window_logits.float(), labels.clamp(0).float(), reduction="none"
    )
    return total + (whole * known)[:, 0].mean() + 0.2 * (whole * known)[:, 1].mean()
