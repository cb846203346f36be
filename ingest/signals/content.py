"""What a passage says, as sets of hashed words: all with content, and the facts."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

_STEM_CHARS = 6
"""Words with this prefix in common count as one: compose, composer, composed."""

MOST_WORDS = 192
_TEXT_CHARS = 20_000
_WORD = re.compile(r"[^\W_]+")
# A capital at a sentence's start says nothing.
_FACT = re.compile(r"(?<![.!?]\s)(?<!\A)\b[A-Z][\w'’-]+|\b\d[\d.,]*\d|\b\d")
STOP_WORDS = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "by",
        "with",
        "from",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "did",
        "do",
        "does",
        "has",
        "have",
        "had",
        "can",
        "could",
        "will",
        "would",
        "should",
        "who",
        "what",
        "when",
        "where",
        "which",
        "whose",
        "whom",
        "why",
        "how",
        "it",
        "its",
        "this",
        "that",
        "these",
        "those",
        "as",
        "not",
        "no",
        "if",
        "than",
        "then",
        "there",
        "their",
        "they",
        "he",
        "she",
        "his",
        "her",
        "you",
        "your",
        "we",
        "our",
        "i",
        "also",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Hashes of a passage's content words and, among them, of its names and numbers."""

    words: frozenset[int]
    facts: frozenset[int]

    def overlap(self, other: Content) -> float:
        """Return the share of the shorter one's words that both have."""
        least = min(len(self.words), len(other.words))
        return len(self.words & other.words) / least if least else 0.0


@lru_cache(maxsize=4_096)
def content_of(text: str) -> Content:
    """Return a passage's content; of a long one the 192 words with the smallest hashes."""
    text = text[:_TEXT_CHARS]
    words = {
        _hash(word)
        for word in _WORD.findall(text.lower())
        if word not in STOP_WORDS and (len(word) > 2 or word.isdigit())
    }
    kept = frozenset(sorted(words)[:MOST_WORDS]) if len(words) > MOST_WORDS else frozenset(words)
    facts = {_hash(part) for fact in _FACT.findall(text) for part in _WORD.findall(fact.lower())}
    return Content(words=kept, facts=kept & facts)


def _hash(word: str) -> int:
    # CRC rather than `hash`: a run must measure the same in every process.
    return zlib.crc32(word[:_STEM_CHARS].encode())
