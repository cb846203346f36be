"""Step 3: no source outvotes the others, and no text counts twice.

- INVARIANT: of the chosen passages at most ``source_cap`` come from any one verified source.
- INVARIANT: passages without a verified source count as one source together.
- INVARIANT: a passage is left out only for a reason that is recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..core.chunk import Integrity
from ..ingest.canonical import canonical
from .echo import echoes_query
from .passage import Passage
from .results import Dropped

DUPLICATE_COSINE = 0.9
"""Cosine from which two passages say the same.

Measured with all-MiniLM-L6-v2: of clean top tens 0.7 % of the passages have such a neighbour (0.2 %
at 0.95); of PoisonedRAG texts without the echo 24 % (NQ) and 64 % (HotpotQA) of the pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The chosen passages, best first, those left out, and how many chosen repeat the query."""

    chosen: tuple[Passage, ...]
    dropped: tuple[Dropped, ...]
    echoes: int

    def filled(self, limit: int) -> bool:
        """Tell whether no deeper candidate could improve the selection."""
        return len(self.chosen) - self.echoes >= limit


def compared(passage: Passage, query: str) -> Passage:
    """Return the passage with what `select` compares: its plain text, and whether it is an echo."""
    text = canonical(passage.chunk.text).text
    plain = " ".join(text.casefold().split())
    return replace(passage, plain=plain, echoes=echoes_query(canonical(query).text, text))


def select(passages: Sequence[Passage], *, limit: int, source_cap: int | None) -> Selection:
    """Choose up to ``limit`` passages, best first, echoes of the query behind the others.

    Passages come from `compared`. ``source_cap`` None means that only one source exists, so that a
    cap could corroborate nothing.
    """
    ranked = sorted(passages, key=lambda passage: -passage.score)
    ranked.sort(key=lambda passage: passage.echoes)
    chosen: list[Passage] = []
    dropped: list[Dropped] = []
    used: Counter[str] = Counter()
    for passage in ranked:
        refused = _refusal(passage, chosen, used, source_cap)
        if refused is None and len(chosen) < limit:
            chosen.append(passage)
            used[voice(passage)] += 1
        elif refused is not None and len(chosen) < limit:
            dropped.append(refused)
        elif passage.echoes:
            dropped.append(passage.dropped("echo", "it repeats the query nearly verbatim"))
    kept = sum(passage.echoes for passage in chosen)
    return Selection(chosen=tuple(chosen), dropped=tuple(dropped), echoes=kept)


def voice(passage: Passage) -> str:
    """Return the verified source that the passage speaks for; "" for all that have none."""
    return "" if passage.chunk.integrity is Integrity.UNVERIFIED else passage.chunk.source


def _refusal(
    passage: Passage, chosen: Sequence[Passage], used: Counter[str], source_cap: int | None
) -> Dropped | None:
    for better in chosen:
        if _same(passage, better):
            return passage.dropped("duplicate", f"it says the same as {better.chunk.id}")
    if source_cap is not None and used[voice(passage)] >= source_cap:
        reason = f"its source already gives {source_cap} passages"
        return passage.dropped("source_cap", reason)
    return None


def _same(one: Passage, other: Passage) -> bool:
    if one.plain == other.plain:
        return True
    a, b = one.chunk.vector, other.chunk.vector
    if a is None or b is None or a.shape != b.shape:
        return False
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return norms > 0 and float(a @ b) / norms >= DUPLICATE_COSINE
