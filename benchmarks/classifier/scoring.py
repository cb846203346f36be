"""What a trained network says about documents, read by the scanner's own windows and sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ragbastion.ingest.canonical import canonicalise, raw_view
from ragbastion.ingest.scanner.classifier import Sentence, SpanClassifier
from ragbastion.ingest.scanner.model_files import FORMAT, Manifest
from ragbastion.ingest.scanner.onnx_network import Tokens

from .network import SpanNetwork
from .synthesis import Example
from .windows import CLS, SEP, TOKENS, tokenizer

OVERLAP = 48
Ints = NDArray[np.int64]


class TorchNetwork:
    """A network in training, as the scanner's classifier reads with it."""

    def __init__(self, network: SpanNetwork) -> None:
        self._network, self._tokenizer = network.eval(), tokenizer()

    def tokens(self, text: str) -> Tokens:
        """Return the tokens of ``text``."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        ids = np.array(encoded.ids, dtype=np.int64)
        return Tokens(ids, np.array(encoded.offsets, dtype=np.int64).reshape(-1, 2))

    def glance(self, windows: Sequence[Ints]) -> list[NDArray[np.float32]]:
        """Raise: in training there is no gate."""
        raise NotImplementedError

    def read(
        self, windows: Sequence[Ints]
    ) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
        """Return token logits (l,) a window, and window logits (b,)."""
        longest = max(map(len, windows)) + 2
        ids = torch.zeros((len(windows), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window) + 2] = torch.tensor([CLS, *window, SEP])
            mask[row, : len(window) + 2] = 1
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            tokens, whole = self._network(ids, mask)
        logits = [tokens[i, 1 : len(w) + 1].float().numpy() for i, w in enumerate(windows)]
        return logits, whole[:, 0].float().numpy()


def ungated(network: SpanNetwork) -> SpanClassifier:
    """Return a classifier that reads every window with ``network``."""
    manifest = Manifest(
        format=FORMAT, name="in-training", version="0", files={}, window_tokens=TOKENS,
        overlap_tokens=OVERLAP, first_token=CLS, last_token=SEP, gate_logit=0.0,
    )  # fmt: skip
    return SpanClassifier(TorchNetwork(network), manifest, "in-training")


def judged(network: SpanNetwork, examples: Sequence[Example]) -> Iterator[dict[str, Any]]:
    """Yield each example's text, labels and sentences as the scanner would read them."""
    classifier = ungated(network)
    for example in examples:
        view = canonicalise(raw_view(example.text), "canonical")
        sentences = [
            asdict(s) | dict(zip(("start", "end"), view.span(s.start, s.end), strict=True))
            for s in classifier.read(view.text)
        ]
        yield asdict(example) | {"sentences": sentences}


def write_judged(network: SpanNetwork, examples: Sequence[Example], target: Path) -> None:
    """Write what `judged` yields as JSON Lines."""
    with target.open("w", encoding="utf-8") as out:
        for row in judged(network, examples):
            out.write(json.dumps(row) + "\n")


def read_judged(path: Path) -> list[tuple[Example, list[Sentence]]]:
    """Read what `write_judged` wrote."""
    found = []
    for line in path.read_text("utf-8").split("\n"):
        if line:
            row = json.loads(line)
            sentences = [
                Sentence(s["start"], s["end"], s["logit"], s["window"], s["logit"])
                for s in row.pop("sentences")
            ]
            row["spans"] = None if row["spans"] is None else tuple(map(tuple, row["spans"]))
            found.append((Example(**row), sentences))
    return found
