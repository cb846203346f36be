"""The question that a text opens with, and how much of it the text says again."""

from __future__ import annotations

import re
from dataclasses import dataclass

LEAD_CHARS = 300
"""A question is looked for in the first characters of a document or paragraph."""

_INTERROGATIVE = (
    r"(?:who|what|when|where|which|whose|whom|why|how|is|are|was|were|do|does|did|can|could|will|"
    r"would|should|has|have|had|in what|in which|on what|on which|at what|at which|from which|"
    r"for which|to which|to what|of what)"
)
_LABEL = r"(?:(?:faqs?[.:]|[a-z\d]{1,12}(?: [a-z]{1,12})?[:)])\s*)?"
"""What a page of questions puts before them: ``Q:``, ``FAQ.``, ``You asked:``."""
_QUESTION = re.compile(
    rf"\s*{_LABEL}[\"'“]?(?P<asked>{_INTERROGATIVE}\b[^?\n]{{8,250}}?(?:\?|[.,!:;|—–]|\n|$))",
    re.I,
)
_ASKED_LATE = re.compile(
    rf"\s*(?i:{_LABEL})[\"'“]?(?P<asked>(?:[^.?!\n]|\.(?!\s+[A-Z][a-z]+\b)){{12,250}}?\?)"
)
"""A sentence that asks at its end: ``The team plays in a league known as what?``."""
_INTERROGATIVE_START = re.compile(rf"{_INTERROGATIVE}\b", re.I)
_ASKING_WORD = re.compile(r"\b(?:who|whom|whose|what|which|when|where|how)\b")
_JUNCTION = re.compile(r"([^.?!\n]{12,250}?)(\s*\?\s*\.|\.)(?=[\"'“(]?[^\W\d_a-z])")
_WORD = re.compile(r"[^\W_]+")
_STOP_LIST = (
    "the a an of in on at to for by with from and or is are was were be been did do does has have "
    "had can could will would should who what when where which whose whom why how it its this that "
    "these those as not no if than then there their they he she his her you your we our i"
)
_STOP = frozenset(_STOP_LIST.split())
_BOUNDARY = re.compile(r"(?<=[^\W_])[\"'”’)]?\s+(?=[\"“(]?[A-Z0-9])")
"""Where a sentence may begin that nothing sets apart from the words before it."""

_BARE_WORDS, _BARE_STEMS, _BARE_SCORE = 4, 3, 0.6
"""What a question that nothing sets apart has at least, and what share of it is said again."""

_STEM_CHARS = 5
"""Words that share this prefix count as one: capital and capitals, compose and composer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A question at a text's start (untrusted), and where it ends.

    ``typed``: as into a search box, with a mark after it that is none of a question or heading.
    """

    asked: str
    end: int
    typed: bool = False

    @property
    def key(self) -> str:
        """The question's words alone."""
        return " ".join(_WORD.findall(self.asked.lower()))


def lead_of(text: str, answer_chars: int) -> Lead | None:
    """Return the question that a text opens with, set apart by a mark or by nothing at all."""
    marked = _marked(text[:LEAD_CHARS])
    if marked is not None and (
        marked.asked.endswith("?")
        or said_again(marked.asked, text[marked.end : marked.end + answer_chars]) >= _BARE_SCORE
    ):
        return marked
    return _bare(text, answer_chars) or marked


def glued_question(text: str) -> Lead | None:
    """Return a question that is glued to what follows it."""
    match = _JUNCTION.match(text)
    if match is None:
        return None
    if "?" not in match[2] and not _asks(match[1].lstrip("\"' “")):
        return None
    typed = match[1][:1].islower() and _INTERROGATIVE_START.match(match[1]) is not None
    return Lead(asked=match[1], end=match.end(), typed=typed)


def said_again(question: str, answer: str) -> float:
    """Return the share of a question's words, by their beginnings, that an answer says again."""
    asked = stems(question)
    return len(asked & stems(answer)) / len(asked) if len(asked) > 1 else 0.0


def stems(text: str) -> set[str]:
    """Return the beginnings of a text's content words."""
    return {
        word[:_STEM_CHARS]
        for word in _WORD.findall(text.lower())
        if word not in _STOP and (len(word) > 2 or word.isdigit())
    }


def _asks(text: str) -> bool:
    """Tell whether a text begins as a question, or as one typed with its asking word inside."""
    if _INTERROGATIVE_START.match(text):
        return True
    return text[:1].islower() and _ASKING_WORD.search(text.split(".")[0]) is not None


def _marked(text: str) -> Lead | None:
    match = _QUESTION.match(text)
    if match is None:
        late = _ASKED_LATE.match(text)
        found = late is not None and _ASKING_WORD.search(late["asked"].lower())
        return Lead(asked=late["asked"], end=late.end()) if late and found else None
    asked = match["asked"].strip()
    if asked.endswith("?") or asked[:1].islower():
        typed = asked[:1].islower() and not asked.endswith(("?", *":;|—–"))
        return Lead(asked=asked, end=match.end(), typed=typed)
    return None


def _bare(text: str, answer_chars: int) -> Lead | None:
    """Return a question that runs on into its answer, by where the answer says it again best."""
    head = text[:LEAD_CHARS]
    opens = _asks(head.lstrip())
    best, found = 0.0, None
    for boundary in _BOUNDARY.finditer(head):
        asked = head[: boundary.start()]
        if not opens and _ASKING_WORD.fullmatch(asked.split()[-1].lower()) is None:
            continue
        if len(asked.split()) >= _BARE_WORDS and len(stems(asked)) >= _BARE_STEMS:
            score = said_again(asked, text[boundary.end() : boundary.end() + answer_chars])
            if score >= _BARE_SCORE and score > best:
                best, found = score, Lead(asked=asked, end=boundary.end())
    return found
