"""How long a scan takes by length, on harmless documents and on attacked ones, in CPU time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...ingest.scanner import Scanner
from .rows import BESIDE, MEASURED, Row

LENGTHS = {200: 60, 1_000: 60, 5_000: 40, 20_000: 20, 100_000: 8}
"""Characters of a document, and how many documents of that length are timed."""


def latency_table(
    rows: Sequence[Row], scanner: Scanner, seed: int, lengths: dict[int, int] | None = None
) -> list[dict[str, Any]]:
    """Time scans, one document at a time: median and 95th percentile.

    Harmless documents are those of the data (not the hard ones): mails, tables, code and results of
    tools into which attacks were put elsewhere; passages are the encyclopaedia, web pages and
    abstracts beside them. Both are cut to length, and joined where none is
    long enough. Attacked documents are harmless ones
    with one injected part in their middle.
    """
    scanner.scan("The first scan loads what is loaded late.")
    table = []
    kinds = ["passages"] if any(row.part == BESIDE and not row.label for row in rows) else []
    for length, number in (LENGTHS if lengths is None else lengths).items():
        for kind in (*kinds, "harmless", "attacked"):
            texts = documents(rows, kind, length, number, seed)
            times = np.array([_seconds(scanner, text) for text in texts]) * 1000
            median, late = np.percentile(times, (50, 95))
            table.append(
                {
                    "characters": length,
                    "documents": kind,
                    "n": number,
                    "median_ms": float(median),
                    "p95_ms": float(late),
                    "median_ms_per_kB": float(median) / length * 1000,
                    "p95_ms_per_kB": float(late) / length * 1000,
                }
            )
    return table


def documents(rows: Sequence[Row], kind: str, length: int, number: int, seed: int) -> Iterator[str]:
    """Yield ``number`` documents of exactly ``length`` characters, made of the data."""
    rng = random.Random(f"{seed} {kind} {length}")
    harmless = [row for row in rows if not row.label and row.text.strip()]
    beside = [row.text for row in harmless if row.part == BESIDE]
    clean = [row.text for row in harmless if row.kind == "benign" and row.part == MEASURED]
    clean = beside if kind == "passages" else clean or [row.text for row in harmless]
    # What was joined does not belong together, and reads like something put in.
    clean = [text for text in clean if len(text) >= length] or clean
    attacks = [row.span or row.text for row in rows if row.label and row.part == MEASURED]
    for _ in range(number):
        parts, total = list[str](), -2
        while total < length:
            parts.append(rng.choice(clean))
            total += len(parts[-1]) + 2
        text = "\n\n".join(parts)[:length]
        if kind == "attacked":
            attack = rng.choice(attacks)[: length // 2]
            middle = (length - len(attack)) // 2
            text = text[:middle] + attack + text[middle + len(attack) :]
        yield text


def _seconds(scanner: Scanner, text: str) -> float:
    started = time.process_time()
    scanner.scan(text)
    return time.process_time() - started
