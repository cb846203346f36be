"""A page of questions: many of one new source about one subject, each asked once.

What opens a poisoned document is the question that it is for. A page of questions has the same
form, but asks many things about one subject; the questions that somebody wants answered wrongly are
of unlike subjects, or one question in many wordings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from .questions import Lead, stems
from .signal import SignalInput

LEAST_ENTRIES = 6
"""A source that brings five documents for a question it targets has fewer."""

COHERENT = 0.15
"""Mean cosine of a page's entries: .2 and more of pages of questions of one house, .02 to .06 of
questions of unlike subjects (all-MiniLM-L6-v2)."""

_ALIKE = 0.6
"""Two questions that share so many of their words are one."""


def page_entries(batch: Sequence[SignalInput], leads: Sequence[Lead | None]) -> list[list[int]]:
    """Return places of what each source in probation may have brought as a page of questions."""
    by_source: dict[str, list[int]] = defaultdict(list)
    for at, (each, lead) in enumerate(zip(batch, leads, strict=True)):
        if lead and each.probation:
            by_source[each.source].append(at)
    pages = [_asked_once(places, leads) for places in by_source.values()]
    return [page for page in pages if len(page) >= LEAST_ENTRIES]


def faq_entries(batch: Sequence[SignalInput], leads: Sequence[Lead | None]) -> set[int]:
    """Return the places of those pages that keep to a subject; without vectors, of none."""
    return {
        at
        for page in page_entries(batch, leads)
        for at in page
        if _coherence(batch, page) >= COHERENT
    }


def _asked_once(places: Sequence[int], leads: Sequence[Lead | None]) -> list[int]:
    asked = {at: stems(lead.asked) for at in places if (lead := leads[at]) is not None}
    again: set[int] = set()
    for one, other in combinations(asked, 2):
        both = asked[one] | asked[other]
        if not both or len(asked[one] & asked[other]) >= _ALIKE * len(both):
            again.update((one, other))
    return [at for at in asked if at not in again]


def _coherence(batch: Sequence[SignalInput], places: Sequence[int]) -> float:
    """Return the mean cosine of the first passages of some documents, -1 if one has no vector."""
    vectors = [batch[at].vectors for at in places]
    firsts = [each[0] for each in vectors if each is not None and len(each)]
    if len(firsts) < len(places):
        return -1.0
    rows = np.stack(firsts).astype(np.float32)
    count = len(rows)
    return float(((rows @ rows.T).sum() - count) / (count * (count - 1)))
