r"""Lines of bytes from a stream: numbered, bounded, and handed on as soon as they are there.

>>> import io
>>> [[line.number for line in batch] for batch in read_batches(io.BytesIO(b"a\nb"), 10)]
[[1], [2]]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

_READ_BYTES = 65_536


class ByteStream(Protocol):
    """A stream that returns what is there instead of waiting until it is full."""

    def read1(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, at most one read of the system; empty at the end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line without its newline; ``data`` is None for one that was longer than the limit.

    ``number`` counts lines of the stream from 1.
    """

    number: int
    data: bytes | None


def read_batches(stream: ByteStream, max_line_bytes: int) -> Iterator[list[Line]]:
    """Yield the complete lines of each read, so that an interactive caller is answered at once.

    INVARIANT: memory stays within ``max_line_bytes`` plus one read, whatever the stream holds.
    """
    splitter = _Splitter(max_line_bytes)
    while data := stream.read1(_READ_BYTES):
        if lines := splitter.feed(data):
            yield lines
    if last := splitter.end():
        yield [last]


class _Splitter:
    """Keeps the unfinished line between reads."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._pending = bytearray()
        self._overlong = False
        self._number = 0

    def feed(self, data: bytes) -> list[Line]:
        *complete, rest = data.split(b"\n")
        lines = []
        for part in complete:
            self._extend(part)
            lines.append(self._finish())
        self._extend(rest)
        return lines

    def end(self) -> Line | None:
        return self._finish() if self._pending or self._overlong else None

    def _extend(self, part: bytes) -> None:
        if self._overlong or len(self._pending) + len(part) > self._max:
            self._overlong = True
            self._pending.clear()
        else:
            self._pending += part

    def _finish(self) -> Line:
        self._number += 1
        line = Line(number=self._number, data=None if self._overlong else bytes(self._pending))
        self._pending.clear()
        self._overlong = False
        return line
