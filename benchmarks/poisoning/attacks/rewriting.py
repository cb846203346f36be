"""Rewrites without a model: synonyms from a table, sentences in another order, typing errors."""

from __future__ import annotations

import random
import re

_SYNONYMS = {
    "accounts": ("reports", "records", "tellings"), "agree": ("concur", "are at one"),
    "also": ("as well", "too"), "although": ("though", "even if"), "answer": ("reply", "reading"),
    "began": ("started", "opened"), "began to": ("came to",), "book": ("volume", "work"),
    "city": ("town", "municipality"), "common": ("usual", "frequent"),
    "confirmed": ("verified", "borne out", "established"), "consists": ("is made up",),
    "contains": ("holds", "has"), "created": ("made", "devised"), "known": ("recognised", "noted"),
    "earlier": ("former", "previous"), "famous": ("well-known", "celebrated"),
    "film": ("picture", "motion picture"), "first": ("earliest", "initial"),
    "found": ("discovered", "established"), "however": ("yet", "still"),
    "important": ("notable", "significant"), "includes": ("comprises", "takes in"),
    "large": ("big", "sizeable"), "last": ("final", "latest"), "located": ("situated", "found"),
    "made": ("produced", "built"), "many": ("numerous", "a number of"), "movie": ("film",),
    "name": ("title",), "new": ("recent", "fresh"), "often": ("frequently", "commonly"),
    "people": ("persons", "folk"), "played": ("acted", "portrayed"),
    "popular": ("well-liked", "favoured"), "right": ("correct", "true"),
    "released": ("issued", "put out"), "renowned": ("famed", "noted"), "season": ("series",),
    "series": ("programme", "show"), "several": ("some", "a few"), "show": ("programme", "series"),
    "shows": ("demonstrates", "makes clear"), "since": ("from then on",), "song": ("track", "tune"),
    "sources": ("references", "authorities"), "total": ("sum", "whole"), "very": ("quite",),
    "war": ("conflict",), "was": ("had been",), "won": ("took", "gained"),
    "written": ("penned", "composed"), "wrote": ("penned", "composed"), "year": ("twelvemonth",),
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z][\w'-]*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_LEAST_TYPO = 5


def rewritten(text: str, rng: random.Random, share: float = 0.7) -> str:
    """Return the text with about ``share`` of the words of the table replaced."""

    def replaced(match: re.Match[str]) -> str:
        word = match[0]
        options = _SYNONYMS.get(word.lower())
        if options is None or rng.random() > share:
            return word
        chosen = rng.choice(options)
        return chosen.capitalize() if word[0].isupper() else chosen

    return _WORD.sub(replaced, text)


def reordered(text: str, rng: random.Random) -> str:
    """Return the sentences in another order."""
    sentences = _SENTENCE.split(text.strip())
    rng.shuffle(sentences)
    return " ".join(sentences)


def mistyped(text: str, rng: random.Random, share: float, spare: str = "") -> str:
    """Return the text with a typing error in about ``share`` of its longer words, not of ``spare``.

    The form of GARAG (Cho et al. 2024): two letters swapped, one left out, or one doubled.
    """
    spared = set(spare.casefold().split())

    def replaced(match: re.Match[str]) -> str:
        word = match[0]
        if len(word) < _LEAST_TYPO or word.casefold() in spared or rng.random() > share:
            return word
        at = rng.randrange(1, len(word) - 2)
        kind = rng.randrange(3)
        if kind == 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return word[:at] + word[at + 1 :] if kind == 1 else word[:at] + word[at] + word[at:]

    return _WORD.sub(replaced, text)
