"""What stripping takes out and leaves, counted in characters against the injected ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...ingest.scanner import Scanner
from .metrics import Bools
from .rows import MEASURED, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Characters of one document: injected or other, and how many of each were removed."""

    injected: int
    other: int
    injected_removed: int
    other_removed: int


def count(injected: Bools, removed: Iterable[tuple[int, int]]) -> Counted:
    """Count what spans to remove do to a text with marked characters, (len(text),)."""
    gone = np.zeros(len(injected), dtype=np.bool_)
    for start, end in removed:
        gone[start:end] = True
    return Counted(
        injected=int(injected.sum()),
        other=int((~injected).sum()),
        injected_removed=int((injected & gone).sum()),
        other_removed=int((~injected & gone).sum()),
    )


def figures(counts: Sequence[Counted]) -> dict[str, Any]:
    """Sum the counts of some documents up; a share of nothing is None."""
    injected, other = sum(c.injected for c in counts), sum(c.other for c in counts)
    inside = sum(c.injected_removed for c in counts)
    outside = sum(c.other_removed for c in counts)
    touched = [c for c in counts if c.injected_removed or c.other_removed]
    return {
        "n": len(counts),
        "stripped": len(touched) / len(counts),
        "injected_removed": inside / injected if injected else None,
        "others_kept": 1 - outside / other if other else None,
        "precision": inside / (inside + outside) if inside + outside else None,
        "injected_removed_where_stripped": (
            inside / sum(c.injected for c in touched) if touched and injected else None
        ),
    }


def span_table(rows: Sequence[Row], clean: Sequence[Row], scanner: Scanner) -> list[dict[str, Any]]:
    """Strip every attack whose injected part is known, and some ``clean`` documents.

    One row a source; then all attacks, their mean over sources, and the clean documents, of which
    nothing should go.
    """
    found: dict[str, list[Counted]] = defaultdict(list)
    for row in rows:
        if row.label and row.part == MEASURED and (injected := row.injected) is not None:
            found[row.source].append(count(injected, scanner.strip(row.text).removed))
    table = [{"source": source} | figures(counts) for source, counts in sorted(found.items())]
    if table:
        every = [each for counts in found.values() for each in counts]
        table += [{"source": "mean over sources"} | _mean(table)]
        table += [{"source": "all attacks"} | figures(every)]
    untouched = [
        count(np.zeros(len(row.text), dtype=np.bool_), scanner.strip(row.text).removed)
        for row in clean
    ]
    return table + [{"source": "harmless documents"} | figures(untouched)] * bool(untouched)


def _mean(table: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = [name for name in table[0] if name not in ("source", "n")]
    known = {name: [r[name] for r in table if r[name] is not None] for name in names}
    means = {name: float(np.mean(v)) if v else None for name, v in known.items()}
    return {"n": sum(row["n"] for row in table)} | means
