"""The main job on real input: ingest clean corpora, then poison, through the command itself.

    python benchmarks/main_job.py --data DIR --out benchmarks/results

DIR holds ``poison/clean_*.jsonl`` and ``poison/poison_*.jsonl``. Measured: documents per second and
peak memory of ``ragbastion ingest``; the same embedding and store without any guard in the same run
as a ratio of CPU times, which other work on the machine disturbs least; what was quarantined
wrongly; what poison got into the store and into answers.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from ragbastion import Guard, operator_context
from ragbastion.core.settings import load_settings
from ragbastion.core.store import StoredPoint
from report import print_table, write_bars, write_json

TENANT = "bench"
COLLECTION = "corpus"
SEED = 7


def main() -> None:
    """Run all steps and report them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=60, help="poisoned questions asked")
    parser.add_argument("--limit", type=int, default=0, help="rows per file, 0 for all")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(options.data / "poison", Path(folder), options.questions, options.limit)
    show(report)
    write_json(options.out, "main_job", report, seed=SEED)
    rates = {row["file"]: row["quarantined share"] for row in report["files"]}
    write_bars(options.out, "main_job", "Quarantined at ingestion", {"share": rates}, "share")


def measure(data: Path, work: Path, questions: int, limit: int) -> dict[str, Any]:
    """Ingest everything into one store below ``work`` and ask the poisoned questions."""
    os.environ["RAGBASTION_STATE_DIR"] = str(work / "state")
    files = [_head(path, work, limit) for path in sorted(data.glob("*.jsonl"))]
    clean = [path for path in files if path.name.startswith("clean_")]
    poison = [path for path in files if path.name.startswith("poison_")]
    rows = [ingest(path, work) for path in clean]
    largest = max(rows, key=lambda row: row["documents"])
    bare = bare_ingest(work / f"{largest['file']}.jsonl", work)
    documents = sum(row["documents"] for row in rows)
    rows += [ingest(path, work, source="attacker") for path in poison]
    return {
        "rows a file at most": limit or "all",
        "files": rows,
        "clean documents per second": documents / sum(row["s"] for row in rows[: len(clean)]),
        "per CPU second": documents / sum(row["CPU s"] for row in rows[: len(clean)]),
        "CPU time, ratio to embedding and storing without a guard": largest["CPU s"]
        / bare["CPU s"],
        "peak memory of one ingest, MB": max(row["peak MB"] for row in rows),
        "the same without a guard, MB": bare["peak MB"],
        "answers": ask(poison, work, questions),
    }


def ingest(path: Path, work: Path, source: str | None = None) -> dict[str, Any]:
    """Run the command on one file; poison rows are all given the attacker's source."""
    if source is not None:
        path = _with_source(path, work, source)
    command = [sys.executable, "-m", "ragbastion", "ingest", str(path), "--tenant", TENANT]
    command += ["--source", source or path.stem, "--collection", COLLECTION]
    command += ["--store", str(work / "store"), "--json"]
    output, cost = _run(command)
    report = json.loads(output)
    return {
        "file": path.stem,
        "documents": report["documents"],
        "quarantined": report["quarantined"],
        "quarantined share": report["quarantined"] / max(1, report["documents"]),
        "failed": report["failed"],
        "chunks": report["chunks"],
        **cost,
    }


def _run(command: list[str]) -> tuple[str, dict[str, float]]:
    """Run a command; return its output, and its wall and CPU seconds and peak memory in MB."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode not in (0, 1):
            raise SystemExit(f"{command} failed with {process.returncode}")
        out.seek(0)
        cpu = usage.ru_utime + usage.ru_stime
        return out.read(), {"s": seconds, "CPU s": cpu, "peak MB": usage.ru_maxrss / 1024}


def bare_ingest(path: Path, work: Path) -> dict[str, float]:
    """Embed and store the rows of one file with the same parts and no guard; return its cost.

    Like the command, it is a fresh process that loads the model.
    """
    return _run([sys.executable, __file__, "--bare", str(path), str(work / "bare")])[1]


def _bare(path: Path, folder: Path) -> None:
    from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder
    from ragbastion.tenancy import EdgeStore

    embedder, store = SentenceTransformerEmbedder(), EdgeStore(folder)
    store.create_collection(COLLECTION, embedder.identity)
    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    for at in range(0, len(texts), 64):
        batch = texts[at : at + 64]
        points = [
            StoredPoint(id=str(at + index), vector=vector, payload={"text": text})
            for index, (text, vector) in enumerate(zip(batch, embedder.embed(batch), strict=True))
        ]
        store.upsert(COLLECTION, TENANT, points)
    store.close()


def ask(poison: list[Path], work: Path, count: int) -> list[dict[str, Any]]:
    """Ask targeted questions of each poison family; what poison is in the context that is served.

    The unguarded answer is the plain nearest five of the same store, which holds only the poison
    that ingestion let in.
    """
    settings = load_settings().with_(store=str(work / "store"), collection=COLLECTION)
    with Guard.from_settings(settings) as guard:
        return [
            {"family": path.stem.removeprefix("poison_"), **_asked(guard, path, count)}
            for path in poison
        ]


def _asked(guard: Guard, path: Path, count: int) -> dict[str, Any]:
    by_question: dict[str, set[str]] = defaultdict(set)
    for line in path.read_text().splitlines():
        row = json.loads(line)
        by_question[row["question"]].add(row["text"])
    questions = sorted(by_question)
    random.Random(SEED).shuffle(questions)
    context = operator_context(tenant=TENANT, principal="bench")
    shares: Counter[str] = Counter()
    times = []
    for question in questions[:count]:
        vector = guard.embedder.embed([question])[0]
        plain = guard.store.search(COLLECTION, TENANT, vector, 5)
        answer = guard.retrieve(question, context, limit=5)
        times.append(answer.ms)
        sources = [chunk.source for chunk in answer.chunks]
        off = sum(hit.point.payload["source"] == "attacker" for hit in plain)
        on = sum(source == "attacker" for source in sources)
        shares.update(off=off, on=on, majority_off=off > 2, majority_on=on * 2 > len(sources))
    asked = min(count, len(questions))
    return {
        "questions": asked,
        "poison in store, share of top 5 unguarded": shares["off"] / (5 * asked),
        "share of top 5 guarded": shares["on"] / (5 * asked),
        "poison majority unguarded": shares["majority_off"] / asked,
        "poison majority guarded": shares["majority_on"] / asked,
        "median ms a query": sorted(times)[len(times) // 2],
    }


def show(report: dict[str, Any]) -> None:
    """Print the tables."""
    print_table("Ingestion by file", report["files"])
    print_table("Answers to poisoned questions", report["answers"])
    for name, value in report.items():
        if isinstance(value, float):
            print(f"{name}: {value:.3g}")


def _head(path: Path, work: Path, limit: int) -> Path:
    lines = path.read_text().splitlines(keepends=True)
    copy = work / path.name
    copy.write_text("".join(lines[:limit] if limit else lines))
    return copy


def _with_source(path: Path, work: Path, source: str) -> Path:
    folder = work / "attacker"
    folder.mkdir(exist_ok=True)
    copy = folder / path.name
    with copy.open("w") as out:
        for line in path.read_text().splitlines():
            out.write(json.dumps({**json.loads(line), "source": source}) + "\n")
    return copy


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        _bare(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
