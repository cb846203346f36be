"""The documents of the benchmark: read from a folder, sampled, and asked for their spans."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import LoadError, UsageError

MEASURED, BESIDE = "injection", "poison"
_KINDS = ("indirect", "direct", "benign", "benign_hard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One document (untrusted) of the data.

    ``part`` is `MEASURED`, or `BESIDE` for what counts in no threshold and no mean; ``label`` is 1
    if the text holds instructions aimed at the model; ``span`` is the injected substring, or empty.
    """

    part: str
    source: str
    kind: str
    label: int
    text: str
    span: str = ""

    @property
    def injected(self) -> NDArray[np.bool_] | None:
        """Which characters were injected, (len(text),); None where the data do not tell."""
        mask = np.zeros(len(self.text), dtype=np.bool_)
        place = self.text.find(self.span) if self.span else -1
        if place < 0:
            return None
        while place >= 0:
            mask[place : place + len(self.span)] = True
            place = self.text.find(self.span, place + len(self.span))
        return mask


def load_rows(data: Path) -> list[Row]:
    """Read ``data/injection/*.jsonl``, or ``data/*.jsonl`` where there is no such folder.

    What lies in ``data/poison`` is read too, as `BESIDE`. Raises `UsageError` if attacks or
    harmless texts are missing, `LoadError` if a line is not a row.
    """
    folder = data / MEASURED if (data / MEASURED).is_dir() else data
    rows = [row for path in sorted(folder.glob("*.jsonl")) for row in _read(path, MEASURED)]
    if not rows:
        raise UsageError(f"'{folder}' holds no documents: give a folder with *.jsonl files")
    for label, name in ((1, "attacks (label 1)"), (0, "harmless documents (label 0)")):
        if not any(row.label == label for row in rows):
            raise UsageError(f"'{folder}' holds no {name}: both labels are needed to measure")
    beside = sorted((data / BESIDE).glob("*.jsonl"))
    return rows + [row for path in beside for row in _read(path, BESIDE)]


def sampled(rows: Sequence[Row], each: int, seed: int) -> list[int]:
    """Return the places of at most ``each`` rows of every part, source and label, in order."""
    groups: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[row.part, row.source, row.label].append(place)
    rng = random.Random(seed)
    chosen = [rng.sample(group, min(each, len(group))) for _, group in sorted(groups.items())]
    return sorted(place for group in chosen for place in group)


def _read(path: Path, part: str) -> Iterator[Row]:
    with path.open(encoding="utf-8") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _row(line, path, number, part)
        except UnicodeDecodeError as error:
            raise LoadError(f"'{path}' refused: it is not UTF-8") from error


def _row(line: str, path: Path, number: int, part: str) -> Row:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise LoadError(f"'{path}', line {number} refused: it is not JSON") from error
    if problem := _problem(fields):
        raise LoadError(f"'{path}', line {number} refused: {problem}")
    label = int(fields["label"])
    kind = fields.get("kind") or ("indirect" if label else "benign")
    return Row(
        part=part,
        # Files beside hold many sources each; what tells them apart is the attack, their file.
        source=(fields.get("source") if part == MEASURED else None) or path.stem,
        kind=kind if part == MEASURED else ("poison" if label else "clean"),
        label=label,
        text=fields["text"],
        span=fields.get("span") or "",
    )


def _problem(fields: Any) -> str:
    if not isinstance(fields, dict):
        return "it is not a JSON object"
    if not isinstance(fields.get("text"), str):
        return "'text' must be a string"
    if fields.get("label") not in (0, 1):
        return "'label' must be 1 (holds instructions aimed at the model) or 0"
    if fields.get("kind") not in (None, "", *_KINDS):
        return f"'kind' must be one of {', '.join(_KINDS)}"
    if not isinstance(fields.get("span"), str | None):
        return "'span' must be a string"
    source = fields.get("source") or ""
    # It is printed, and a terminal would obey an escape sequence.
    good = isinstance(source, str) and source.isprintable()
    return "" if good else "'source' must be a printable string"
