"""Export: the trained network as ONNX with 8-bit weights, and the folder that the scanner loads."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from transformers import BertConfig, BertModel

from .network import WIDTH, SpanNetwork, packaged_base
from .windows import TOKENS

FORMAT = 1


def export(network: SpanNetwork, target: Path) -> None:
    """Write ``network`` to the ONNX file ``target``, its matrices quantised to 8 bits."""
    network = _plain_attention(network).eval()
    ids = torch.randint(1000, 20000, (2, 32))
    with tempfile.TemporaryDirectory() as folder:
        plain, fused = Path(folder) / "plain.onnx", Path(folder) / "fused.onnx"
        torch.onnx.export(
            network, (ids, torch.ones_like(ids)), plain, dynamo=False, opset_version=17,
            input_names=["ids", "mask"], output_names=["tokens", "windows"],
            dynamic_axes={n: {0: "b", 1: "l"} for n in ("ids", "mask", "tokens")} | {"windows": {0: "b"}},
        )  # fmt: skip
        quantize_dynamic(
            plain, target, weight_type=QuantType.QInt8, per_channel=True,
            extra_options={"DefaultTensorType": 1},
        )  # fmt: skip


def _plain_attention(network: SpanNetwork) -> SpanNetwork:
    """Return ``network`` with attention written out: the fused form does not export."""
    network.encoder.config._attn_implementation = "eager"
    return network
