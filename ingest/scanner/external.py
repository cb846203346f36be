"""Models that are not ours: one Protocol, and how a folder becomes a model.

>>> from ragbastion.ingest.scanner.external import ScoredSpan
>>> ScoredSpan(0, 12, 0.97).probability
0.97
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SEGMENT_CHARS = 40_000
"""A tokenizer's record of a text takes a hundred times its memory, so long ones are cut."""
SEGMENT_OVERLAP = 2_000


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """Characters ``start:end`` of a text, and the probability in [0, 1] that they instruct."""

    start: int
    end: int
    probability: float


class ExternalModel(Protocol):
    """A detector of instructions that somebody else has trained. Safe to share between threads."""

    @property
    def version(self) -> str:
        """Name the model, so that a verdict tells that it ran; changes when any answer may."""
        ...

    def read(self, text: str) -> Sequence[ScoredSpan]:
        """Return spans that together cover all of ``text`` (untrusted); they may overlap.

        Raises `DetectorError` if the model fails: a text that was not read is not clean.
        """
        ...


_loaded: dict[Path, ExternalModel] = {}
_loading = threading.Lock()


def load_external(path: Path) -> ExternalModel:
    """Load the model in folder ``path``, once a process.

    Raises `SettingsError` if the folder holds no sound model or its labels are ambiguous,
    `MissingExtraError` if the libraries are not installed.
    """
    folder = path.resolve()
    with _loading:
        if folder not in _loaded:
            from .hugging_face import HuggingFaceModel

            _loaded[folder] = HuggingFaceModel(folder)
        return _loaded[folder]


def segments(
    text: str, size: int = SEGMENT_CHARS, overlap: int = SEGMENT_OVERLAP
) -> Iterator[tuple[int, int]]:
    """Yield spans of at most ``size`` characters that cover ``text``, neighbours sharing some.

    They share half of ``overlap`` at least, and end at a blank where one is near.
    """
    start = end = 0
    while end < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            blank = text.rfind(" ", end - overlap // 2, end)
            end = blank if blank > start + overlap else end
        yield start, end
        start = end - overlap // 2
