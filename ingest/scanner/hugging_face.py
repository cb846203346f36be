"""The transformers adapter: a sequence or token classifier from a local folder, on the CPU.

- INVARIANT: nothing is fetched, no code of the folder runs, and no pickle is read.
- INVARIANT: every character stands in a window that the model reads; nothing is truncated.
- INVARIANT: a model with weights missing is refused; transformers would make them up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DetectorError, MissingExtraError, SettingsError
from .classifier import sentence_starts, windows
from .external import ScoredSpan, segments
from .external_files import digest, require_safe
from .injection_labels import injection_ids

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_MAX_WINDOW = 512
"""Tokens that are read at once unless more are asked for: cost grows with their square."""
_MIN_WINDOW = 8
_BATCH = 8
_KINDS = ("SequenceClassification", "TokenClassification")
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)
"""Tokenizers refuse surrogates; the sign for an unknown one is as long."""


class HuggingFaceModel:
    """A classifier in a folder as transformers saves it, with safetensors and a fast tokenizer.

    Of a sequence classifier each window is a span, of a token classifier each sentence, with the
    mean of its tokens. ``injection_labels`` names the labels that mean injection where their names
    do not tell; ``overlap_tokens`` is at most half a window. Safe to share between threads.

    Raises `SettingsError` for a folder that is missing, corrupt or unsafe, and for ambiguous
    labels; `MissingExtraError` without transformers and torch.
    """

    def __init__(
        self,
        path: Path,
        *,
        injection_labels: Sequence[str] | None = None,
        window_tokens: int | None = None,
        overlap_tokens: int = 64,
    ) -> None:
        loaded = _load(path)
        self._tokenizer, self._model, self._by_token = loaded
        self._lock = threading.Lock()
        config = self._model.config
        labels = {int(index): str(label) for index, label in config.id2label.items()}
        self._ids = injection_ids(labels, injection_labels)
        self._independent = _independent(config, len(labels))
        self._first, self._last = _frame(self._tokenizer, path)
        # Some vocabularies hold the special tokens as words: a text that spells one is no end.
        self._unknown = self._tokenizer.unk_token_id
        known = self._unknown is not None
        self._special = sorted(set(self._tokenizer.all_special_ids)) if known else []
        # Models that read from left to right need a padding token to find the end of each text.
        self._batch = 1 if getattr(config, "pad_token_id", None) is None else _BATCH
        window = _window(self._tokenizer, config, window_tokens)
        self._room = window - len(self._first) - len(self._last)
        if self._room < _MIN_WINDOW // 2 or overlap_tokens < 0:
            raise SettingsError(f"external model '{path}': window or overlap too small")
        self._overlap = min(overlap_tokens, self._room // 2)
        read = f"{self._ids}/{self._room}/{self._overlap}"
        self._version = f"{path.name}@{digest(path, read)}"

    @property
    def version(self) -> str:
        """Folder name with a digest of its files and of how it is read."""
        return self._version

    def read(self, text: str) -> list[ScoredSpan]:
        """Return spans that cover ``text`` (untrusted), in order of their start. Linear.

        Raises `DetectorError` if the model fails or answers with what is no number.
        """
        found: list[ScoredSpan] = []
        try:
            for first, last in segments(text):
                part = text[first:last].translate(_SURROGATES)
                found += [
                    ScoredSpan(first + start, first + end, probability)
                    for start, end, probability in self._segment(part)
                ]
        except Exception as error:  # torch and tokenizers raise classes without a common root
            raise DetectorError(
                f"the external model failed ({type(error).__name__}): the text was not judged"
            ) from error
        if not all(0.0 <= span.probability <= 1.0 for span in found):
            raise DetectorError("the external model answered with what is no probability")
        return found

    def _segment(self, text: str) -> Iterator[tuple[int, int, float]]:
        ids, offsets = self._tokens(text)
        if not len(ids):  # the model sees nothing there
            yield 0, len(text), 0.0
            return
        layout = windows(len(ids), self._room, self._overlap)
        read = [ids[first:last] for first, last, _ in layout]
        batches = (read[low : low + self._batch] for low in range(0, len(read), self._batch))
        answers = np.concatenate([self._probabilities(batch) for batch in batches])
        if not self._by_token:
            for (first, last, _), probability in zip(layout, answers, strict=True):
                yield *_span(offsets, first, last, len(text)), float(probability)
            return
        edges = [own for _, _, own in layout] + [len(ids)]
        each = np.empty(len(ids), dtype=np.float32)
        for row, (first, _, own) in enumerate(layout):
            each[own : edges[row + 1]] = answers[row, own - first : edges[row + 1] - first]
        starts = [*sentence_starts(text, offsets).tolist(), len(ids)]
        for first, last in pairwise(starts):
            yield *_span(offsets, first, last, len(text)), float(each[first:last].mean())

    def _tokens(self, text: str) -> tuple[Ints, Ints]:
        # The tokenizer holds state while it works and refuses a second caller.
        with self._lock:
            encoded = self._tokenizer(
                text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
            )
        ids = np.array(encoded["input_ids"], dtype=np.int64)
        ids[np.isin(ids, self._special)] = self._unknown or 0
        return ids, np.array(encoded["offset_mapping"], dtype=np.int64).reshape(-1, 2)

    def _probabilities(self, batch: Sequence[Ints]) -> Floats:
        """Return probabilities (b,), or (b, l) by token; windows of a text are equally long."""
        import torch

        rows = [[*self._first, *ids.tolist(), *self._last] for ids in batch]
        with torch.inference_mode():
            ids = torch.tensor(rows)
            logits = self._model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float()
            if self._independent:
                answers = torch.sigmoid(logits)[..., self._ids].amax(-1)
            else:
                answers = torch.softmax(logits, -1)[..., self._ids].sum(-1).clamp(max=1.0)
        found: Floats = answers.numpy()
        begin = len(self._first)
        return found[:, begin : begin + len(batch[0])] if self._by_token else found


class _Loaded(NamedTuple):
    tokenizer: Any
    model: Any
    by_token: bool


def _load(path: Path) -> _Loaded:
    require_safe(path)
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtraError(
            "an external model needs transformers and torch: pip install 'ragbastion[external]'"
        ) from error
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        with _quiet():
            config = transformers.AutoConfig.from_pretrained(path, **local)
            kind = _kind(config, path)
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                path, split_special_tokens=True, **local
            )
            model, report = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(
                path,
                config=config,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **local,
            )
    except SettingsError:
        raise
    except Exception as error:  # each file format of the folder has errors of its own
        raise SettingsError(
            f"external model '{path}' cannot be loaded ({type(error).__name__}): its files are "
            "corrupt, incomplete, or need code that is not in transformers"
        ) from error
    if report["missing_keys"] or report["mismatched_keys"]:
        raise SettingsError(f"external model '{path}' refused: its weights are incomplete")
    if not getattr(tokenizer, "is_fast", False):
        raise SettingsError(f"external model '{path}' refused: it has no fast tokenizer")
    return _Loaded(tokenizer, model.eval(), kind == _KINDS[1])


def _kind(config: Any, path: Path) -> str:
    for name in config.architectures or ():
        for kind in _KINDS:
            if name.endswith(f"For{kind}"):
                return kind
    raise SettingsError(
        f"external model '{path}' refused: its config names neither a sequence nor a token "
        "classifier"
    )


def _independent(config: Any, labels: int) -> bool:
    """Tell whether labels are probable each on its own (sigmoid) or share one (softmax)."""
    if config.problem_type == "regression":
        raise SettingsError("external model refused: it is a regression, not a classifier")
    return labels == 1 or config.problem_type == "multi_label_classification"


def _frame(tokenizer: Any, path: Path) -> tuple[list[int], list[int]]:
    """Return the special tokens that the model expects before and after a text."""
    bare: list[int] = tokenizer("a", add_special_tokens=False)["input_ids"]
    full: list[int] = tokenizer("a")["input_ids"]
    for at in range(len(full) - len(bare) + 1):
        if bare and full[at : at + len(bare)] == bare:
            return full[:at], full[at + len(bare) :]
    raise SettingsError(f"external model '{path}' refused: its tokenizer reads no text")


def _window(tokenizer: Any, config: Any, wanted: int | None) -> int:
    """Return the tokens of a window, special ones included."""
    known = (tokenizer.model_max_length, getattr(config, "max_position_embeddings", None))
    most = min(int(limit) for limit in (*known, 10**9) if limit)
    if wanted is not None and not _MIN_WINDOW <= wanted <= most:
        raise SettingsError(f"window_tokens {wanted} refused: from {_MIN_WINDOW} to {most}")
    return wanted or min(most, _MAX_WINDOW)


def _span(offsets: Ints, first: int, last: int, size: int) -> tuple[int, int]:
    """Return the characters of tokens ``first`` up to ``last``, with what no token holds."""
    start = int(offsets[first, 0]) if first else 0
    end = max(int(offsets[last, 0]), int(offsets[last - 1, 1])) if last < len(offsets) else size
    return start, end


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loader's progress bar and reports off stderr; what matters of them is raised."""
    from transformers.utils import logging

    bar, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
