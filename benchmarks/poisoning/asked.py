"""The questions of honest users: so many of those with gold, or those of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import LoadError, UsageError
from .rows import lines_of, parsed, refused

_DEFAULT = 40
_MOST = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """How many questions are asked of each family, and which ones stand for honest use.

    ``named`` empty: they are drawn from the questions with gold.
    """

    count: int = _DEFAULT
    named: tuple[str, ...] = ()


def queries_of(value: str | None) -> Queries:
    """Return what ``--queries`` means: a number, or a file with a question a line.

    A ``.jsonl`` file has objects with ``question``. Raises `UsageError` for neither, `LoadError`
    for a bad line.
    """
    if value is None:
        return Queries()
    if value.isascii() and value.isdigit():
        if not 1 <= int(value) <= _MOST:
            raise UsageError(f"--queries refused: a number from 1 to {_MOST}, or a file")
        return Queries(count=int(value))
    path = Path(value)
    if not path.is_file():
        raise UsageError("--queries refused: neither a number nor a file that exists")
    if not (questions := _read(path)):
        raise LoadError(f"'{path}' refused: it holds no questions")
    return Queries(count=len(questions), named=tuple(dict.fromkeys(questions)))


def _read(path: Path) -> Sequence[str]:
    found = []
    for number, line in lines_of(path):
        question: object = line.strip()
        if path.suffix == ".jsonl":
            question = parsed(path, number, line).get("question")
        if not isinstance(question, str) or not question.strip():
            raise refused(path, number, "'question' must be a string that is not empty")
        found.append(question)
    return found
