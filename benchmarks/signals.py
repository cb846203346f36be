"""The poisoning signals: what each catches, and what it costs on clean sources and bursts.

    python benchmarks/signals.py --data DIR --out benchmarks/results [--vectors FOLDER] [--rows 300]

DIR holds ``poison/``. The baseline learns the even rows of the clean sources, the odd ones are what
is measured; for "unseen" it learns all sources but that one. Every file is one source. "made"
families are drawn here, seeded: soups of tokens before and after a passage, facts swapped in stored
passages, means of many questions as vectors. A burst is all pages about one person, or all chunks
of one article, brought by one source in one batch. Poison comes from a source in probation, clean
documents from an established one, and under "clean of a new source" and "burst of a new source"
from one in probation too.

``quarantine`` and ``flag`` are shares of documents with that outcome; the other columns the share
that each signal reported. The shipped models were fitted on these clean texts: what they do with
sources that they never saw, `benchmarks/signal_models` tells (``--check``).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ragbastion.benchmarks.poisoning.attacks.rewriting import mistyped
from ragbastion.benchmarks.poisoning.vectors import Vectors
from ragbastion.benchmarks.signal_models.heldout import (
    faq_page,
    heldout_honest,
    heldout_steering,
)
from ragbastion.benchmarks.signal_models.soups import FAMILIES, Soups
from ragbastion.core.chunk import ChunkId, Matrix
from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder
from ragbastion.core.store import Hit, StoredPoint
from ragbastion.core.verdict import Decision
from ragbastion.ingest.signals import Baseline, Screen, SignalInput
from report import print_table, write_bars, write_json

SEED = 7
BATCH = 64
MADE = 60
FACT = re.compile(r"(?<=[a-z] )(?:\d{2,4}|[A-Z][a-z]{3,})\b")

Rows = list[dict[str, Any]]
Documents = list[SignalInput]


class World:
    """Clean sources with vectors, a baseline of some of them, and exact search over those."""

    def __init__(self, clean: Mapping[str, Documents], embedder: Vectors) -> None:
        self._learned = [each for rows in clean.values() for each in rows]
        self._matrix = np.concatenate([each.vectors for each in self._learned])
        self.baseline = Baseline.open(Path(tempfile.mkdtemp()), "bench", "bench")
        self.search_s = 0.0
        self.screen = Screen(self.baseline, self.neighbours, embedder)
        self.screen.vectors([])  # embeds the probes
        for each in self._learned:
            self.baseline.learn([each])

    def neighbours(self, vectors: Matrix, count: int) -> list[list[Hit]]:
        """Return the nearest learned passages."""
        started = time.process_time()
        scores = vectors @ self._matrix.T
        nearest = np.argpartition(-scores, count, axis=1)[:, :count]
        found = [
            [self._hit(int(at), float(row[at])) for at in places[np.argsort(-row[places])]]
            for row, places in zip(scores, nearest, strict=True)
        ]
        self.search_s += time.process_time() - started
        return found

    def _hit(self, at: int, score: float) -> Hit:
        each = self._learned[at]
        payload = {"text": each.text, "source": each.source, "document": each.document}
        vector = np.asarray(each.vectors)[0]
        return Hit(
            point=StoredPoint(id=ChunkId(str(at)), vector=vector, payload=payload), score=score
        )

    def measure(self, name: str, kind: str, batches: Sequence[Documents]) -> dict[str, Any]:
        """Return the outcomes of a set of documents; nothing of it is learned."""
        seen: Counter[str] = Counter()
        count, searched, started = 0, self.search_s, time.process_time()
        for batch in batches:
            texts, vectors = self.screen.texts(batch), self.screen.vectors(batch)
            for verdict in (one.merge(two) for one, two in zip(texts, vectors, strict=True)):
                seen.update({finding.kind.removeprefix("outlier.") for finding in verdict.findings})
                seen["quarantine"] += verdict.decision >= Decision.QUARANTINE
                seen["flag"] += verdict.decision is Decision.FLAG
                count += 1
        spent = time.process_time() - started - (self.search_s - searched)
        shares = {key: round(value / count, 4) for key, value in seen.items()}
        return {"set": name, "kind": kind, "documents": count, **shares,
                "CPU ms a document": 1000 * spent / count}  # fmt: skip


def main() -> None:
    """Measure all signals on all families and sources, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--stride", type=int, default=2, help="of the clean rows, one in so many")
    parser.add_argument("--rows", type=int, default=300, help="measured of a set at most")
    options = parser.parse_args()
    vectors = Vectors(SentenceTransformerEmbedder(), options.vectors)
    clean = clean_sources(options.data / "poison", vectors)
    step = options.stride
    world = World({name: rows[::step] for name, rows in clean.items()}, vectors)
    held = {name: rows[1::2] for name, rows in clean.items()}
    table = [
        world.measure(name, "poison", _new(batches))
        for name, batches in families(options, vectors, clean).items()
    ]
    vectors.save()
    table += [world.measure(n, "clean", _batches(r[: options.rows])) for n, r in held.items()]
    for name, rows in held.items():
        batches = _new(_batches(rows[: options.rows]))
        table.append(world.measure(name, "clean of a new source", batches))
    for name, documents in lookalikes(options, vectors).items():
        table.append(world.measure(name, "clean of a new source", _new(_batches(documents))))
    for name, batches in bursts(clean, options.rows).items():
        table.append(world.measure(name, "burst", batches))
        table.append(world.measure(name, "burst of a new source", _new(batches)))
    for name in clean:
        table.append(unseen(clean, name, vectors, options))
    report(table, world, options.out)


