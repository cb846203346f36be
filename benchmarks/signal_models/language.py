"""Count the shipped language model on clean texts: classes, pairs of classes, letters by threes.

python -m benchmarks.signal_models.language --data DATA
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ...ingest.signals.language import MODEL, TOKEN, Language, class_of, ending
from .texts import clean_texts

WORDS, ENDINGS, PAIRS = 2_500, 600, 220_000
OWN_KIND, CLUSTERS = 120, 200


def fit(texts: Sequence[str], base: dict[str, int]) -> Language:
    """Return the model of some texts; ``base`` is of `clusters`."""
    rows = [[m.group().lower() for m in TOKEN.finditer(text)] for text in texts]
    words = Counter(word for row in rows for word in row)
    known = {word for word, _ in words.most_common(WORDS)}
    by_class = Counter[str]()
    for word, count in words.items():
        by_class[class_of(word, known)] += count
    kept = known | {n for n, _ in _endings(by_class, known).most_common(ENDINGS)}
    names = ["#rest", *sorted(kept)]
    classes = {name: code for code, name in enumerate(names)}
    model = Language(
        classes=classes,
        counts=np.ones(len(names)),
        pair_keys=np.zeros(1, dtype=np.int64),
        pair_counts=np.zeros(1),
        kinds={},
        kind_bits=np.zeros((1, 1)),
        letters=_letters(words),
    )
    return _counted(model, rows, words, base)


def _endings(by_class: Counter[str], known: set[str]) -> Counter[str]:
    return Counter({name: n for name, n in by_class.items() if name not in known})


def _counted(
    model: Language, rows: Sequence[Sequence[str]], words: Counter[str], base: dict[str, int]
) -> Language:
    singles = np.ones(model.size)
    pairs: Counter[int] = Counter()
    for row in rows:
        codes = np.array([model._code(word) for word in row], dtype=np.int64)
        np.add.at(singles, codes, 1.0)
        pairs.update((codes[:-1] * model.size + codes[1:]).tolist())
    kinds, bits = _kinds(base, words, rows)
    kept = sorted(key for key, count in pairs.most_common(PAIRS) if count > 1)
    return Language(
        classes=model.classes,
        counts=singles,
        pair_keys=np.array(kept, dtype=np.int64),
        pair_counts=np.array([pairs[key] for key in kept], dtype=np.float64),
        kinds=kinds,
        kind_bits=bits,
        letters=model.letters,
    )


def clusters(seed: int = 7) -> dict[str, int]:
    """Return kinds of the words of the packaged encoder's vocabulary, by its input embeddings.

    Commonest words are each their own kind; 0 is kept for what is not known.
    """
    import torch
    from sklearn.cluster import MiniBatchKMeans
    from transformers import AutoModel

    from .soups import model_folder, vocabulary

    table = AutoModel.from_pretrained(model_folder()).embeddings.word_embeddings.weight
    pieces = vocabulary()
    whole = [at for at, piece in enumerate(pieces) if piece.isalpha() and len(piece) > 1]
    rows = table.detach()[torch.tensor(whole)].numpy()
    rows = rows - rows.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = MiniBatchKMeans(CLUSTERS, random_state=seed, n_init=3).fit_predict(rows)
    return {pieces[at]: int(label) for at, label in zip(whole, labels, strict=True)}


def _kinds(
    base: dict[str, int], words: Counter[str], rows: Iterable[Sequence[str]]
) -> tuple[dict[str, int], np.ndarray]:
    """Return the kinds of words and endings, and the bits of their pairs."""
    own = [word for word, _ in words.most_common(OWN_KIND)]
    kinds = {word: at + 1 for at, word in enumerate(own)}
    offset = len(own) + 1
    kinds |= {word: label + offset for word, label in base.items() if word not in kinds}
    votes: dict[str, Counter[int]] = {}
    for word, count in words.items():
        if word in kinds and len(word) > 3:
            votes.setdefault(ending(word), Counter())[kinds[word]] += 1 + (count > 5)
    rest = Counter(ending(word) for word in words if word not in kinds)
    for name, _ in rest.most_common(600):
        kinds[name] = votes[name].most_common(1)[0][0] if name in votes else offset + CLUSTERS
    table = np.zeros((offset + CLUSTERS + 1,) * 2)
    for row in rows:
        codes = [kinds.get(word) or kinds.get(ending(word), 0) for word in row]
        np.add.at(table, (codes[:-1], codes[1:]), 1.0)
    before, after = table.sum(1, keepdims=True), table.sum(0, keepdims=True) + 1.0
    bits = np.log2((table / (after / after.sum()) + 8.0) / (before + 8.0))
    return kinds, np.clip(bits, -6.0, 8.0)


def _letters(words: Counter[str]) -> np.ndarray:
    counts = np.full((27, 27, 27), 0.1)
    for word, count in words.items():
        if word.isascii() and word.isalpha():
            codes = [26, 26, *(ord(letter) - 97 for letter in word), 26]
            weight = min(count, 20)
            for one, two, three in zip(codes, codes[1:], codes[2:], strict=False):
                counts[one, two, three] += weight
    return -np.log2(counts / counts.sum(axis=2, keepdims=True))


def save(model: Language, path: Path) -> None:
    """Write the model in the shipped form: logarithms in steps of an eighth."""
    names = sorted(model.classes, key=lambda name: model.classes[name])
    np.savez_compressed(
        path,
        names=np.array("\n".join(names)),
        counts=np.round(np.log2(model.counts) * 8).astype(np.uint8),
        pair_steps=np.diff(model.pair_keys, prepend=0).astype(np.uint32),
        pair_counts=np.round(np.log2(model.pair_counts) * 8).astype(np.uint8),
        kind_names=np.array("\n".join(model.kinds)),
        kinds=np.array(list(model.kinds.values()), dtype=np.uint16),
        kind_bits=np.round(model.kind_bits * 8).astype(np.int8),
        letters=np.minimum(np.round(model.letters * 16), 255).astype(np.uint8),
    )


def main() -> None:
    """Fit on every clean text and write the shipped file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    texts = clean_texts(parser.parse_args().data)
    save(fit([text for rows in texts.values() for text in rows], clusters()), MODEL)


if __name__ == "__main__":
    main()
