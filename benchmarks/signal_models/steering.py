"""Fit the model of text that talks about answering; with ``--check``, leave families out.

python -m benchmarks.signal_models.steering --data DATA [--check]

The poison files are never trained on: what the model makes of them is told beside each left-out
family of own wordings.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...ingest.signals.steering import (
    BUCKETS,
    MODEL,
    SteeringModel,
    phrases_of,
    shipped_steering,
    window_buckets,
    windows_of,
)
from .heldout import heldout_honest, heldout_steering
from .steering_wordings import HONEST, QUESTIONS, STEERING, THINGS, TOPICS
from .texts import Texts, clean_texts, poison_texts

SEED = 7
A_WORDING = 40
SEVERAL = 3
"""Honest wordings that a word must be of to be read."""
CLEAN_WINDOWS = 5
"""Windows of each clean text that are taught."""
_CHOICE = re.compile(r"\{([^{}]*)\}")
_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?")
Chance = random.Random


def spell(wording: str, chance: Chance) -> str:
    """Return one spelling of a wording."""
    while match := _CHOICE.search(wording):
        wording = (
            wording[: match.start()] + chance.choice(match[1].split("|")) + wording[match.end() :]
        )
    while "<Q>" in wording:
        wording = wording.replace("<Q>", spell(chance.choice(QUESTIONS), chance), 1)
    for mark, pool in (("<A>", THINGS), ("<B>", THINGS), ("<T>", TOPICS)):
        while mark in wording:
            wording = wording.replace(mark, chance.choice(pool), 1)
    return re.sub(r"\s+", " ", wording).strip()


def train(texts: Texts, families: Sequence[str]) -> SteeringModel:
    """Return the model of these families against honest wordings and clean sentences."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    chance = random.Random(SEED)
    wordings = [wording for name in families for wording in STEERING[name]]
    words = _words(wordings, HONEST)
    steering = [spell(wording, chance) for wording in wordings for _ in range(A_WORDING)]
    steering += [_cased(text, chance) for text in steering[::4]]
    honest = [spell(wording, chance) for wording in HONEST for _ in range(2 * A_WORDING)]
    taught = [row for text in steering for row in _rows(text, words)]
    rows = taught + [row for text in honest for row in _rows(text, words)]
    rows += _clean_rows(texts, words, chance)
    labels = np.array([1] * len(taught) + [0] * (len(rows) - len(taught)))
    ends = np.cumsum([0, *(len(row) for row in rows)])
    values = np.concatenate([np.full(len(row), 1 / np.sqrt(max(1, len(row)))) for row in rows])
    matrix = csr_matrix((values, np.concatenate(rows), ends), shape=(len(rows), BUCKETS))
    fitted = LogisticRegression(C=8.0, max_iter=300, class_weight={0: 1.0, 1: 3.0})
    fitted.fit(matrix, labels)
    return SteeringModel(
        weights=fitted.coef_[0].astype(np.float32), bias=float(fitted.intercept_[0]), words=words
    )


def _rows(text: str, words: frozenset[str]) -> list[np.ndarray]:
    phrases, spans = phrases_of(text, words)
    return [window_buckets(phrases, start, end) for start, end in windows_of(len(spans))]


def _clean_rows(texts: Texts, words: frozenset[str], chance: Chance) -> list[np.ndarray]:
    rows: list[np.ndarray] = []
    for text in (text[:3_000] for kept in texts.values() for text in kept):
        own = _rows(text, words)
        rows += chance.sample(own, min(len(own), CLEAN_WINDOWS))
    return rows


def _words(steering: Sequence[str], honest: Sequence[str]) -> frozenset[str]:
    """Return the words of steering wordings, and those of several honest ones; none of a slot.

    A word of one honest wording is its subject, and what stands beside it would be excused.
    """
    told = Counter(word for wording in honest for word in _own_words(wording))
    often = {word for word, count in told.items() if count >= SEVERAL}
    return frozenset(often.union(*(_own_words(wording) for wording in steering)))


def _own_words(wording: str) -> set[str]:
    return set(_WORD.findall(re.sub(r"<[QABT]>", " ", wording).lower()))


def _cased(text: str, chance: Chance) -> str:
    return text.lower().rstrip(".") if chance.random() < 0.5 else text.replace(".", "")


def check_families(texts: Texts) -> None:
    """Print for each family left out what share of its spellings is found."""
    chance = random.Random(SEED + 1)
    for held in STEERING:
        model = train(texts, [name for name in STEERING if name != held])
        made = [spell(w, chance) for w in STEERING[held] for _ in range(10)]
        print("left out", held, _shares([_score(model, text) for text in made]))


def check_sources(texts: Texts, poison: Texts) -> None:
    """Print false alarms on sources left out, and recall on poison files, never taught."""
    names = sorted(texts)
    for group in range(3):
        held_sources = names[group::3]
        rest = {name: rows for name, rows in texts.items() if name not in held_sources}
        model = train(rest, list(STEERING))
        for name in held_sources:
            if len(texts[name]) > 40:
                scores = [_score(model, text) for text in texts[name][:800]]
                print(name, _shares(scores))
        for name, rows in poison.items():
            print(name, _shares([_score(model, text) for text in rows[:250]]))


def check_heldout() -> None:
    """Print what the shipped model finds of wordings that were never taught, and of honest ones."""
    sets = {**heldout_steering(), "honest notices": heldout_honest()}
    for name, rows in sets.items():
        print("held out:", name, _shares([_score(shipped_steering(), text) for text in rows]))


THRESHOLDS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)


def _score(model: SteeringModel, text: str) -> float:
    found = model.best(text[:6_000])
    return found[0] if found else -9.0


def _shares(scores: Sequence[float]) -> list[float]:
    return [round(float(np.mean(np.array(scores) >= at)), 4) for at in THRESHOLDS]


def main() -> None:
    """Fit and write the shipped file, or cross-validate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    texts = {n: rows for n, rows in clean_texts(options.data).items() if "security" not in n}
    if options.check:
        check_families(texts)
        check_sources(texts, poison_texts(options.data))
        check_heldout()
        return
    model = train(texts, list(STEERING))
    np.savez_compressed(
        MODEL,
        weights=np.clip(np.round(model.weights * 32), -32_000, 32_000).astype(np.int16),
        bias=np.float32(model.bias),
        words=np.array("\n".join(sorted(model.words))),
    )


if __name__ == "__main__":
    main()
