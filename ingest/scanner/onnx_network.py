"""The adapter to onnxruntime and tokenizers: text to tokens, windows of tokens to logits.

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

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids (n,) and their character spans (n, 2) in the text that was read."""

    ids: Ints
    offsets: Ints


class OnnxNetwork:
    """A tokenizer and a network, loaded from checked files. Safe to share between threads."""

    def __init__(self, files: ModelFiles) -> None:
        self._first, self._last = files.manifest.first_token, files.manifest.last_token
        self._tokenizer = _tokenizer(files)
        self._session = _session(files)

    def tokens(self, text: str) -> Tokens:
        """Return the tokens of ``text`` (no surrogates), without special ones."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        ids = np.array(encoded.ids, dtype=np.int64)
        return Tokens(ids, np.array(encoded.offsets, dtype=np.int64).reshape(-1, 2))

    def read(self, windows: Sequence[Ints]) -> tuple[list[Floats], Floats]:
        """Return token logits (l,) a window, and window logits (b, 2).

        Raises `DetectorError` if the network fails: no verdict without it.
        """
        longest = max(len(window) for window in windows) + 2
        ids = np.zeros((len(windows), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window) + 2] = (self._first, *window, self._last)
            mask[row, : len(window) + 2] = 1
        try:
            tokens, whole = self._session.run(None, {"ids": ids, "mask": mask})
        except Exception as error:  # onnxruntime raises its own classes, without a common root
            raise DetectorError(
                f"the classifier failed ({type(error).__name__}): the text was not judged; "
                "reinstall ragbastion or onnxruntime"
            ) from error
        logits = [tokens[row, 1 : len(window) + 1] for row, window in enumerate(windows)]
        return logits, whole


def _tokenizer(files: ModelFiles) -> Any:
    from tokenizers import Tokenizer

    try:
        loaded = Tokenizer.from_str(files.tokenizer)
    except Exception as error:  # the library raises plain Exception
        raise SettingsError("the classifier's tokenizer.json is not one") from error
    loaded.no_padding()
    loaded.no_truncation()
    return loaded


def _session(files: ModelFiles) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Windows differ in length: planned arenas for each would keep the largest of all.
    options.enable_mem_pattern = False
    try:
        session = onnxruntime.InferenceSession(
            files.network, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises its own classes, without a common root
        raise SettingsError("the classifier's network.onnx cannot be loaded") from error
    names = {item.name for item in session.get_inputs()}
    if names != {"ids", "mask"} or len(session.get_outputs()) != 2:
        raise SettingsError(f"the classifier's network has other inputs than expected: {names}")
    return session
