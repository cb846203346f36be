"""How far an honest vector lies from what its model says later: what ``verify --reembed`` allows.

    python benchmarks/reembedding.py --data DIR --out benchmarks/results

Real texts (``DIR/poison/clean_*.jsonl``) are embedded once as ingestion does, and again in other
batches, orders, threads and with the processor's vector instructions switched off; the vectors are
rounded as stores do. Printed is the angle between the two. Against it stands how far other things
are: a word changed in the text, the nearest other text, a turn by who knows the sketch.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ragbastion.core.chunk import Matrix
from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder
from ragbastion.retrieval_guard.reembedding import MAX_ANGLE_DEGREES, angles_degrees
from report import print_table, write_bars, write_json
from vector_binding import _within_grid, rounded, scalar_quantised

SEED = 7
_CHARACTERS = 800
_PLAIN_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
}
Row = dict[str, Any]


def main() -> None:
    """Measure, print, and write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=1400)
    parser.add_argument("--embed-to", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    texts = real_texts(options.data / "poison", options.texts)
    if options.embed_to is not None:
        np.save(options.embed_to, SentenceTransformerEmbedder().embed(texts))
        return
    stored = SentenceTransformerEmbedder().embed(texts)
    rows = [*honest(texts, stored, options), *others(texts, stored)]
    print_table(f"angle to the model's own vector, allowed {MAX_ANGLE_DEGREES}°", rows)
    results = {"rows": rows, "texts": len(texts), "allowed_degrees": MAX_ANGLE_DEGREES}
    write_json(options.out, "reembedding", results, seed=SEED)
    series = {
        name: {row["what"]: max(row[f"{name}, degrees"], 1e-6) for row in rows}
        for name in ("least", "most")
    }
    write_bars(options.out, "reembedding", "Vectors and their texts", series, "degrees")


def real_texts(data: Path, count: int) -> list[str]:
    """Return texts of many lengths, the first characters of real documents."""
    files = sorted(data.glob("clean_*.jsonl"))
    rows = [line for path in files for line in path.read_text().splitlines()[: count // len(files)]]
    sizes = np.random.default_rng(SEED).integers(20, _CHARACTERS, size=len(rows))
    return [json.loads(row)["text"][:size] for row, size in zip(rows, sizes.tolist(), strict=True)]


def honest(texts: list[str], stored: Matrix, options: argparse.Namespace) -> list[Row]:
    """Return the angles of what happens to honest vectors."""
    import torch

    again: dict[str, Matrix] = {"the same again": SentenceTransformerEmbedder().embed(texts)}
    for size in (1, 7, 256):
        again[f"batches of {size}"] = SentenceTransformerEmbedder(batch_size=size).embed(texts)
    order = np.random.default_rng(SEED).permutation(len(texts))
    shuffled = SentenceTransformerEmbedder().embed([texts[at] for at in order])
    again["another order"] = shuffled[np.argsort(order)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    again["another number of threads"] = SentenceTransformerEmbedder().embed(texts)
    torch.set_num_threads(threads)
    again["without AVX"] = _plain_processor(options)
    rows = [_row(name, stored, vectors) for name, vectors in again.items()]
    trips: dict[str, Callable[[Matrix], Matrix]] = {
        "stored in half precision": rounded,
        "stored in 8 bits a coordinate, by each vector's largest": scalar_quantised,
        "stored in 8 bits a coordinate, by the largest of all": one_scale,
    }
    return rows + [_row(name, trip(stored), again["without AVX"]) for name, trip in trips.items()]


def one_scale(vectors: Matrix) -> Matrix:
    """Return vectors after 8 bits a coordinate, all on one scale."""
    scale = np.abs(vectors).max() / 127
    return np.rint(vectors / scale).astype(np.float32) * scale


def _plain_processor(options: argparse.Namespace) -> Matrix:
    """Embed in a process that may use no newer instructions, as an older machine would."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        command = [sys.executable, __file__, "--data", str(options.data), "--out", folder]
        command += ["--texts", str(options.texts), "--embed-to", str(path)]
        subprocess.run(command, check=True, env={**os.environ, **_PLAIN_PROCESSOR})
        made: Matrix = np.load(path)
    return made


def others(texts: list[str], stored: Matrix) -> list[Row]:
    """Return the angles of vectors that are not those of their texts."""
    embedder = SentenceTransformerEmbedder()
    last = embedder.embed([text.rsplit(" ", 1)[0] for text in texts])
    negated = embedder.embed([text.replace(" ", " not ", 1) for text in texts])
    cosines = stored @ stored.T
    np.fill_diagonal(cosines, -2)
    targets = np.roll(stored, len(stored) // 2, axis=0)
    return [
        _row("the text lost its last word", stored, last),
        _row("the text gained a 'not'", stored, negated),
        _row("the nearest other text", stored, stored[cosines.argmax(axis=1)]),
        _row("turned within the sketch towards another", stored, _within_grid(stored, targets)),
    ]


def _row(what: str, stored: Matrix, own: Matrix) -> Row:
    angles = angles_degrees(stored, own)
    return {
        "what": what,
        "least, degrees": float(angles.min()),
        "median, degrees": float(np.median(angles)),
        "most, degrees": float(angles.max()),
        "told apart": float((angles > MAX_ANGLE_DEGREES).mean()),
    }


if __name__ == "__main__":
    main()
