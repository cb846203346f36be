"""Step 4: spans that instruct the model are removed, the rest is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..core.verdict import Decision, Finding, Verdict
from .passage import Outcome, Passage

STEP = "strip"

_MIN_READABLE = 3
"""Letters or digits that must remain for a passage to be worth serving."""


class Stripped(Protocol):
    """What a scanner leaves of a text."""

    @property
    def text(self) -> str:
        """The text without the removed spans."""
        ...

    @property
    def removed(self) -> tuple[tuple[int, int], ...]:
        """The removed spans, in characters of the input."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """Why the spans were removed."""
        ...


class Stripper(Protocol):
    """The part of the scanner that this step uses."""

    def strip(self, text: str, threshold: float | None = None) -> Stripped:
        """Return the text without spans that score ``threshold`` or more."""
        ...


class Stripping:
    """Strips passages; one of which nothing readable remains is dropped."""

    def __init__(self, scanner: Stripper, threshold: float) -> None:
        self._scanner = scanner
        self._threshold = threshold

    def __call__(self, passage: Passage) -> Outcome:
        """Return the passage without instructions, or why it was dropped."""
        stripped = self._scanner.strip(passage.text, self._threshold)
        if not stripped.removed:
            return passage
        if not readable(stripped.text):
            return passage.dropped(STEP, "nothing readable remains without its instructions")
        return passage.changed(stripped.text, removal_verdict(passage, stripped))


def removal_verdict(passage: Passage, stripped: Stripped) -> Verdict:
    """Return the verdict that says which spans were removed and why."""
    characters = sum(end - start for start, end in stripped.removed)
    return Verdict(
        decision=Decision.REDACT,
        score=max((finding.score for finding in stripped.findings), default=0.0),
        findings=tuple(stripped.findings),
        reasons=(
            f"chunk {passage.chunk.id}: {characters} characters that instruct the model removed",
        ),
    )


def readable(text: str) -> bool:
    """Tell whether enough letters or digits are left to read."""
    return sum(character.isalnum() for character in text) >= _MIN_READABLE
