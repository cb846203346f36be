"""The learned layer over the views of a text: what it judged, in characters of the original.

The canonical form is read whole. A decoded view is read where it was decoded: the rest of it stands
in the canonical form already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..canonical import View
from .classifier import Sentence, SpanClassifier

_MIN_DECODED = 12
"""Characters from which a decoded stretch can say anything."""


def judged_sentences(
    classifier: SpanClassifier, views: Sequence[View], wanted: Sequence[tuple[int, int]]
) -> list[Sentence]:
    """Return the sentences that ``classifier`` judged in ``views``, by place in the original.

    The first view is the canonical form; ``wanted`` spans, in characters of the original, are read
    whatever the gate says. Of sentences of one place the worst counts.
    """
    found: dict[tuple[int, int], Sentence] = {}
    for number, view in enumerate(views):
        for sentence in classifier.read(view.text, _in_view(view, wanted) if not number else ()):
            if number and not _decoded(view, sentence):
                continue
            span = view.span(sentence.start, sentence.end) if view.maps else None
            if span is not None:
                sentence = replace(sentence, start=span[0], end=span[1])
            place = sentence.start, sentence.end
            if place not in found or found[place].logit < sentence.logit:
                found[place] = sentence
    return sorted(found.values(), key=lambda sentence: (sentence.start, sentence.end))


def _decoded(view: View, sentence: Sentence) -> bool:
    if sentence.end - sentence.start < _MIN_DECODED:
        return False
    return bool(view.tricks(sentence.start, sentence.end))


def _in_view(view: View, wanted: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans of the original as spans of the canonical view: near enough to find windows."""
    if not view.maps:
        return list(wanted)
    # The canonical form is at most a little longer than the text, so that a span found by halving
    # on `View.span`, which never goes backwards, is exact to a character.
    return [(_position(view, start), _position(view, end)) for start, end in wanted]


def _position(view: View, original: int) -> int:
    low, high = 0, len(view.text)
    while low < high:
        middle = (low + high) // 2
        if view.span(middle, middle + 1)[0] < original:
            low = middle + 1
        else:
            high = middle
    return low