def clean_sources(folder: Path, vectors: Vectors) -> dict[str, Documents]:
    """Return the clean sources as documents of one passage."""
    sources = {}
    for path in sorted(folder.glob("clean_*.jsonl")):
        name = path.stem.removeprefix("clean_")
        sources[name] = _documents([(row["id"], row["text"]) for row in _rows(path)], name, vectors)
    return sources


def families(
    options: argparse.Namespace, vectors: Vectors, clean: Mapping[str, Documents]
) -> dict[str, list[Documents]]:
    """Return batches of poison by family: the files, and what is made of them."""
    chance = random.Random(SEED)
    folder = options.data / "poison"
    stored = [d for rows in clean.values() for d in rows[:: options.stride]]
    found: dict[str, list[Documents]] = {}
    crafted: dict[str, Rows] = defaultdict(list)
    for path in sorted(folder.glob("poison_*.jsonl")):
        name, rows = path.stem.removeprefix("poison_").removeprefix("synth_"), _rows(path)
        picked = rows if len(rows) <= options.rows else chance.sample(rows, options.rows)
        texts = [(row["id"], row["text"]) for row in picked]
        found[f"{name}, one by one"] = [[each] for each in _documents(texts, name, vectors)]
        for row in rows:
            if row.get("crafted"):
                crafted[row["qid"]].append(row)
    sets = [rows for rows in crafted.values() if len(rows) == 5]
    made = [_documents([(r["id"], r["crafted"]) for r in rows], "new", vectors) for rows in sets]
    found["rewritten sets of five"] = made
    found["rewritten, one by one"] = [[each] for batch in made for each in batch[:1]]
    spaced = [(r["id"], f"{r['question']} {r['crafted']}") for rows in sets for r in rows[:1]]
    found["echo with a space, one by one"] = [[d] for d in _documents(spaced, "new", vectors)]
    sp = [[(r["id"], f"{r['question']} {r['crafted']}") for r in rows] for rows in sets]
    found["echo with a space, sets"] = [_documents(rows, "new", vectors) for rows in sp]
    prose = [each.text for each in chance.sample(stored, MADE)]
    soups = Soups([each.text for each in stored], SEED + 5)
    for family in ("pieces", "words", "frequent", "topical", "lists"):
        assert family in FAMILIES
        before = [f"{soups.draw(family, 20)} {text}" for text in prose[: MADE // 2]]
        before += [f"{text} {soups.draw(family, 20)}" for text in prose[MADE // 2 :]]
        rows = [(f"{family}{at}", text) for at, text in enumerate(before)]
        found[f"soup of {family}"] = [[each] for each in _documents(rows, "new", vectors)]
    shorter = [f"{soups.draw(FAMILIES[at % 7], 12)} {text}" for at, text in enumerate(prose)]
    found["soup of 12 tokens"] = [
        [each] for each in _documents([(f"t{i}", t) for i, t in enumerate(shorter)], "new", vectors)
    ]
    for name, texts in heldout_steering().items():
        rows = [(f"{name}{at}", text) for at, text in enumerate(texts)]
        found[f"held-out wordings: {name}"] = [[d] for d in _documents(rows, "new", vectors)]
    typed = [(f"y{at}", mistyped(_swap(each.text, chance), chance, 0.08))
             for at, each in enumerate(chance.sample(stored, MADE))]  # fmt: skip
    found["swapped fact under typing errors"] = [
        [each] for each in _documents(typed, "new", vectors)
    ]
    swaps = [(f"s{at}", text) for at, each in enumerate(chance.sample(stored, MADE))
             if (text := _swap(each.text, chance)) != each.text]  # fmt: skip
    found["swapped fact"] = [[each] for each in _documents(swaps, "new", vectors)]
    questions = np.array(vectors.embed(sorted({r["question"] for rows in sets for r in rows})))
    found["hub vectors, 10 questions"] = [[h] for h in _hubs(questions, prose, 10)]
    found["hub vectors, 20 questions"] = [[h] for h in _hubs(questions, prose, 20)]
    found["hub vectors, 40 questions"] = [[h] for h in _hubs(questions, prose, 40)]
    return found


def lookalikes(options: argparse.Namespace, vectors: Vectors) -> dict[str, Documents]:
    """Return honest documents that look like poison: notices, and pages of questions."""
    gold = _rows(options.data / "poison" / "clean_nqopen_gold.jsonl")
    asked = [f"{row['question'].capitalize()}? {row['text']}" for row in gold[:: len(gold) // 60]]
    sets = {
        "held-out honest notices": heldout_honest(),
        "a shop's page of questions": faq_page(),
        "real questions over real passages": asked,
    }
    return {
        name: _documents([(f"{name}{at}", text) for at, text in enumerate(texts)], name, vectors)
        for name, texts in sets.items()
    }


def _hubs(questions: Matrix, prose: Sequence[str], count: int) -> Documents:
    chance = np.random.default_rng(SEED)
    hubs = []
    for at in range(40):
        mean = questions[chance.choice(len(questions), count, replace=False)].mean(axis=0)
        vector = (mean / np.linalg.norm(mean)).astype(np.float32)[None]
        text = prose[at % len(prose)]
        hubs.append(
            SignalInput(document=f"h{at}", source="new", text=text, pieces=(text,), vectors=vector)
        )
    return hubs


def bursts(clean: Mapping[str, Documents], rows: int) -> dict[str, list[Documents]]:
    """Return honest bursts on one subject, by what they are of."""
    groups: dict[str, list[Documents]] = {}
    for name, key in (("biogen_web", r"^(bio-\d+)"), ("wikipedia_chunks", r"^(wiki-\d+)")):
        by_subject: dict[str, Documents] = defaultdict(list)
        for each in clean[name]:
            match = re.match(key, each.document)
            if match:
                by_subject[match[1]].append(replace(each, source="news"))
        batches = [batch for batch in by_subject.values() if len(batch) >= 4]
        groups[name] = batches[: max(1, rows // 5)]
    return groups


def unseen(
    clean: Mapping[str, Documents], name: str, vectors: Vectors, options: argparse.Namespace
) -> dict[str, Any]:
    """Return what a source costs that the baseline never saw."""
    step = 2 * options.stride
    others = {other: kept[::step] for other, kept in clean.items() if other != name}
    world = World(others, vectors)
    return world.measure(name, "unseen", _batches(clean[name][1::2][: options.rows]))


def report(table: Sequence[dict[str, Any]], world: World, out: Path) -> None:
    """Print and write what was measured."""
    kinds = sorted({key for row in table for key in row} - {"set", "kind", "documents"})
    first = ("quarantine", "flag", "CPU ms a document")
    order = [*first, *(kind for kind in kinds if kind not in first)]
    full = [
        {"set": row["set"], "kind": row["kind"], "documents": row["documents"],
         **{kind: row.get(kind, 0.0) for kind in order}}
        for row in table
    ]  # fmt: skip
    print_table("Outcome by set", [{k: row[k] for k in list(row)[:6]} for row in full])
    world.baseline.remember([])
    body = {"rows": full, "baseline bytes": world.baseline.bytes_held}
    write_json(out, "signals", body, seed=SEED)
    series = {kind: {row["set"]: row[kind] for row in full if row["kind"] == "poison"}
              for kind in ("quarantine", "flag")}  # fmt: skip
    write_bars(out, "signals", "Poison held or flagged at ingestion", series, "share")
    for row in full:
        told = {k: v for k, v in list(row.items())[6:] if v}
        print(row["kind"], row["set"], row["quarantine"], row["flag"], told)
    print("baseline bytes", world.baseline.bytes_held)


def _documents(rows: Sequence[tuple[str, str]], source: str, vectors: Vectors) -> Documents:
    matrix = np.asarray(vectors.embed([text for _, text in rows]), dtype=np.float32)
    return [
        SignalInput(document=name, source=source, text=text, pieces=(text,), vectors=row[None])
        for (name, text), row in zip(rows, matrix, strict=True)
    ]


def _swap(text: str, chance: random.Random) -> str:
    """Replace one number or capitalised word by another wherever it stands."""
    facts = sorted(set(FACT.findall(text)))
    if not facts:
        return text
    old = chance.choice(facts)
    new = str(chance.randint(10, 2024)) if old.isdigit() else "Valdemar"
    return re.sub(rf"\b{old}\b", new, text)


def _new(batches: Sequence[Documents]) -> list[Documents]:
    """Return the same documents of a source in probation."""
    return [[replace(each, probation=True) for each in batch] for batch in batches]


def _batches(rows: Documents) -> list[Documents]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]


def _rows(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="\n") as lines:
        return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()
