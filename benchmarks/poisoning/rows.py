"""The rows of the data: clean passages and poison, every field checked, faults with their line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import LoadError, UsageError

FOLDER = "poison"
CLEAN, ATTACK = "clean_*.jsonl", "poison_*.jsonl"
_NEEDED = ("id", "source", "text")
_TEXTS = (
    "attack", "question", "correct_answer", "incorrect_answer", "split", "crafted", "title", "url",
    "domain", "qid", "trigger",
)  # fmt: skip
_PRINTED = ("id", "source", "attack", "domain", "qid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One document (untrusted) of a file.

    ``attack`` is empty for clean rows. ``question`` is what the document answers (clean, where
    ``gold``) or is aimed at (poison); poison without one is aimed at whatever is asked.
    ``publisher`` is what tells who wrote a clean row apart: title, domain, question id or id.
    """

    file: str
    id: str
    source: str
    text: str
    label: int
    attack: str = ""
    question: str = ""
    correct: str = ""
    incorrect: str = ""
    crafted: str = ""
    trigger: str = ""
    gold: bool = False
    title: str = ""
    publisher: str = ""


def find_files(data: Path) -> tuple[list[Path], list[Path]]:
    """Return the clean and the attack files of ``data/poison``, or of ``data`` itself.

    Raises `UsageError` where neither folder has clean files.
    """
    for folder in (data / FOLDER, data):
        if clean := sorted(folder.glob(CLEAN)):
            return clean, sorted(folder.glob(ATTACK))
    raise UsageError(
        f"'{data}' holds no passages: give a folder with {CLEAN} (or {FOLDER}/{CLEAN}), "
        "or name files with --clean"
    )


def load_rows(paths: Sequence[Path], label: int) -> list[Row]:
    """Read files whose rows all have one label (1: poison).

    Raises `LoadError` for a line that is no such row, and for an id that stands in a file twice.
    """
    return [row for path in paths for row in _read(path, label)]


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of every line that is not blank; `LoadError` if it is not UTF-8."""
    try:
        # Only \n ends a line: texts hold Unicode line separators.
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise LoadError(f"'{path}' refused: it is not UTF-8") from error
    except OSError as error:
        raise LoadError(f"'{path}' cannot be read: {error.strerror}") from error


def parsed(path: Path, number: int, line: str) -> dict[str, Any]:
    """Return the JSON object of a line; `LoadError` names file and line if it is none."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise refused(path, number, "it is not JSON") from error
    if not isinstance(fields, dict):
        raise refused(path, number, "it is not a JSON object")
    return fields


def refused(path: Path, number: int, problem: str) -> LoadError:
    """Return the error of a bad line."""
    return LoadError(f"'{path}', line {number} refused: {problem}")


def _read(path: Path, label: int) -> Iterator[Row]:
    seen: dict[str, int] = {}
    for number, line in lines_of(path):
        fields = parsed(path, number, line)
        if problem := _problem(fields, label):
            raise refused(path, number, problem)
        if (first := seen.setdefault(fields["id"], number)) != number:
            raise refused(path, number, f"'id' stands on line {first} already")
        yield _row(path.stem, fields)
    if not seen:
        raise LoadError(f"'{path}' refused: it holds no rows")


def _problem(fields: dict[str, Any], label: int) -> str:
    problems = (
        *(f"'{name}' must be a string" for name in _NEEDED if not _is_text(fields.get(name))),
        *(f"'{name}' must be a string" for name in _TEXTS if not _is_text(fields.get(name, ""))),
        *_faults(fields, label),
    )
    return next(iter(problems), "")


def _faults(fields: dict[str, Any], label: int) -> Iterable[str]:
    for name in ("id", "text"):
        if isinstance(fields.get(name), str) and not fields[name].strip():
            yield f"'{name}' is empty"
    # They are printed, and a terminal would obey an escape sequence.
    for name in _PRINTED:
        if isinstance(fields.get(name), str) and not fields[name].isprintable():
            yield f"'{name}' must be printable"
    if any(_has_surrogate(value) for value in fields.values() if isinstance(value, str)):
        yield "a lone surrogate is no text"
    # `True == 1`, and a truth value is no label.
    if isinstance(fields.get("label"), bool) or fields.get("label") != label:
        yield f"'label' must be {label} ({'poison' if label else 'clean'}) in this file"
    if not isinstance(fields.get("gold", False), bool):
        yield "'gold' must be true or false"
    if fields.get("gold") and not fields.get("question"):
        yield "a gold row needs the 'question' that it answers"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _row(file: str, fields: dict[str, Any]) -> Row:
    return Row(
        file=file,
        id=fields["id"],
        source=fields["source"],
        text=fields["text"],
        label=fields["label"],
        attack=fields.get("attack", ""),
        question=fields.get("question", ""),
        correct=fields.get("correct_answer", ""),
        incorrect=fields.get("incorrect_answer", ""),
        crafted=fields.get("crafted", ""),
        trigger=fields.get("trigger", ""),
        gold=fields.get("gold", False),
        title=fields.get("title", ""),
        publisher=next(
            (fields[n] for n in ("title", "domain", "qid", "id") if fields.get(n)), fields["id"]
        ),
    )
