"""Fit the network that tells windows of token soup from windows of text, and cross-validate it.

python -m benchmarks.signal_models.gibberish --data DATA [--check]

``--check`` leaves groups of sources, with their words and texts, and two families of soup out of
everything (word pairs too), and reports false alarms and recall on what was left out.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ...ingest.signals.gibberish import NETWORK, WindowNetwork
from ...ingest.signals.language import Language, shipped
from ...ingest.signals.windows import window_features
from .language import clusters, fit
from .soups import FAMILIES, Soups
from .texts import Texts, clean_texts

SEED = 7
_TEXT_CHARS = 6_000
_WINDOWS_A_TEXT = 8
_SOUPS_A_FAMILY = 900
_SOUP_SHARE = 0.6
"""Windows that are soup for this share and more are taught as such."""


def train(model: Language, texts: Sequence[str], families: Sequence[str]) -> WindowNetwork:
    """Return a network taught on texts, some of them beside soups."""
    from sklearn.neural_network import MLPClassifier

    chance = random.Random(SEED)
    soups = Soups(texts, SEED)
    rows = [*_honest(model, texts, chance), *_soup(model, soups, texts, families, chance)]
    features = np.vstack([row for row, _ in rows])
    labels = np.concatenate([np.full(len(row), label) for row, label in rows])
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    network = MLPClassifier((24,), alpha=0.01, max_iter=60, random_state=SEED, batch_size=256)
    network.fit((features - mean) / scale, labels)
    first, second = network.coefs_
    return WindowNetwork(
        first=first / scale[:, None],
        first_bias=network.intercepts_[0] - (mean / scale) @ first,
        second=second[:, 0],
        second_bias=float(network.intercepts_[1][0]),
    )


def _honest(
    model: Language, texts: Sequence[str], chance: random.Random
) -> Iterable[tuple[np.ndarray, int]]:
    for text in texts:
        features, _ = windows(model, text)
        if len(features):
            yield (
                features[chance.sample(range(len(features)), min(_WINDOWS_A_TEXT, len(features)))],
                0,
            )


def _soup(
    model: Language,
    soups: Soups,
    texts: Sequence[str],
    families: Sequence[str],
    chance: random.Random,
) -> Iterable[tuple[np.ndarray, int]]:
    for family in families:
        for _ in range(_SOUPS_A_FAMILY):
            soup = soups.draw(family, chance.randint(10, 40))
            count = len(model.tokens(soup)[1])
            beside = " ".join(chance.choice(texts).split()[:60])
            features, bounds = windows(model, f"{soup} {beside}")
            within = [
                min(end, count) - start >= _SOUP_SHARE * (end - start) for start, end in bounds
            ]
            if any(within):
                yield features[np.array(within)], 1


def windows(model: Language, text: str) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return a text's window features and bounds."""
    codes, words, _ = model.tokens(text)
    return window_features(model, codes, words, model.association(codes))


def check(texts: Texts, hotflip: Path | None) -> None:
    """Leave each group of sources and of families out and print what the rest makes of it."""
    base = clusters()
    names = sorted(name for name in texts if ", " not in name)
    for group in range(4):
        held = names[group::4]
        families = FAMILIES[2 * group : 2 * group + 2]
        rest = [text for name, rows in texts.items() if name not in held for text in rows]
        random.Random(SEED).shuffle(rest)
        cut = 3 * len(rest) // 4
        model = fit(rest[:cut], base)
        network = train(model, rest[cut:], [f for f in FAMILIES if f not in families])
        print(group, [(round(t, 1)) for t in THRESHOLDS])
        for name in held:
            print(name, _shares([_score(model, network, text) for text in texts[name][:500]]))
        soups = Soups(rest, SEED + 1)
        prose = texts["clean_nqopen_gold"][:80]
        for family in families or FAMILIES:
            made = [f"{soups.draw(family, 20)} {text}" for text in prose]
            made += [f"{text} {soups.draw(family, 20)}" for text in prose]
            print(family, _shares([_score(model, network, text) for text in made]))
        if hotflip is not None and hotflip.exists():
            _hotflip(model, network, hotflip)


def _hotflip(model: Language, network: WindowNetwork, path: Path) -> None:
    import json

    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for kind in sorted({row["kind"] for row in rows}):
        scores = [_score(model, network, row["text"]) for row in rows if row["kind"] == kind]
        print("hotflip", kind, _shares(scores), [round(s, 1) for s in sorted(scores)[:6]])


THRESHOLDS = (1.5, 2.0, 3.0, 4.0, 5.0, 7.0)


def _score(model: Language, network: WindowNetwork, text: str) -> float:
    features, _ = windows(model, text[:_TEXT_CHARS])
    return float(network.logits(features).max()) if len(features) else -99.0


def _shares(scores: Sequence[float]) -> list[float]:
    return [round(float(np.mean(np.array(scores) >= at)), 4) for at in THRESHOLDS]


def main() -> None:
    """Fit on every clean text and write the shipped file, or cross-validate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--hotflip", type=Path)
    options = parser.parse_args()
    texts = {n: [t[:_TEXT_CHARS] for t in rows] for n, rows in clean_texts(options.data).items()}
    if options.check:
        check(texts, options.hotflip)
        return
    rows = [text for kept in texts.values() for text in kept]
    random.Random(SEED).shuffle(rows)
    # Taught on texts that the pairs were not counted on; the shipped pairs are of all texts.
    cut = 3 * len(rows) // 4
    train(fit(rows[:cut], clusters()), rows[cut:], FAMILIES).save(NETWORK)
    shipped.cache_clear()


if __name__ == "__main__":
    main()
