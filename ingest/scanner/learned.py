"""The learned layer over the views of a text: what it judged, in characters of the original.

The canonical form is read whole. A decoded view is read where it was decoded: the rest of it stands
in the canonical form already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..canonical import Trick, View
from .classifier import Sentence, SpanClassifier, load_classifier
from .combination import UNREAD, load_combination, logit, unit_score, units
from .evidence import Hit
from .reading import Reading
from .stripping import merged

_MIN_DECODED = 12
"""Characters from which a decoded stretch can say anything."""
_MAX_DECODED = 6
"""Decoded views that are read here: an honest text has one or none, and signatures read all."""


class LearnedLayer:
    """The model in one folder, and the weights that join it to the rules.

    ``nothing`` is the probability that rules give a text without hits.
    """

    def __init__(self, folder: Path, nothing: float) -> None:
        self._classifier = load_classifier(folder)
        self._combination = load_combination(folder)
        self._nothing = nothing
        self.ran = (self._classifier.version, f"combination@{self._combination.version}")
        self.budgets = self._combination.budgets
        self.unread = self._combination.probability(logit(nothing), UNREAD, UNREAD)
        """The probability of a text in which no rule hit and no gate opened."""

    def weighed(self, reading: Reading, scores: Sequence[float]) -> list[tuple[Hit, float]]:
        """Return hits and sentences of ``reading``, by position, with their probabilities.

        ``scores`` are those of the hits by rules alone.
        """
        sentences = judged_sentences(self._classifier, reading)
        found = units(reading.hits, scores, sentences, self._nothing)
        return [(unit.hit, unit_score(unit, self._combination)) for unit in found]


def judged_sentences(classifier: SpanClassifier, reading: Reading) -> list[Sentence]:
    """Return the sentences that ``classifier`` judged, by place in the original text.

    What holds a hit of a rule is read whatever the gate says. Of sentences of one place the worst
    counts.
    """
    wanted = merged([(hit.start, max(hit.end, hit.start + 1)) for hit in reading.hits])
    views = reading.views  # raw, canonical where that differs, then decoded ones
    main = max(views[:2], key=lambda view: view.name == "canonical")
    found: dict[tuple[int, int], Sentence] = {}
    for sentence in classifier.read(main.text, _in_view(main, wanted)):
        _keep(found, _placed(sentence, main))
    for view in [view for view in views if view.depth][:_MAX_DECODED]:
        decoded = partial(_decoded, view)
        for sentence in classifier.read(view.text, only=decoded):
            if decoded(sentence.start, sentence.end):
                _keep(found, _placed(sentence, view))
    return sorted(found.values(), key=lambda sentence: (sentence.start, sentence.end))


def _keep(found: dict[tuple[int, int], Sentence], sentence: Sentence) -> None:
    place = sentence.start, sentence.end
    if place not in found or found[place].logit < sentence.logit:
        found[place] = sentence


def _placed(sentence: Sentence, view: View) -> Sentence:
    """Return ``sentence`` of ``view`` with its place in the original text."""
    if not view.maps:
        return sentence
    start, end = view.span(sentence.start, sentence.end)
    return replace(sentence, start=start, end=end)


def _decoded(view: View, start: int, end: int) -> bool:
    return end - start >= _MIN_DECODED and Trick.ENCODED in view.tricks(start, end)


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
