"""Step 5: personal data is masked, by the settings and by what the policy obliges to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Protocol

from ..core.errors import PolicyError
from ..core.verdict import Decision, Finding, Severity, Verdict
from .passage import Passage

_MASK = "mask:"


class FoundEntity(Protocol):
    """One piece of personal data."""

    @property
    def type(self) -> str:
        """The entity type, such as ``US_SSN``."""
        ...

    @property
    def score(self) -> float:
        """Confidence in [0, 1]."""
        ...


class RedactedText(Protocol):
    """A text with its personal data masked."""

    @property
    def text(self) -> str:
        """The masked text."""
        ...

    @property
    def entities(self) -> Sequence[FoundEntity]:
        """What was masked."""
        ...


class TextRedactor(Protocol):
    """The part of the redactor that this step uses."""

    def redact_batch(
        self, texts: Sequence[str], entities: Collection[str] | None = None
    ) -> Sequence[RedactedText]:
        """Return each text masked, in order."""
        ...


class Redaction:
    """Masks passages: always ``entities``, and what each passage's obligations name."""

    def __init__(self, redactor: TextRedactor, entities: Collection[str]) -> None:
        self._redactor = redactor
        self._entities = frozenset(entities)

    def __call__(self, passages: Sequence[Passage]) -> list[Passage]:
        """Return the passages masked, in order; one batch, with the union of the obligations."""
        if not passages:
            return []
        obliged = [item for passage in passages for item in passage.obligations]
        wanted = sorted(self._entities | masked_entities(obliged))
        if not wanted:
            return list(passages)
        results = self._redactor.redact_batch([passage.text for passage in passages], wanted)
        return [_masked(passage, result) for passage, result in zip(passages, results, strict=True)]


def masked_entities(obligations: Collection[str]) -> frozenset[str]:
    """Return the entity types to mask; raise `PolicyError` for what cannot be done to a text."""
    unknown = sorted(item for item in obligations if not item.startswith(_MASK))
    if unknown:
        raise PolicyError(f"obligation '{unknown[0]}' cannot be met on a text: nothing was served")
    return frozenset(item.removeprefix(_MASK) for item in obligations)


def _masked(passage: Passage, result: RedactedText) -> Passage:
    if not result.entities:
        return passage
    counts = Counter(entity.type for entity in result.entities)
    findings = tuple(
        Finding(
            kind="pii",
            detector="redactor",
            score=max(entity.score for entity in result.entities if entity.type == name),
            severity=Severity.MEDIUM,
            evidence=f"{count} {name}",
        )
        for name, count in sorted(counts.items())
    )
    listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    reason = f"chunk {passage.chunk.id}: masked {listed}"
    verdict = Verdict(decision=Decision.REDACT, findings=findings, reasons=(reason,))
    return passage.changed(result.text, verdict)
