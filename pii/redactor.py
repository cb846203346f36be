"""The redactor: text in, masked text and entities out, whatever the length.

- INVARIANT: entities are in order, do not overlap, and count characters of the original text.
- INVARIANT: a placeholder is left as it is, so redacting an answer twice does no harm.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from ..core.errors import MissingExtraError, UsageError
from ..core.settings import PiiSettings
from .entity import Entity, Redacted
from .entity_types import SUPPORTED_TYPES
from .folding import Folded, fold
from .spans import mask, resolve
from .windows import Window, windows

if TYPE_CHECKING:
    from .presidio_engine import PresidioEngine

_MAX_BATCH_CHARS = 40_000  # bounds memory: the pipeline keeps about 5 kB a token of a batch


class Redactor:
    """Finds personal data and replaces it by ``<TYPE>``; safe to share between threads.

    Nothing heavy is loaded before the first text that is not empty.
    """

    def __init__(self, settings: PiiSettings | None = None) -> None:
        self._settings = settings or PiiSettings()
        self._types = _checked(self._settings.entities or SUPPORTED_TYPES)
        self._engine: PresidioEngine | None = None
        # spaCy pipelines and Presidio's recognizers make no promise of thread safety.
        self._lock = threading.Lock()

    @property
    def entities(self) -> tuple[str, ...]:
        """The types that are looked for when a call names none."""
        return self._types

    def redact(self, text: str, entities: Collection[str] | None = None) -> Redacted:
        """Mask the personal data of ``text`` (untrusted), of the named types or of all set.

        Raises `UsageError` for an unknown type or an empty collection. Cost is linear in length.
        """
        return self.redact_batch([text], entities)[0]

    def redact_batch(
        self, texts: Sequence[str], entities: Collection[str] | None = None
    ) -> list[Redacted]:
        """Mask many texts, faster than one by one; aligned with ``texts``."""
        types = self._types if entities is None else _checked(entities)
        folded = [fold(text) for text in texts]
        found: list[list[Entity]] = [[] for _ in texts]
        with self._lock:
            for batch in _batches(folded):
                pieces = [folded[at].text[window.start : window.end] for at, window in batch]
                for (at, window), candidates in zip(
                    batch, self._loaded().candidates(pieces, types), strict=True
                ):
                    found[at] += _placed(candidates, window, folded[at])
        return [
            mask(text, resolve(text, candidates))
            for text, candidates in zip(texts, found, strict=True)
        ]

    def _loaded(self) -> PresidioEngine:
        if self._engine is None:
            try:
                from .presidio_engine import PresidioEngine
            except ImportError as error:
                raise MissingExtraError(
                    "redaction needs Presidio and spaCy: pip install 'ragbastion[pii]'"
                ) from error
            self._engine = PresidioEngine(self._settings)
        return self._engine


def _checked(entities: Collection[str]) -> tuple[str, ...]:
    if isinstance(entities, str):
        raise UsageError("entities must be a collection of names, not one string")
    unknown = sorted(set(entities) - set(SUPPORTED_TYPES))
    if unknown:
        raise UsageError(f"unknown entity types {unknown}: known are {list(SUPPORTED_TYPES)}")
    if not entities:
        raise UsageError("no entity type is named: nothing would be masked; name one, or pass None")
    return tuple(sorted(set(entities)))


def _batches(texts: Sequence[Folded]) -> Iterator[list[tuple[int, Window]]]:
    """Yield the windows of all texts in batches of bounded size."""
    batch: list[tuple[int, Window]] = []
    chars = 0
    for at, folded in enumerate(texts):
        for window in windows(folded.text):
            batch.append((at, window))
            chars += window.end - window.start
            if chars >= _MAX_BATCH_CHARS:
                yield batch
                batch, chars = [], 0
    if batch:
        yield batch


def _placed(candidates: Sequence[Entity], window: Window, folded: Folded) -> Iterator[Entity]:
    """Yield the candidates that touch the window's core, in places of the original text."""
    for one in candidates:
        start, end = one.start + window.start, one.end + window.start
        if window.answers_for(start, end):
            place = folded.span(start, end)
            yield Entity(type=one.type, start=place[0], end=place[1], score=one.score)
