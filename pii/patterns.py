"""Patterns of personal data that Presidio's own recognizers miss or over-mark.

Each rule yields (start, end, score). Scores: 1.0 a checksum held, 0.85 an unmistakable shape, below
that a shape with a naming word. Quantifiers are bounded, so a rule is linear in its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

Found = Iterator[tuple[int, int, float]]
Rule = Callable[[str], Found]


def _pattern(regex: str, score: float, flags: int = re.IGNORECASE) -> Rule:
    """Make a rule of a regular expression that finds its group ``pii``, or all of its match."""
    compiled = re.compile(regex, flags)
    group = "pii" if "pii" in compiled.groupindex else 0

    def find(text: str) -> Found:
        for match in compiled.finditer(text):
            yield match.start(group), match.end(group), score

    return find


# -- numbers with a checksum -------------------------------------------------------------------

_CARD_RUN = re.compile(r"(?<![\d.+])\d[\d -]{10,}\d")
_CARD_SHAPE = re.compile(r"\d+(?:[ -]{1,2}\d+)*")
_DIGIT_GROUP = re.compile(r"\d+")
_CARD_WORD = re.compile(
    r"(?:\bcards?\b|credit|debit|visa|master ?card|amex|american express|discover|maestro|"
    r"diners|\bjcb\b|\bcc\b|\bpan\b)[^\n]{0,40}$",
    re.IGNORECASE,
)
_CARD_CONTEXT_CHARS = 60
_MAX_CARD_GROUPS = 5


def _cards(text: str) -> Found:
    """Yield card numbers of each run of digits: those whose checksum holds before the others."""
    for run in _CARD_RUN.finditer(text):
        groups = [match.span() for match in _DIGIT_GROUP.finditer(text, *run.span())]
        certain = list(_cards_in(text, groups, 1.0))
        yield from certain
        left = [g for g in groups if not any(start <= g[0] < end for start, end, _ in certain)]
        yield from _cards_in(text, left, 0.6)


def _cards_in(text: str, groups: list[tuple[int, int]], least: float) -> Found:
    """Yield the longest runs of whole groups that score at least ``least``."""
    first = 0
    while first < len(groups):
        for last in range(min(len(groups), first + _most_groups(groups[first])), first, -1):
            start, end = groups[first][0], groups[last - 1][1]
            lengths = tuple(stop - begin for begin, stop in groups[first:last])
            score = _card_score(text, start, end, lengths)
            if score >= least:
                yield start, end, score
                first = last - 1
                break
        first += 1


def _most_groups(first: tuple[int, int]) -> int:
    """Return how many groups a card that starts with this one can have."""
    length = first[1] - first[0]
    if length == 4:
        return _MAX_CARD_GROUPS
    return 1 if 12 <= length <= 19 else 0


def _card_score(text: str, start: int, end: int, lengths: tuple[int, ...]) -> float:
    if not 12 <= sum(lengths) <= 19 or not _grouped_like_a_card(lengths):
        return 0.0
    if not _CARD_SHAPE.fullmatch(text, start, end):
        return 0.0
    digits = "".join(char for char in text[start:end] if char.isdigit())
    if len(digits) != sum(lengths):
        return 0.0  # a number between the groups is another card's
    issuer = digits[0] in "3456" or digits[:4] in {"1800", "2131"} or "2221" <= digits[:4] <= "2720"
    if issuer and luhn(digits):
        return 1.0
    if lengths in {(4, 4, 4, 4), (4, 6, 5)}:
        return 0.6  # the grouping of a card, with a wrong digit or an invented number
    named = _CARD_WORD.search(text, max(0, start - _CARD_CONTEXT_CHARS), start)
    return 0.6 if named else 0.0


def _grouped_like_a_card(lengths: tuple[int, ...]) -> bool:
    """Whether groups are as cards print them, so that two SSNs are never one card."""
    return len(lengths) == 1 or (lengths[0] == 4 and all(3 <= one <= 6 for one in lengths[1:]))


def luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit (ISO/IEC 7812-1)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


# -- addresses of the net ----------------------------------------------------------------------

_LOCAL = frozenset("!#$%&'*+-.~_")
_DOMAIN = re.compile(
    r"(?:[\w-]{1,63}\.){1,8}(?:[^\W\d_]{2,24}(?![^\W\d_])|xn--[\w-]{1,59})|\[[\d.:a-f]{3,45}\]"
)


def _emails(text: str) -> Found:
    """Expand around each @, which is linear where a pattern for the local part is not."""
    floor = 0
    at = text.find("@")
    while at >= 0:
        start = at
        while start > floor and (text[start - 1].isalnum() or text[start - 1] in _LOCAL):
            start -= 1
        while start < at and not (text[start].isalnum() or text[start] == "_"):
            start += 1
        domain = _DOMAIN.match(text, at + 1)
        if domain and start < at:
            yield start, domain.end(), 1.0
            floor = domain.end()
        at = text.find("@", at + 1)


# Top-level domains that are not also file endings or English words: `setup.py` and `fine.It` stay.
_TLDS = (
    "com|org|net|edu|gov|mil|int|info|biz|io|co|uk|de|fr|nl|eu|ca|au|nz|jp|cn|br|ru|es|ch|se|fi|dk|"
    "ie|pt|gr|cz|mx|ar|za|kr|tr|ua|app|dev|shop|online|site|tech|xyz|club|store|cloud|blog"
)
_URL_TAIL = r"(?:[/?#][^\s<>\"'`]{0,2000})?"
_URLS = re.compile(
    r"(?:https?|ftp)://[^\s<>\"'`]{2,2000}"
    rf"|\bwww\d{{0,2}}\.[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,5}}{_URL_TAIL}"
    rf"|(?<![\w@.-])(?:[a-z0-9-]{{1,63}}\.){{1,5}}(?:{_TLDS})(?![\w@-])(?!\.\w){_URL_TAIL}",
    re.IGNORECASE,
)


def _urls(text: str) -> Found:
    for match in _URLS.finditer(text):
        end = match.start() + len(match.group().rstrip(".,;:!?)]}'\""))
        yield match.start(), end, 0.6


# -- the table ---------------------------------------------------------------------------------

_NUMBER_WORD = r"(?:\s{0,2}(?:number|num|no\.?|nr\.?|id|#))?"
_IS = r"[^\w\n]{0,4}(?:is|was|are|=)?[^\w\n]{0,4}"
_STREET = (
    "street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|square|sq|place|pl|"
    "terrace|ter|way|parkway|pkwy|highway|hwy|circle|cir|trail|trl|loop|alley|plaza|crescent|close|"
    "row|mews|walk|grove|gardens?|rue|straße|strasse|weg|platz|via|calle|rua"
)
_UNIT = r"(?:apt|apartment|suite|ste|unit|flat|room|rm|floor|fl|box)\.?\s{0,2}#?\s{0,2}\w{1,6}"
_PLACE_TAIL = (
    r"(?:\s{0,2},?\s{1,2}[A-Z][\w'.-]{1,30}(?:\s[A-Z][\w'.-]{1,30}){0,2}\s{0,2},?)?"
    r"(?:\s{0,2},?\s{0,2}\b[A-Z]{2}\b)?(?:\s{0,2},?\s{0,2}\b\d{5}(?:-\d{4})?\b)?"
)

_NAME = r"(?:[A-ZÀ-ÖØ-Þ]\.|[A-ZÀ-ÖØ-Þ][^\W\d_]{1,30}(?:['-][^\W\d_]{1,30})?)"

RULES: Mapping[str, tuple[Rule, ...]] = {
    # Presidio leaves out published sample numbers (123-45-6789) and wants context for most forms;
    # a guard that passes on whatever looks like an SSN is worse than one that masks a part number.
    "US_SSN": (
        _pattern(
            r"(?<!\d)(?<!\d[-.])\d{3}(?P<sep> ?[-./] ?|  ?)\d{2}(?P=sep)\d{4}(?!\d)(?![-.]\d)", 0.85
        ),
        _pattern(
            r"(?:\bssns?\b|\bs\.s\.n\b|social\s{1,3}security|\bsoc\.?\s{0,2}sec\b)[^\d\n]{0,40}"
            r"(?P<pii>\d{9}|\d{5}[- ]\d{4}|\d{3}[- ]\d{6}|\d{3}[- ]\d{3}[- ]\d{3})(?!\d)",
            0.8,
        ),
    ),
    "CREDIT_CARD": (_cards,),
    "EMAIL_ADDRESS": (_emails,),
    "URL": (_urls,),
    "PHONE_NUMBER": (
        _pattern(
            r"(?<![\w.])(?<!\d-)(?:(?:\+|00)?1[-. ]{0,2})?"
            r"(?:\(\d{3}\)[-. ]{0,2}|\d{3}[-. ])\d{3}[-. ]\d{4}"
            r"(?:[ ,]{0,2}(?:x|ext\.?|extension)[ :]{0,2}\d{1,6})?(?!\d)",
            0.75,
        ),
        _pattern(r"(?<![\w+])(?:\+|00)\d{1,3}(?:[-. ()/]{0,2}\d){6,13}(?!\d)", 0.7),
        _pattern(
            r"\b(?:tele)?(?:phone|tel|mobile|cell|fax|whatsapp|call|dial|text)\b"
            r"[^\d\n+(]{0,25}\n?[^\d\n+(]{0,4}"
            r"(?P<pii>[+(]{0,2}\d(?:[-. ()/x]{0,2}\d){6,14})(?!\d)",
            0.5,
        ),
        _pattern(
            r"(?<![\w.])(?P<pii>[(]?\d(?:[-. ()]{0,2}\d){6,13})[- ]{1,3}"
            r"(?:office|fax|mobile|cell|home|work|desk)\b",
            0.5,
        ),
    ),
    "IBAN_CODE": (
        _pattern(
            rf"\biban\b{_NUMBER_WORD}{_IS}"
            r"(?P<pii>[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)\b",
            0.6,
        ),
    ),
    "US_DRIVER_LICENSE": (
        _pattern(
            r"(?:\bdriv(?:er'?s?'?|ing)\s{1,2}(?:licen[sc]e|permit|lic)\b|\bDL\b|\blicen[sc]e\s{0,2}(?:number|no\b|#))"
            r"[^\d\n]{0,20}?(?P<pii>\b[A-Z]{0,3}\d[A-Z0-9-]{4,16})\b",
            0.65,
        ),
    ),
    "US_BANK_NUMBER": (
        _pattern(
            rf"\b(?:bank\s{{1,2}}account|account|acct\.?|routing|aba){_NUMBER_WORD}{_IS}"
            r"(?P<pii>\d(?:[ -]?\d){5,16})(?!\d)",
            0.8,
        ),
    ),
    # A form of address before a name finds what the pipeline misses of other scripts and spellings.
    "PERSON": (
        _pattern(
            r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Madam)\b\.?\s{1,2}"
            rf"(?P<pii>{_NAME}(?:\s{_NAME}){{0,2}})",
            0.6,
            0,
        ),
        _pattern(rf"\b(?i:my name is|i am called)\s(?P<pii>{_NAME}(?:\s{_NAME}){{0,2}})", 0.6, 0),
    ),
    "AGE": (
        _pattern(r"(?<![\w.])(?P<pii>\d{1,3}(?:-|\s)(?:years?|yrs?)(?:-|\s)old)\b", 0.7),
        _pattern(
            r"\b(?:aged|age\s{0,2}[:=]|age(?:\s{1,2}(?:of|is)))\s{0,2}(?P<pii>\d{1,3})(?![\w%])",
            0.6,
        ),
        _pattern(
            r"\b(?:I'm|I am|he is|she is|he's|she's|turn(?:ed|ing|s)?)\s"
            r"(?P<pii>\d{2})(?![\w%:.,/-]\w|[%\w])",
            0.5,
        ),
    ),
    "LOCATION": (
        _pattern(
            rf"\b\d{{1,6}}[A-Za-z]?,?\s{{1,2}}(?:[^\W\d_][\w'.-]{{0,30}}\s{{1,2}}){{0,4}}(?:{_STREET})\b\.?"
            rf"(?:\s{{0,2}},?\s{{0,2}}{_UNIT})?(?-i:{_PLACE_TAIL})",
            0.6,
        ),
        _pattern(
            rf"\b\d{{1,6}},?\s{{1,2}}(?:[\w'.-]{{1,30}}\s{{1,2}}){{1,5}}{_UNIT}(?-i:{_PLACE_TAIL})",
            0.6,
        ),
        _pattern(r"\bP\.?\s?O\.?\s?Box\s{1,2}\d{1,6}\b", 0.8),
        _pattern(r"\bzip(?:\s?code)?[^\w\n]{0,4}(?:is\s)?(?P<pii>\d{5}(?:-\d{4})?)\b", 0.7),
        _pattern(r"\b[A-Z]{2}\s\d{5}(?:-\d{4})?\b", 0.6, 0),
        _pattern(r"\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b", 0.6, 0),
    ),
}
"""The rules of each type that is found here."""

_CONCRETE_DATE = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\b|\b(?:1[89]|20)\d\d\b|\d[-/.:]\d",
    re.IGNORECASE,
)


def is_concrete_date(text: str) -> bool:
    """Whether a date says a day, month or year that could tell a person apart."""
    return bool(_CONCRETE_DATE.search(text)) and any(char.isdigit() for char in text)
