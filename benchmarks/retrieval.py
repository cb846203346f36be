"""Poisoned retrieval with the guard off and on: exposure, gold kept, clean passages lost, time.

python benchmarks/retrieval.py --data DATA/poison --out benchmarks/results [--questions 40]

An embedded store holds the clean passages, signed under 200 publishers, each article under one. For
each attack the poison of all its questions is signed and added, from one source or from five, and
every question is asked with plain search and with the guard, five passages each. Ingestion's checks
are left out on purpose: what is measured is what retrieval does with poison that got in.

PE@5: mean share of poison among the passages served. AE@5: share of questions with any. MR@5: with
poison in more than half. GK@10: share of gold passages of plain search's clean top ten that the
guard serves among ten. CR@10: share of that top ten that the guard leaves out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ragbastion import Chunk, Guard, Settings, operator_context
from ragbastion.core.chunk import ChunkId, Digest, DocumentId, Matrix, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder
from ragbastion.ingest.provenance import BatchSigner, chunk_id, to_point
from ragbastion.retrieval_guard import GuardParts
from report import print_table, write_bars, write_json

SEED = 7
PUBLISHERS = 200
TENANT = TenantId("bench")
CONTEXT = operator_context(tenant=TENANT, principal="bench")
K, DEEP = 5, 10
ATTACKS = {
    "PoisonedRAG": ("poison_poisonedrag_nq", "poison_poisonedrag_hotpotqa"),
    "CorruptRAG": ("poison_synth_corruptrag_as",),
    "jamming": ("poison_synth_jamming_template",),
    "injection": ("poison_synth_pia_template",),
}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A passage to store, and who publishes it."""

    id: str
    text: str
    source: str


def main() -> None:
    """Measure, print, and write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with clean_* and poison_*")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=40, help="per attack, and for clean")
    parser.add_argument("--clean", type=int, default=0, help="clean passages; 0 means all")
    parser.add_argument("--vectors", type=Path, help="folder to keep vectors in between runs")
    options = parser.parse_args()
    data = Data(options.data, options.questions, options.clean)
    with tempfile.TemporaryDirectory() as folder:
        rows, clean = measure(data, Embedder(options.vectors), Path(folder))
    print_table("Poison among five passages", rows)
    print_table("Without attack, ten passages", [clean])
    results = {"attacks": rows, "clean": clean, "questions": options.questions}
    write_json(options.out, "retrieval", {**results, "passages": len(data.clean)}, seed=SEED)
    series = {
        side: {f"{row['attack']}, {row['sources']} src": row[f"PE@5 {side}"] for row in rows}
        for side in ("off", "on")
    }
    write_bars(options.out, "retrieval", "Poison among five passages", series, "mean share")


class Data:
    """Clean passages, gold passages by question, and poison by attack and question."""

    def __init__(self, folder: Path, questions: int, clean: int) -> None:
        self._folder = folder
        self._questions = questions
        self._limit = clean

    @cached_property
    def _rows(self) -> list[Row]:
        return [row for file in sorted(self._folder.glob("clean_*.jsonl")) for row in _read(file)]

    @cached_property
    def gold(self) -> Mapping[str, set[str]]:
        """Ids of the passages that answer a question."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in self._rows:
            if row.get("gold"):
                found[row["question"]].add(row["id"])
        return found

    @cached_property
    def clean(self) -> list[Document]:
        """The clean passages: all, or all gold ones of the asked questions and a sample."""
        rows = list(self._rows)
        random.Random(SEED).shuffle(rows)
        if self._limit:
            asked = {*self.clean_questions, *(q for each in self.poison.values() for q in each)}
            rows.sort(key=lambda row: row["question"] not in asked)
            rows = rows[: self._limit]
        return [Document(id=row["id"], text=row["text"], source=_publisher(row)) for row in rows]

    @cached_property
    def clean_questions(self) -> list[str]:
        """Questions that have gold passages."""
        return _sample(sorted(self.gold), self._questions)

    @cached_property
    def poison(self) -> dict[str, dict[str, list[str]]]:
        """Poison texts by attack and question; PoisonedRAG also without the echoed question."""
        found: dict[str, dict[str, list[str]]] = {}
        for attack, files in ATTACKS.items():
            rows = [row for file in files for row in _read(self._folder / f"{file}.jsonl")]
            found[attack] = self._by_question(rows, "text")
            if all("crafted" in row for row in rows):
                found[f"{attack} without echo"] = self._by_question(rows, "crafted")
        return found

    def _by_question(self, rows: Sequence[Row], field: str) -> dict[str, list[str]]:
        texts: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            texts[row["question"]].append(row[field])
        # Questions with gold passages first: only these tell whether gold is kept under attack.
        chosen = sorted(_sample(sorted(texts), len(texts)), key=lambda q: q not in self.gold)
        return {question: texts[question] for question in chosen[: self._questions]}


