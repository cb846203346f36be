"""The honest texts that the signals' models are fitted on, by source."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

Texts = dict[str, list[str]]


def clean_texts(data: Path) -> Texts:
    """Return the clean texts of ``poison/`` and ``injection/`` by file, other languages apart."""
    texts: Texts = defaultdict(list)
    for path in sorted(data.glob("poison/clean_*.jsonl")):
        texts[path.stem] = [row["text"] for row in _rows(path)]
    for path in sorted(data.glob("injection/*.jsonl")):
        for row in _rows(path):
            if row["label"] == 0:
                name = path.stem if row["lang"] == "en" else f"{path.stem}, {row['lang']}"
                texts[name].append(row["text"])
    return {name: kept for name, kept in texts.items() if kept}


def poison_texts(data: Path) -> Texts:
    """Return the poison texts by file."""
    return {
        path.stem: [row["text"] for row in _rows(path)]
        for path in sorted(data.glob("poison/poison_*.jsonl"))
    }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        return [json.loads(line) for line in lines]
