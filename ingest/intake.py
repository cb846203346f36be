"""The intake of a run: from a stream of loaded documents to bounded batches of candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..core.errors import InputError, RagbastionError, UsageError
from .loaders import LoadedDocument, LoadFailure
from .prepared import Candidate, candidate
from .report import Tally
from .request import IngestRequest, checked_source

_BATCH_BYTES = 16_000_000
"""A batch ends here even if it is short of documents, so that large files do not add up."""

Loaded = LoadedDocument | LoadFailure
OnFailure = Callable[[str, str, RagbastionError], None]


class Intake:
    """Reads a stream no faster than its batches are taken; notes what is refused on the way.

    A document that comes twice in one run is taken once; one whose name another document of the
    same source has already is refused.
    """

    def __init__(
        self, request: IngestRequest, collection_uid: str, tally: Tally, on_failure: OnFailure
    ) -> None:
        self._request = request
        self._uid = collection_uid
        self._tally = tally
        self._on_failure = on_failure
        self._digests: dict[tuple[str, str], str] = {}

    def batches(self, stream: Iterable[Loaded], documents: int) -> Iterator[list[Candidate]]:
        """Yield batches of at most ``documents`` candidates and about 16 MB."""
        batch: list[Candidate] = []
        size = 0
        for each in self._candidates(stream):
            batch.append(each)
            size += len(each.document.raw) + len(each.document.text)
            if len(batch) >= documents or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _candidates(self, stream: Iterable[Loaded]) -> Iterator[Candidate]:
        items = iter(stream)
        while True:
            with self._tally.timed("load"):
                item = next(items, None)
            if item is None:
                return
            if isinstance(item, LoadFailure):
                self._on_failure(item.path, item.where, item.error)
                continue
            self._tally.documents += 1
            self._tally.current = item.document
            each = candidate(item, self._request, self._uid)
            try:
                if self._is_first(each):
                    yield each
            except (InputError, UsageError) as error:
                self._on_failure(each.name, "", error)

    def _is_first(self, each: Candidate) -> bool:
        checked_source(each.source)
        digest = each.document.digest
        first = self._digests.get((each.source, each.name))
        if first is None:
            self._digests[each.source, each.name] = digest
            return True
        if first != digest:
            raise InputError(
                f"document '{each.name}' refused: this run has another one of that name from "
                f"source '{each.source}'; ingest the folder above both, or rename one"
            )
        self._tally.unchanged += 1
        return False
