"""How a batch came to be, for its signature: model, chunker, scanners, loaders, verdicts."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .. import __version__
from ..core.embedding import Embedder, model_digest
from .prepared import Candidate
from .provenance import BatchFacts, DocumentFacts, EmbedderFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What made a batch: the pipeline's version, which the ledger compares, and what is signed."""

    pipeline: str
    facts: BatchFacts


def batch_facts(embedder: Embedder, chunker: str, scanners: tuple[str, ...]) -> BatchFacts:
    """Return what is the same for every document of a run, and the time.

    The first call reads the model's files for their digest.
    """
    identity = embedder.identity
    return BatchFacts(
        ingested_at=int(time.time()),
        embedder=EmbedderFacts(
            model=identity.model, dimension=identity.dimension, digest=model_digest(embedder)
        ),
        chunker=chunker,
        scanners=scanners,
    )


def document_facts(each: Candidate) -> DocumentFacts:
    """Return which loader read a candidate, and its verdict without what it quotes."""
    return DocumentFacts(
        loader=f"{each.document.media_type}@{__version__}",
        decision=each.verdict.decision.value,
        kinds=tuple(sorted({finding.kind for finding in each.verdict.findings})),
    )
