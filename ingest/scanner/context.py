"""Context of a hit: writing that talks about attacks quotes them, and is read with less alarm.

Quoting is no passport: the discount is bounded, and holds only for a short quotation inside text
that discusses attacks.
"""

from __future__ import annotations

import re
from bisect import bisect_left

QUOTED_AND_DISCUSSED = 0.55
"""Share of its weight that a quoted hit keeps in text that discusses attacks."""
DISCUSSED = 0.75
"""Share of its weight that an unquoted hit keeps in text that discusses attacks."""
_REACH = 900
_LONGEST_QUOTE = 240
_MIN_TERMS = 2

# Words of writing about attacks; an attack that says two keeps most of its weight.
_TERMS = re.compile(
    r"\b(?:prompt[ -]injections?|jail-?break(?:s|ing|ed)?|attack(?:er|ers|s)|adversar(?:y|ies|ial)"
    r"|malicious|vulnerabilit(?:y|ies)|mitigations?|OWASP|LLM0?\d|red[ -]team(?:ing|ers)?"
    r"|exploit(?:s|ed)?"
    r"|guardrails?|threat model|security (?:research\w*|team|policy|training|awareness)"
    r"|payloads?|benchmarks?|classifiers?|detect(?:s|ion|or|ors)|defen[cs]es?|probes?"
    r"|inyecci[oó]n|atacante|vulnerabilidad\w*|inje[cç][aã]o|angreifer|angriff\w*|schwachstelle\w*"
    r"|inyecciones|atacantes|ataques?|inje[cç][oõ]es|segurança|seguridad|sicurezza|sicherheit\w*"
    r"|injections?|attacchi|attacco|attaques?|risks?|riesgos?|riscos?|rischi\w*|risiken|risiko"
    r"|attaquant|vuln[eé]rabilit[eé]s?|attaccante|vulnerabilit[aà])\b"
    r"|атак|уязвимост|злоумышленник|инъекц|攻击|攻擊|注入|漏洞|攻撃|インジェクション|脆弱性|공격|인젝션|취약"
    r"|हमला|इंजेक्शन|कमजोरी|επίθεσ|επιτιθέμεν|ευπάθει",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_PAIRS = {"“": "”", "«": "»", "„": "“", "「": "」", "‘": "’"}


class Context:
    """What stands around the hits of one text; built only when there is a hit."""

    def __init__(self, text: str) -> None:
        self._text = text
        found = [(m.start(), m[0].lower()[:6]) for m in _TERMS.finditer(text)]
        self._positions = [position for position, _ in found]
        self._terms = [term for _, term in found]
        self._fences = [match.start() for match in _FENCE.finditer(text)]

    def discount(self, start: int, end: int) -> float:
        """Return the share in (0, 1] of its weight that a hit at ``start:end`` keeps."""
        if not self._discussed(start, end):
            return 1.0
        return QUOTED_AND_DISCUSSED if self._quoted(start, end) else DISCUSSED

    def _discussed(self, start: int, end: int) -> bool:
        low = bisect_left(self._positions, start - _REACH)
        before = bisect_left(self._positions, start)
        after = bisect_left(self._positions, end)
        high = bisect_left(self._positions, end + _REACH)
        # More than a few dozen terms decide nothing that the first ones did not.
        near = (
            self._terms[max(low, before - 20) : before] + self._terms[after : min(high, after + 20)]
        )
        return len(set(near)) >= _MIN_TERMS

    def _quoted(self, start: int, end: int) -> bool:
        if bisect_left(self._fences, start) % 2 == 1:
            return True
        line_start = self._text.rfind("\n", max(0, start - _LONGEST_QUOTE), start) + 1
        line_start = max(line_start, start - _LONGEST_QUOTE, 0)
        line_end = self._text.find("\n", end, end + _LONGEST_QUOTE)
        line_end = min(end + _LONGEST_QUOTE if line_end < 0 else line_end, len(self._text))
        before, after = self._text[line_start:start], self._text[end:line_end]
        if self._text[line_start : line_start + 1] == ">":
            return True
        return _inside(before, self._text[start:end], after)


def _inside(before: str, hit: str, after: str) -> bool:
    """Tell whether the hit stands between an opening and a closing quotation mark."""
    for mark in '"`':
        if (before + hit[:1]).count(mark) % 2 == 1 and mark in hit[-1:] + after:
            return True
    for opening, closing in _PAIRS.items():
        if before.rfind(opening) > before.rfind(closing) and closing in after:
            return True
    apostrophe = re.search(r"(?:^|[\s(\[:])'[^']*$", before)
    return apostrophe is not None and re.search(r"'(?:[\s.,;:)\]]|$)", after) is not None