class Embedder:
    """The shipped model, with its vectors kept in a folder between runs if one is named."""

    def __init__(self, folder: Path | None) -> None:
        self._model = SentenceTransformerEmbedder()
        self._folder = folder
        self._cache: dict[str, np.ndarray[Any, Any]] = {}
        if folder and (folder / "keys.json").exists():
            keys = json.loads((folder / "keys.json").read_text())
            self._cache = dict(zip(keys, np.load(folder / "vectors.npy"), strict=True))

    @property
    def identity(self) -> EmbedderIdentity:
        """Those of the model."""
        return self._model.identity

    @property
    def max_tokens(self) -> int:
        """That of the model."""
        return self._model.max_tokens

    def count_tokens(self, text: str) -> int:
        """Count as the model does."""
        return self._model.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return unit vectors (n, d), from the cache where they are known."""
        keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        missing = {
            key: text for key, text in zip(keys, texts, strict=True) if key not in self._cache
        }
        # Texts of like length share a batch, so that little is padded.
        ordered = sorted(missing, key=lambda key: len(missing[key]))
        vectors = self._model.embed([missing[key] for key in ordered]) if ordered else []
        self._cache.update(zip(ordered, vectors, strict=True))
        return np.array([self._cache[key] for key in keys], dtype=np.float32)

    def save(self) -> None:
        """Write the cache."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        np.save(self._folder / "vectors.npy", np.array(list(self._cache.values())))
        (self._folder / "keys.json").write_text(json.dumps(list(self._cache)))


