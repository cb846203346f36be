"""What a word does in talk about answering: cues, from a list of words that say it in many ways.

A cue stands for all its words, so that a model of cues that stand together reads wordings that it
was never taught. Names, numbers and quoted questions are cues of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_LISTED = Path(__file__).with_name("steering_cues.txt")
"""A cue and some of its words in each line."""

MARKS = {"?": "QUESTION_MARK", ":": "COLON", '"': "QUOTE", "[": "BRACKET", "]": "BRACKET"}
_SHAPES = ("NAME", "NUMBER", "ASKED", "START")
_LINES = [line.split() for line in _LISTED.read_text(encoding="utf-8").splitlines()]
CUES = tuple(dict.fromkeys([*(line[0] for line in _LINES), *MARKS.values(), *_SHAPES]))
_PLACE = {name: at for at, name in enumerate(CUES)}
_OF_WORD: dict[str, list[int]] = {}
for _name, *_words in _LINES:
    for _word in _words:
        _OF_WORD.setdefault(_word, []).append(_PLACE[_name])
_OF_WORD |= {mark: [_PLACE[name]] for mark, name in MARKS.items()}
_NAME, _NUMBER, _ASKED, _START = (_PLACE[name] for name in _SHAPES)
_OPENS = frozenset(
    ("who", "what", "when", "where", "which", "whose", "whom", "why", "how", "is", "are")
) | frozenset(("was", "were", "do", "does", "did", "can", "in"))
_ASKED_WORDS = 6
"""Words of a question that opens a text which are marked as such."""


def cue_table(words: Sequence[str], lower: Sequence[str]) -> NDArray[np.bool_]:
    """Return which cues each word has, (n, c); ``lower`` are the same words in lower case."""
    table = np.zeros((len(words), len(CUES)), dtype=np.bool_)
    starts = True
    for at, (word, low) in enumerate(zip(words, lower, strict=True)):
        if low in _OF_WORD:
            table[at, _OF_WORD[low]] = True
        if word[0].isdigit():
            table[at, _NUMBER] = True
        elif word[0].isupper() and not starts:
            table[at, _NAME] = True
        starts = low in {".", "?", "!", ":", '"'}
    if len(words):
        table[0, _START] = True
        table[:_ASKED_WORDS, _ASKED] = lower[0] in _OPENS
    return table
