"""Whether a text is in a language that the window model was not taught, by its function words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

_LEAST_SHARE = 0.15
_FUNCTION_WORDS = {
    "da": "og i at det er en til på som med de den af for ikke der var han et har om",
    "fi": "ja on ei se että oli hän mutta joka ovat myös kuin tai sen mitä kun ole hänen",
    "fr": "le la les et est un une dans que qui pour par sur du au de il ne pas des en se plus",
    "hu": "a az és hogy nem is egy van volt meg ez de csak már azt ha még el mint ki",
    "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga adalah ke karena",
    "it": "il di che e la per non sono da della un una del in è con si le lo gli",
    "la": "et in est non ad ut cum quod qui ex sed si quae per atque ab nec esse",
    "nl": "de het een en van in is dat op te zijn met voor niet aan er door als bij ook",
    "no": "og i det er en til på som med de den av for ikke der var han et har om",
    "pl": "i w na nie się z do to że jest jak o za ale po przez od dla co był",
    "pt": "o a os as de que e do da em um uma para com não por mais dos das no na ao",
    "sv": "och i att det är en till på som med de den av för inte där var han ett har om",
    "cs": "a v na se že je to z o do s ale jako za by pro po tak jsou byl který",
    "sw": "ya na wa kwa ni katika la za kuwa hii cha kama hiyo yake watu kutoka",
}  # fmt: skip
_LISTS = {name: frozenset(words.split()) for name, words in _FUNCTION_WORDS.items()}
_ENGLISH = frozenset(
    [
        "the",
        "of",
        "and",
        "to",
        "a",
        "in",
        "is",
        "was",
        "for",
        "as",
        "on",
        "with",
        "by",
        "at",
        "that",
        "it",
        "from",
        "he",
        "his",
        "are",
        "an",
        "be",
        "this",
    ]
)


def is_other_language(words: Sequence[str]) -> bool:
    """Tell whether function words of one such language are common, and commoner than English ones.

    Who strews such words into English prose to hide soup keeps the English ones and gains nothing.
    """
    counts = Counter(words)
    total = max(1, sum(counts.values()))
    english = sum(counts[word] for word in _ENGLISH) / total
    best = max(sum(counts[word] for word in listed) for listed in _LISTS.values()) / total
    return best >= _LEAST_SHARE and best > 1.5 * english
