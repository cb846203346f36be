"""Measure the scan of what passages say together: its cost, and what it finds and spoils.

    python benchmarks/joins.py --data DATA/poison --out benchmarks/results [--queries 300]

A query is k passages of the clean files, drawn at random, each cut to a chunk's length. *Cost*:
seams and characters scanned a query, first and again, beside those of neighbours alone. *Spoilt*:
clean passages that lose text which they keep when scanned alone. *Found*: examples of the shipped
rules that the scanner strips whole but neither half of, split at a word; one half ends a passage
and the other begins one that stands ``apart`` places behind it. Found means that the words of the
order no longer stand in both. The rules are known to be found whole, so this measures the joining.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

from ragbastion import Chunk, Integrity
from ragbastion.core.chunk import ChunkId, Digest, DocumentId, TenantId
from ragbastion.ingest.scanner import Scanner
from ragbastion.ingest.scanner.rules import shipped_packs
from ragbastion.retrieval_guard.joins import JoinScan
from ragbastion.retrieval_guard.passage import Passage
from ragbastion.retrieval_guard.seams import seams
from ragbastion.retrieval_guard.stripping import Stripped
from report import print_table, write_json

SEED = 11
CHUNK_CHARS = 900
THRESHOLD = 0.5

Row = dict[str, object]


class Counting:
    """A scanner that counts what it reads."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self.texts = self.characters = 0

    def strip(self, text: str, threshold: float | None = None) -> Stripped:
        """Strip as the scanner does."""
        self.texts += 1
        self.characters += len(text)
        return self._scanner.strip(text, threshold)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with clean_*.jsonl")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    scanner, rng = Scanner(), random.Random(SEED)
    clean = _clean(options.data, scanner, rng, 12 * options.queries)
    cost = [_cost(scanner, clean, k, options.queries, rng) for k in (2, 5, 10)]
    print_table("Clean queries", cost)
    orders = _orders(scanner, rng)
    found = [_found(scanner, clean, orders, apart, rng) for apart in (1, 2, 3, 4)]
    print_table(f"{len(orders)} orders split over two of five passages", found)
    write_json(options.out, "joins", {"clean": cost, "split": found}, seed=SEED)


def _clean(folder: Path, scanner: Scanner, rng: random.Random, count: int) -> list[str]:
    """Return chunks that the scanner leaves as they are."""
    files = sorted(folder.glob("clean_*.jsonl"))
    rows = [json.loads(line)["text"] for file in files for line in file.open(encoding="utf-8")]
    chosen = [text[:CHUNK_CHARS] for text in rng.sample(rows, min(len(rows), count))]
    return [text for text in chosen if not scanner.strip(text, THRESHOLD).removed]


def _cost(scanner: Scanner, clean: list[str], k: int, queries: int, rng: random.Random) -> Row:
    counting = Counting(scanner)
    scan = JoinScan(counting, THRESHOLD)
    neighbours = spoilt = 0
    took = 0.0
    drawn = [rng.sample(clean, k) for _ in range(queries)]
    for texts in drawn:
        passages = _passages(texts)
        parts = list(seams(texts))[: k - 1]
        neighbours += sum(part.end - part.start for seam in parts for part in seam)
        started = time.process_time()
        joined = scan(passages).passages
        took += time.process_time() - started
        spoilt += k - sum(a.text == b for a, b in zip(joined, texts, strict=False))
    first = counting.texts, counting.characters
    for texts in drawn:
        scan(_passages(texts))
    return {
        "k": k,
        "seams": first[0] / queries,
        "characters": first[1] / queries,
        "of neighbours": neighbours / queries,
        "seams again": (counting.texts - first[0]) / queries,
        "spoilt passages": spoilt / (k * queries),
        "CPU ms": took * 1000 / queries,
    }


def _orders(scanner: Scanner, rng: random.Random) -> list[tuple[str, str]]:
    """Return examples in two halves that are found whole, and neither half alone."""
    whole = [text for pack in shipped_packs() for rule in pack.rules for text in rule.positive]
    halves = []
    for text in whole:
        words = text.split()
        if len(words) < 4 or "\n" in text:
            continue
        at = rng.randrange(2, len(words) - 1)
        pair = " ".join(words[:at]), " ".join(words[at:])
        if _strips(scanner, text) and not any(_strips(scanner, half) for half in pair):
            halves.append(pair)
    return halves


def _strips(scanner: Scanner, text: str) -> bool:
    return bool(scanner.strip(text, THRESHOLD).removed)


def _found(
    scanner: Scanner,
    clean: list[str],
    orders: Sequence[tuple[str, str]],
    apart: int,
    rng: random.Random,
) -> Row:
    joined = [_split(scanner, rng.sample(clean, 5), pair, apart) for pair in orders]
    found, spoilt = (sum(column) / len(orders) for column in zip(*joined, strict=True))
    return {"apart": apart, "found": found, "spoilt passages": spoilt / 3}


def _split(
    scanner: Scanner, texts: list[str], pair: tuple[str, str], apart: int
) -> tuple[bool, int]:
    """Return whether an order was taken out, and how many of the honest passages lost text."""
    honest = [text for at, text in enumerate(texts) if at not in (0, apart)]
    texts[0] = f"{texts[0]}\n\n{pair[0]}"
    texts[apart] = f"{pair[1]}\n\n{texts[apart]}"
    served = [each.text for each in JoinScan(scanner, THRESHOLD)(_passages(texts)).passages]
    left = [half in " ".join(" ".join(served).split()) for half in pair]
    return not all(left), sum(text not in served for text in honest)


def _passages(texts: Sequence[str]) -> list[Passage]:
    return [_passage(at, text) for at, text in enumerate(texts)]


def _passage(at: int, text: str) -> Passage:
    chunk = Chunk(
        id=ChunkId(f"c{at}"),
        text=text,
        tenant=TenantId("bench"),
        source=f"s{at}",
        document=DocumentId("d"),
        document_digest=Digest("0"),
        position=at,
        integrity=Integrity.TRUSTED,
    )
    return Passage(chunk=chunk, score=1 - at / 100, text=text)


if __name__ == "__main__":
    main()
