"""Export: the trained network as ONNX with 8-bit weights, in the folder that the scanner loads."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import warnings
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from ragbastion.ingest.scanner.model_files import FORMAT

from .gate_network import GateNetwork
from .network import SpanNetwork, packaged_base
from .scoring import OVERLAP
from .windows import CLS, SEP, TOKENS

NAME = "minilm-l3-spans"
_OPSET = 17


def export_model(network: SpanNetwork, gate: GateNetwork, gate_logit: float, folder: Path) -> None:
    """Write network, tokenizer, gate and manifest to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    export_network(network, folder / "network.onnx")
    shutil.copyfile(packaged_base() / "tokenizer.json", folder / "tokenizer.json")
    export_gate(gate, folder / "gate.onnx")
    names = ("network.onnx", "tokenizer.json", "gate.onnx")
    manifest = {
        "format": FORMAT,
        "name": NAME,
        "version": "2",
        "files": {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in names},
        "window_tokens": TOKENS,
        "overlap_tokens": OVERLAP,
        "first_token": CLS,
        "last_token": SEP,
        "gate_logit": round(gate_logit, 4),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


def export_network(network: SpanNetwork, target: Path) -> None:
    """Write ``network`` to the ONNX file ``target``, its matrices quantised to 8 bits."""
    network = network.eval()
    ids = torch.randint(1000, 20000, (2, 32))
    free = {0: "b", 1: "l"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer, about shapes that are constant here
        plain = Path(folder) / "plain.onnx"
        torch.onnx.export(
            network,
            (ids, torch.ones_like(ids)),
            plain,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["ids", "mask"],
            output_names=["tokens", "windows"],
            dynamic_axes={"ids": free, "mask": free, "tokens": free, "windows": {0: "b"}},
        )
        quantize_dynamic(
            plain,
            target,
            weight_type=QuantType.QInt8,
            per_channel=True,
            extra_options={"DefaultTensorType": 1},
        )


def export_gate(gate: GateNetwork, target: Path) -> None:
    """Write ``gate`` to the ONNX file ``target``, with its narrow word vectors."""
    ids = torch.randint(1000, 20000, (2, 32))
    free = {0: "b", 1: "l"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            gate.narrowed().eval(),
            (ids,),
            target,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["ids"],
            output_names=["tokens"],
            dynamic_axes={"ids": free, "tokens": free},
        )
