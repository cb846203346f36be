"""What corroboration costs a query, among candidates of collections of several sizes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from ragbastion.core.settings_retrieval import RetrievalSettings
from ragbastion.core.store import Hit
from ragbastion.retrieval_guard.corroboration import CollectionFacts, Corroborator, Standing
from ragbastion.retrieval_guard.corroboration.voices import established_of, heads_of
from ragbastion.retrieval_guard.crowd import Crowd

from .collection import NOW, Collection
from .texts import WordVectors

CANDIDATES = 40
LIMIT = 10
OWN, SAME = "own", "same"
"""The candidates that are nearest in a collection, and those nearest in the largest."""

NEW_SHARE = 20
"""One source in so many is in probation."""

_SETTINGS = RetrievalSettings()
Row = dict[str, Any]


class Asked:
    """A collection as retrieval knows it: its sources, and who of them is established."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._standings = {
            name: Standing(name, opened_at=NOW if at % NEW_SHARE == 0 else 0.0)
            for at, name in enumerate(f"s{at}" for at in range(collection.sources))
        }
        self._facts = CollectionFacts(now=NOW, founded=-1e9, sources=collection.sources)
        started = time.process_time()
        known = established_of(self._standings.values(), self._facts, _SETTINGS)
        self._established = frozenset(each.source for each in known)
        voices = len(set(heads_of(known).values()))
        self.read_ms = 1000 * (time.process_time() - started)
        assert voices == len(known)
        self.taken: dict[str, list[float]] = {}
        self.cosines: list[float] = []

    def ask(self, question: str, hits: Sequence[Hit], kind: str) -> None:
        """Corroborate 40 candidates, and ask who can still be heard."""
        texts = [str(hit.point.payload["text"]) for hit in hits]
        vectors = np.stack([hit.point.vector for hit in hits])
        scores = [hit.score for hit in hits]
        names = list(self._standings)
        sources = [self._standings[names[int(hit.point.id) % len(names)]] for hit in hits]
        started = time.process_time()
        said = Corroborator(question, limit=LIMIT, settings=_SETTINGS, facts=self._facts)(
            texts, vectors, scores, sources
        )
        corroborated = time.process_time()
        self._decided(hits, {each.voice.name for each in said.passages if each.voice.established})
        ended = time.process_time()
        self.taken.setdefault(kind, []).append(1000 * (ended - started))
        self.taken.setdefault("second search", []).append(1000 * (ended - corroborated))
        if kind == OWN:
            self.cosines.append(float((vectors @ vectors.T).mean()))

    def _decided(self, hits: Sequence[Hit], heard: set[str]) -> None:
        """Decide on further searches as the funnel does; it has three of them at most."""
        crowd = Crowd(self._established, CANDIDATES)
        crowd.note(hits)
        if crowd.is_strange:
            crowd.unheard(heard, loud=True)


def measure_queries(collections: Sequence[Collection], queries: int) -> list[Row]:
    """Ask the same questions of each size in turn; the order moves on with each."""
    asked = [Asked(collection) for collection in collections]
    questions = (collections[0].texts.questions * queries)[: queries + 1]
    vectors = WordVectors().embed(questions)
    # Exact: the candidates are to be as much alike as those of a store that misses none.
    found = [each.nearest(vectors, CANDIDATES) for each in collections]
    for at, question in enumerate(questions):
        for which in range(len(asked)):
            place = (at + which) % len(asked)
            asked[place].ask(question, found[place][at], OWN)
            asked[place].ask(question, found[-1][at], SAME)
    return [_row(each) for each in asked]


def _row(each: Asked) -> Row:
    # The first query compiles and fills what all later ones find.
    own, same = each.taken[OWN][1:], each.taken[SAME][1:]
    second = each.taken["second search"][1:]
    started = time.process_time()
    Crowd(each._established, CANDIDATES).unheard(set(), loud=False)
    crowded = 1000 * (time.process_time() - started)
    return {
        "vectors": each.collection.count,
        "sources": each.collection.sources,
        "corroborate, ms": statistics.median(own),
        "p95, ms": float(np.percentile(own, 95)),
        "corroborate the same, ms": statistics.median(same),
        "of it second search, ms": statistics.median(second),
        "a crowded query more, ms": crowded,
        "sources read anew, ms": each.read_ms,
        "mean cosine of candidates": statistics.fmean(each.cosines),
    }