class Bench:
    """A guard over a store, and hands to put documents in and take them out."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        settings = Settings(state_dir=folder / "state", store=str(folder / "store"))
        self._embedder = embedder
        self._signer = BatchSigner(settings.state_dir, settings.provenance)
        self.guard = Guard.from_settings(settings, GuardParts(embedder=embedder))
        self._name = settings.collection
        self._info = self.guard.store.create_collection(self._name, embedder.identity)
        self.ids: dict[str, str] = {}

    def add(self, documents: Sequence[Document]) -> list[ChunkId]:
        """Sign and store documents as one chunk each."""
        vectors = self._embedder.embed([document.text for document in documents])
        chunks = [self._chunk(*each) for each in zip(documents, vectors, strict=True)]
        proofs = self._signer.sign(chunks, collection_uid=self._info.uid)
        points = [to_point(*each) for each in zip(chunks, proofs, strict=True)]
        self.guard.store.upsert(self._name, TENANT, points)
        self.ids.update({c.id: d.id for c, d in zip(chunks, documents, strict=True)})
        return [chunk.id for chunk in chunks]

    def remove(self, ids: Sequence[ChunkId]) -> None:
        """Delete documents."""
        self.guard.store.delete(self._name, TENANT, ids)

    def ask(self, question: str, *, guarded: bool, limit: int) -> tuple[list[str], float]:
        """Return the document ids that are served and the milliseconds that it took."""
        start = time.perf_counter()
        if guarded:
            found = [chunk.id for chunk in self._retrieved(question, limit)]
        else:
            found = [hit.point.id for hit in self.guard.search(question, CONTEXT, limit=limit)]
        spent = (time.perf_counter() - start) * 1000
        return [self.ids[each] for each in found], spent

    def _retrieved(self, question: str, limit: int) -> Sequence[Any]:
        answer = self.guard.retrieve(question, CONTEXT, limit=limit)
        if answer.verdict.decision == "block":
            raise SystemExit(f"the guard refused: {answer.verdict.reasons}")
        return answer.chunks

    def _chunk(self, document: Document, vector: np.ndarray[Any, Any]) -> Chunk:
        scope = (TENANT, self._info.uid, document.source)
        return Chunk(
            id=chunk_id(scope, document.id, 0, document.text),
            text=document.text,
            tenant=TENANT,
            source=document.source,
            document=DocumentId(document.id),
            document_digest=Digest(hashlib.sha256(document.text.encode()).hexdigest()),
            position=0,
            vector=vector,
        )


def measure(data: Data, embedder: Embedder, folder: Path) -> tuple[list[Row], Row]:
    """Return one row an attack and number of sources, and the row without attack."""
    bench = Bench(embedder, folder)
    with bench.guard:
        start = time.perf_counter()
        bench.add(data.clean)
        embedder.save()
        print(f"{len(data.clean)} passages stored in {time.perf_counter() - start:.0f} s")
        clean = measure_clean(data, bench)
        rows = [
            measure_attack(data, bench, attack, sources)
            for attack in data.poison
            for sources in (1, 5)
            if sources == 1 or any(len(texts) > 1 for texts in data.poison[attack].values())
        ]
        embedder.save()
    return rows, clean


def measure_clean(data: Data, bench: Bench) -> Row:
    """Ask questions with gold passages while there is no poison."""
    kept, lost, times = [], [], defaultdict(list)
    for question in data.clean_questions:
        plain, off_ms = bench.ask(question, guarded=False, limit=DEEP)
        served, on_ms = bench.ask(question, guarded=True, limit=DEEP)
        lost.append(len(set(plain) - set(served)) / len(plain))
        kept += _kept(data.gold[question], plain, served)
        times["off"].append(off_ms)
        times["on"].append(on_ms)
    return {
        "questions": len(lost),
        "GK@10": _mean(kept),
        "CR@10": _mean(lost),
        "ms off": statistics.median(times["off"]),
        "ms on": statistics.median(times["on"]),
    }


def measure_attack(data: Data, bench: Bench, attack: str, sources: int) -> Row:
    """Add the attack's poison from so many sources, ask its questions, and take it out again."""
    targets = data.poison[attack]
    before = {question: bench.ask(question, guarded=False, limit=DEEP)[0] for question in targets}
    ids = bench.add(list(_poison(attack, targets, sources)))
    shares: dict[str, list[float]] = defaultdict(list)
    kept: dict[str, list[bool]] = defaultdict(list)
    times: dict[str, list[float]] = defaultdict(list)
    for question in targets:
        for side, guarded in (("off", False), ("on", True)):
            served, spent = bench.ask(question, guarded=guarded, limit=K)
            shares[side].append(sum(_is_poison(each) for each in served) / K)
            times[side].append(spent)
            deep, _ = bench.ask(question, guarded=guarded, limit=DEEP)
            kept[side] += _kept(data.gold.get(question, set()), before[question], deep)
    bench.remove(ids)
    row: Row = {"attack": attack, "sources": sources, "questions": len(targets)}
    for side in ("off", "on"):
        row[f"PE@5 {side}"] = _mean(shares[side])
        row[f"AE@5 {side}"] = _mean([share > 0 for share in shares[side]])
        row[f"MR@5 {side}"] = _mean([share > 0.5 for share in shares[side]])
        row[f"GK@10 {side}"] = _mean(kept[side])
        row[f"ms {side}"] = statistics.median(times[side])
    print(json.dumps(row))
    return row


def _poison(attack: str, targets: Mapping[str, list[str]], sources: int) -> list[Document]:
    return [
        Document(id=f"poison/{attack}/{number}/{at}", text=text, source=f"attacker-{at % sources}")
        for number, texts in enumerate(targets.values())
        for at, text in enumerate(texts[:5])
    ]


def _is_poison(document: str) -> bool:
    return document.startswith("poison/")


def _kept(gold: set[str], before: Sequence[str], after: Sequence[str]) -> list[bool]:
    return [each in after for each in before if each in gold]


def _publisher(row: Row) -> str:
    key = row.get("title") or row.get("domain") or row.get("qid") or row["id"]
    number = int(hashlib.sha256(str(key).encode()).hexdigest(), 16) % PUBLISHERS
    return f"publisher-{number}"


def _read(file: Path) -> list[Row]:
    # Not splitlines(): texts hold Unicode line separators.
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def _sample(items: Sequence[str], count: int) -> list[str]:
    return random.Random(SEED).sample(items, min(count, len(items)))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


if __name__ == "__main__":
    main()
