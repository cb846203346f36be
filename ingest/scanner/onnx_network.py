"""The adapter to onnxruntime and tokenizers: text to tokens, windows of tokens to logits.

Two networks read: the gate, for a fraction of a millisecond, and the classifier where that opened.

One thread a network: a service runs many scans at once, and each is small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DetectorError, SettingsError
from .model_files import ModelFiles

_PAD = 0
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids (n,) and their character spans (n, 2) in the text that was read."""

    ids: Ints
    offsets: Ints


class OnnxNetwork:
    """A tokenizer, a gate and a network, from checked files. Safe to share between threads."""

    def __init__(self, files: ModelFiles) -> None:
        self._first, self._last = files.manifest.first_token, files.manifest.last_token
        self._tokenizer = _tokenizer(files)
        self._gate = _session("gate.onnx", files.gate, {"ids"}, 1)
        self._session = _session("network.onnx", files.network, {"ids", "mask"}, 2)

    def tokens(self, text: str) -> Tokens:
        """Return the tokens of ``text`` (no surrogates), without special ones."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        ids = np.array(encoded.ids, dtype=np.int64)
        return Tokens(ids, np.array(encoded.offsets, dtype=np.int64).reshape(-1, 2))

    def read(self, windows: Sequence[Ints]) -> tuple[list[Floats], Floats]:
        """Return token logits (l,) a window, and window logits (b,): that it holds an injection.

        Raises `DetectorError` if the network fails: no verdict without it.
        """
        ids = self._framed(windows)
        tokens, whole = _run(self._session, {"ids": ids, "mask": (ids != _PAD).astype(np.int64)})
        return _unframed(tokens, windows), whole[:, 0]

    def glance(self, windows: Sequence[Ints]) -> list[Floats]:
        """Return the gate's token logits (l,) a window; raises `DetectorError` if it fails."""
        (tokens,) = _run(self._gate, {"ids": self._framed(windows)})
        return _unframed(tokens, windows)

    def _framed(self, windows: Sequence[Ints]) -> Ints:
        """Return windows as rows, each between the two special tokens."""
        ids = np.full((len(windows), max(map(len, windows)) + 2), _PAD, dtype=np.int64)
        ids[:, 0] = self._first
        for row, window in enumerate(windows):
            ids[row, 1 : len(window) + 1] = window
            ids[row, len(window) + 1] = self._last
        return ids


def _unframed(tokens: Floats, windows: Sequence[Ints]) -> list[Floats]:
    return [tokens[row, 1 : len(window) + 1] for row, window in enumerate(windows)]


def _run(session: Any, inputs: dict[str, Ints]) -> list[Floats]:
    try:
        found: list[Floats] = session.run(None, inputs)
    except Exception as error:  # onnxruntime raises its own classes, without a common root
        raise DetectorError(
            f"the classifier failed ({type(error).__name__}): the text was not judged; "
            "reinstall ragbastion or onnxruntime"
        ) from error
    return found


def _tokenizer(files: ModelFiles) -> Any:
    from tokenizers import Tokenizer

    try:
        loaded = Tokenizer.from_str(files.tokenizer)
    except Exception as error:  # the library raises plain Exception
        raise SettingsError("the classifier's tokenizer.json is not one") from error
    loaded.no_padding()
    loaded.no_truncation()
    return loaded


def _session(name: str, content: bytes, inputs: set[str], outputs: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Windows differ in length: planned arenas for each would keep the largest of all.
    options.enable_mem_pattern = False
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own classes, without a common root
        raise SettingsError(f"the classifier's {name} cannot be loaded") from error
    names = {item.name for item in session.get_inputs()}
    if names != inputs or len(session.get_outputs()) != outputs:
        raise SettingsError(f"the classifier's {name} has other inputs than expected: {names}")
    return session
