"""The JSON Lines engine: one answer for each line, in order, whatever the line holds.

A line that cannot be answered gives ``{"id": null, "line": n, "error": "…"}`` and the rest go on;
the exit code tells at the end: 3 if a line failed, else 1 if one had findings, else 0.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Generic, TypeVar, cast

from ..core.errors import (
    InputError,
    LimitError,
    LoadError,
    MissingExtraError,
    RagbastionError,
    UsageError,
)
from ..gateway.contract import Fields, Scalar
from ..gateway.strict_json import checked_id, checked_text, parse_object
from .command import ExitCode
from .lines import ByteStream, Line, read_batches
from .output import json_text, write_line

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A line of ``{"id", "text"}``; ``text`` is untrusted. Other fields are ignored."""

    id: Scalar
    text: str

    @classmethod
    def parse(cls, fields: Fields) -> TextLine:
        """Check id and text, or raise `InputError`."""
        return cls(id=checked_id(fields), text=checked_text(fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class LineJob(Generic[Item]):
    """What is done with the lines.

    ``parse`` turns an object into an item or raises `InputError`; ``answer`` gives one object an
    item, in order; ``found`` says whether an answer is a finding.
    """

    parse: Callable[[Fields], Item]
    answer: Callable[[Sequence[Item]], Sequence[Fields]]
    found: Callable[[Fields], bool]


def run_lines(job: LineJob[Item], location: str, max_line_bytes: int) -> ExitCode:
    """Answer every line of a file, or of stdin for ``-``, on stdout."""
    code = ExitCode.CLEAN
    with _opened(location) as stream:
        for lines in read_batches(stream, max_line_bytes):
            for answer in _answers(job, lines, max_line_bytes):
                write_line(json_text(answer))
                code = max(code, _code(job, answer))
    return code


def _code(job: LineJob[Item], answer: Fields) -> ExitCode:
    if "error" in answer:
        return ExitCode.FAILURE
    return ExitCode.FINDINGS if job.found(answer) else ExitCode.CLEAN


def _answers(job: LineJob[Item], lines: Sequence[Line], limit: int) -> Iterator[Fields]:
    """Answer one batch in order; the good lines of it go to the job together."""
    good: list[tuple[int, Item]] = []
    bad: dict[int, Fields] = {}
    for line in lines:
        try:
            good.append((line.number, job.parse(_object(line, limit))))
        except InputError as error:
            bad[line.number] = _error(line.number, str(error))
    answers = iter(_batch(job, good))
    for line in lines:
        yield bad[line.number] if line.number in bad else next(answers)


def _object(line: Line, limit: int) -> Fields:
    if line.data is None:
        raise LimitError(f"longer than {limit} bytes (setting load.max_line_bytes)")
    return parse_object(line.data)


def _batch(job: LineJob[Item], items: Sequence[tuple[int, Item]]) -> Sequence[Fields]:
    """Answer together; if that fails, one at a time, so that one item cannot fail the others."""
    if not items:
        return []
    try:
        return job.answer([item for _, item in items])
    except (MissingExtraError, UsageError):
        raise
    # The outermost loop over untrusted lines: the failing one is found by asking each alone.
    except Exception:  # noqa: BLE001
        return [_alone(job, number, item) for number, item in items]


def _alone(job: LineJob[Item], number: int, item: Item) -> Fields:
    try:
        return job.answer([item])[0]
    except (MissingExtraError, UsageError):
        raise
    except RagbastionError as error:
        return _error(number, str(error))
    # The message of an unexpected error may quote the text, so only its type is told.
    except Exception as error:  # noqa: BLE001
        return _error(number, f"unexpected {type(error).__name__}")


def _error(number: int, message: str) -> Fields:
    return {"id": None, "line": number, "error": message}


@contextmanager
def _opened(location: str) -> Iterator[ByteStream]:
    if location == "-":
        yield cast("ByteStream", sys.stdin.buffer)
        return
    try:
        stream: BinaryIO = open(location, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise UsageError(f"'{location}' does not exist: name a file, or - for stdin") from None
    except OSError as error:
        raise LoadError(f"'{location}' cannot be read: {error.strerror}") from error
    with stream:
        yield cast("ByteStream", stream)
