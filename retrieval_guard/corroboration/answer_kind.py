"""What kind of thing a question asks for, told from its words alone.

>>> answer_kind("How many episodes are in season four?")
<AnswerKind.NUMBER: 'number'>
"""

from __future__ import annotations

import re
from enum import StrEnum


class AnswerKind(StrEnum):
    """The kind of a short answer; English questions only, others ask for anything."""

    NUMBER = "number"
    DATE = "date"
    NAME = "name"
    YES_NO = "yes or no"
    ANY = "any"


_MEASURES = "many|much|old|tall|long|far|large|big|high|deep|fast|heavy|often"
_QUANTITIES = (
    "number|amount|population|price|cost|age|size|height|length|rate|percentage|score|total|limit"
    "|capacity"
)
_KINDS = (
    (AnswerKind.DATE, r"\b(?:when|(?:what|which) (?:year|date|day|month|century|decade))\b"),
    (
        AnswerKind.NUMBER,
        rf"\bhow (?:{_MEASURES})\b|\bwhat (?:is|was|are|were) the (?:{_QUANTITIES})\b",
    ),
    (AnswerKind.NAME, r"\b(?:who|whom|whose|where|which|what (?:city|country|state|name))\b"),
    (
        AnswerKind.YES_NO,
        r"^(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|may|must)\b",
    ),
)
_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)


def answer_kind(query: str) -> AnswerKind:
    """Return what a query (canonical form) asks for; what tells nothing asks for anything."""
    asked = query.strip().casefold()
    return next((kind for kind, found in _PATTERNS if found.search(asked)), AnswerKind.ANY)
