"""What a trained network says about documents, read by the scanner's own windows and sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ragbastion.ingest.scanner.classifier import Sentence, SpanClassifier
from ragbastion.ingest.scanner.learned import judged_sentences
from ragbastion.ingest.scanner.model_files import FORMAT, Manifest
from ragbastion.ingest.scanner.onnx_network import Tokens
from ragbastion.ingest.scanner.reading import read
from ragbastion.ingest.scanner.signatures import shipped_signatures

from .gate_network import GateNetwork
from .network import SpanNetwork
from .synthesis import Example
from .windows import CLS, PAD, SEP, TOKENS, tokenizer

OVERLAP = 48
Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


class TorchNetwork:
    """A network in training and its gate, as the scanner's classifier reads with them."""

    def __init__(self, network: SpanNetwork, gate: GateNetwork | None) -> None:
        self._network, self._gate = network.eval(), gate and gate.eval()
        self._tokenizer = tokenizer()

    def tokens(self, text: str) -> Tokens:
        """Return the tokens of ``text``."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        ids = np.array(encoded.ids, dtype=np.int64)
        return Tokens(ids, np.array(encoded.offsets, dtype=np.int64).reshape(-1, 2))

    def glance(self, windows: Sequence[Ints]) -> list[Floats]:
        """Return the gate's token logits (l,) a window."""
        assert self._gate is not None, "without a gate no window is glanced at"
        with torch.no_grad():
            found = self._gate(_framed(windows)).numpy()
        return _unframed(found, windows)

    def read(self, windows: Sequence[Ints]) -> tuple[list[Floats], Floats]:
        """Return token logits (l,) a window, and window logits (b,)."""
        ids = _framed(windows)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            tokens, whole = self._network(ids, (ids != PAD).long())
        return _unframed(tokens.float().numpy(), windows), whole[:, 0].float().numpy()


def _framed(windows: Sequence[Ints]) -> torch.Tensor:
    ids = torch.full((len(windows), max(map(len, windows)) + 2), PAD)
    for row, window in enumerate(windows):
        ids[row, : len(window) + 2] = torch.tensor([CLS, *window, SEP])
    return ids


def _unframed(tokens: Floats, windows: Sequence[Ints]) -> list[Floats]:
    return [tokens[row, 1 : len(window) + 1] for row, window in enumerate(windows)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A gate and the logit from which on it opens."""

    network: GateNetwork
    logit: float


def classifier(network: SpanNetwork, gate: Gate | None) -> SpanClassifier:
    """Return a classifier that reads with ``network`` where ``gate`` opens; all without one."""
    manifest = Manifest(
        format=FORMAT, name="in-training", version="0", files={}, window_tokens=TOKENS,
        overlap_tokens=OVERLAP, first_token=CLS, last_token=SEP,
        gate_logit=gate.logit if gate else None,
    )  # fmt: skip
    return SpanClassifier(
        TorchNetwork(network, gate.network if gate else None), manifest, "in-training"
    )


def judged(
    network: SpanNetwork, gate: Gate | None, examples: Sequence[Example]
) -> Iterator[dict[str, Any]]:
    """Yield each example's text, labels and sentences as the scanner would read them."""
    reader = classifier(network, gate)
    for example in examples:
        reading = read(example.text, shipped_signatures())
        sentences = judged_sentences(reader, reading)
        yield asdict(example) | {"sentences": [asdict(sentence) for sentence in sentences]}


def write_judged(
    network: SpanNetwork, gate: Gate | None, examples: Sequence[Example], target: Path
) -> None:
    """Write what `judged` yields as JSON Lines."""
    with target.open("w", encoding="utf-8") as out:
        for row in judged(network, gate, examples):
            out.write(json.dumps(row) + "\n")


def read_judged(path: Path) -> list[tuple[Example, list[Sentence]]]:
    """Read what `write_judged` wrote."""
    found = []
    for line in path.read_text("utf-8").split("\n"):
        if line:
            row = json.loads(line)
            sentences = [Sentence(**sentence) for sentence in row.pop("sentences")]
            row["spans"] = None if row["spans"] is None else tuple(map(tuple, row["spans"]))
            found.append((Example(**row), sentences))
    return found
