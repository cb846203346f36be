"""Step 3: no source outvotes the others, and no text counts twice.

- INVARIANT: of the chosen passages at most ``source_cap`` come from any one verified source.
- INVARIANT: passages without a verified source count as one source together.
- INVARIANT: a source's passage never makes way for another source's only because they are near each
  other: a swapped fact is near the truth, and whoever ranks first would silence the other.
- Of sources that say much the same, no more are heard than one source may give passages: five
  sources of one author say much the same. One source alone never silences another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..core.chunk import Integrity
from ..ingest.canonical import canonical
from .echo import echoes_query
from .passage import Passage
from .results import Dropped

REPEATED_COSINE = 0.9
"""From here two passages of one source are one passage.

Measured with all-MiniLM-L6-v2 over 10,125 clean passages: costs 0.2 % of clean top tens and no gold
passage; keeps one source from filling the quota of likeness against the truth (gold kept under
attack 0.97 instead of 0.87)."""

ALIKE_COSINE = 0.75
"""From here two passages say much the same.

Measured likewise: costs 0.6 % of clean top tens and no gold passage. Five sources of PoisonedRAG
texts without the echo reach a majority of five passages for 40 % (NQ) and 9 % (HotpotQA) of the
questions, and for all of them without this limit."""


_WORD = re.compile(r"\w+")


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
    plain = " ".join(_WORD.findall(text.casefold()))
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
    alike: set[str] = set()
    for better in chosen:
        near = _cosine(passage, better)
        own = voice(passage) == voice(better)
        if passage.plain == better.plain or (own and near >= REPEATED_COSINE):
            return passage.dropped("duplicate", f"it says the same as {better.chunk.id}")
        if near >= ALIKE_COSINE and not own:
            alike.add(voice(better))
    if source_cap is None:
        return None
    if used[voice(passage)] >= source_cap:
        return passage.dropped("source_cap", f"its source already gives {source_cap} passages")
    if len(alike) >= source_cap:
        return passage.dropped("alike", f"{len(alike)} other sources say much the same")
    return None


def _cosine(one: Passage, other: Passage) -> float:
    a, b = one.chunk.vector, other.chunk.vector
    if a is None or b is None or a.shape != b.shape:
        return 0.0
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms else 0.0
