"""What a signal sees of a document, and what it says of it.

>>> from ragbastion.ingest.signals import SignalInput
>>> SignalInput(document="a.txt", source="wiki", text="The harbour opens at six.").probation
False
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ...core.chunk import Matrix
from ...core.verdict import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalInput:
    """A document as the signals see it: its visible text (untrusted) and where it came from.

    ``pieces`` are its chunks' texts and ``vectors`` theirs, (n, d), once it is embedded. ``at`` is
    when it came in, in seconds since the epoch; ``probation`` that its source is new and that
    nobody has vouched for it; ``digest`` the SHA-256 of its bytes, where it has some.
    """

    document: str
    source: str
    text: str
    pieces: tuple[str, ...] = ()
    vectors: Matrix | None = None
    at: float = 0.0
    probation: bool = False
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a signal measured of one document: a score in [0, 1], and why in one sentence.

    ``span`` is in characters of the document's text. ``decision`` is what this document gets where
    it is other than what the signal's documents usually get.
    """

    score: float
    why: str = ""
    span: tuple[int, int] | None = None
    decision: Decision | None = None


NOTHING = Reading(score=0.0)


class Signal(Protocol):
    """Measures one thing about each document of a batch."""

    @property
    def name(self) -> str:
        """The finding's kind is ``outlier.<name>``."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever a score may."""
        ...

    @property
    def threshold(self) -> float:
        """The score from which a document is reported."""
        ...

    @property
    def decision(self) -> Decision:
        """What a reported document gets."""
        ...

    def measure(self, batch: Sequence[SignalInput]) -> list[Reading]:
        """Return one reading a document, in order."""
        ...
