"""Chunks and vectors of a batch; a document that cannot have them is refused, alone."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.chunk import Matrix, checked_matrix
from ..core.errors import InputError, VectorError
from .prepared import Candidate
from .run_parts import RunScope


class Embedding:
    """Cuts and embeds the documents of one run."""

    def __init__(self, scope: RunScope) -> None:
        self._chunker = scope.parts.chunker
        self._embedder = scope.parts.embedder
        self._promised = scope.info.embedder
        self._tally = scope.tally
        self._fail = scope.fail

    def embedded(self, batch: Sequence[Candidate]) -> list[Candidate]:
        """Give each document its pieces and vectors; return those that have them."""
        chunked = self._chunked(batch)
        with self._tally.timed("embed"):
            try:
                self._embed(chunked)
                return chunked
            except VectorError:
                # One text must not stop the batch: find it by embedding each document alone.
                return [each for each in chunked if self._embed_alone(each)]

    def _chunked(self, batch: Sequence[Candidate]) -> list[Candidate]:
        kept = []
        with self._tally.timed("chunk"):
            for each in batch:
                try:
                    each.pieces = tuple(self._chunker.split(each.document.text))
                    if not each.pieces:
                        raise InputError(
                            f"document '{each.name}' refused: it has no visible text to ingest"
                        )
                    kept.append(each)
                except InputError as error:
                    self._fail(each.name, "chunk", error)
        return kept

    def _embed_alone(self, each: Candidate) -> bool:
        try:
            self._embed([each])
        except VectorError as error:
            self._fail(each.name, "embed", error)
            return False
        return True

    def _embed(self, batch: Sequence[Candidate]) -> None:
        texts = [piece.text for each in batch for piece in each.pieces]
        if not texts:
            return
        matrix = self._matrix(texts)
        start = 0
        for each in batch:
            each.vectors = matrix[start : start + len(each.pieces)]
            start += len(each.pieces)

    def _matrix(self, texts: Sequence[str]) -> Matrix:
        vectors = self._embedder.embed(texts)
        matrix = checked_matrix(vectors, self._promised.dimension)
        if len(matrix) != len(texts):
            raise VectorError(
                f"vectors refused: {len(matrix)} for {len(texts)} texts; "
                f"the embedder {self._promised.model} lost some"
            )
        return matrix
