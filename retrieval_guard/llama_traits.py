"""What a LlamaIndex vector store can do with filters and ids, as far as it is known.

Three stores are known by their code; of any other nothing is taken for granted: it gets flat
filters of plain words, and what it returns is checked like everything else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from llama_index.core.vector_stores.types import BasePydanticVectorStore, FilterOperator

from ..core.errors import UsageError

# SQLAlchemy reads these in a text as a bound parameter, or as an escaped colon.
_BIND = re.compile(r"(?<![:\w\\]):\w|\\:")
_PLAIN = re.compile(r"[\w .,:/@#+=-]*")
_PLAIN_KEY = re.compile(r"(?!.*--)[A-Za-z0-9_.][A-Za-z0-9_.-]*")


def bound(text: str) -> str:
    """Return a text as it is, for a store that binds values and never writes them into code."""
    return text


def plain(text: str) -> str:
    """Return a text of words and harmless signs; raise `UsageError` for any other.

    Many stores write filter values into a query language with no escaping, each into its own.
    """
    if not _PLAIN.fullmatch(text):
        raise UsageError(
            "filter refused: a value holds characters that this store may read as query code; use "
            "letters, digits, spaces and _ . , : / @ # + = - or declare StoreTraits(quote=...)"
        )
    return text


def sql_quoted(text: str) -> str:
    """Return a text for PGVectorStore, which writes values between single quotes unescaped."""
    if _BIND.search(text) or "\x00" in text:
        raise UsageError(
            "filter refused: a value holds ':word', '\\:' or a NUL, which this store cannot pass "
            "to PostgreSQL; use another value"
        )
    return text.replace("'", "''")


def _plain_key(key: str) -> str:
    if not _PLAIN_KEY.fullmatch(key):
        raise UsageError(
            "filter refused: this store takes keys of ASCII letters, digits and _ . - only"
        )
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTraits:
    """What a vector store is known to do; the defaults trust it least.

    ``nested``: takes groups within groups. ``negation``: takes NOT groups. ``missing_operator``:
    has ``IS_EMPTY``. ``unequal_takes_missing``: its ``!=`` and ``nin`` match a node without the
    key. ``membership_only``: compares texts exactly by ``in`` alone, since its ``==`` makes numbers
    of them. ``replaces``: adding a node again replaces it. ``list_operator``: keeps lists in
    metadata and has this operator for "the list holds one of these"; None for one that does not.
    ``quote``: makes an untrusted filter value safe for the store or raises `UsageError`;
    ``quote_key`` the same for a key.
    """

    nested: bool = False
    negation: bool = False
    missing_operator: bool = False
    unequal_takes_missing: bool = False
    membership_only: bool = False
    replaces: bool = False
    list_operator: FilterOperator | None = None
    quote: Callable[[str], str] = plain
    quote_key: Callable[[str], str] = _plain_key


# Read in the code of llama-index-vector-stores-qdrant 0.10, -chroma 0.6 and -postgres 0.9; the
# behaviour suite holds them to it.
_KNOWN = {
    "QdrantVectorStore": StoreTraits(
        nested=True,
        negation=True,
        missing_operator=True,
        replaces=True,
        list_operator=FilterOperator.IN,
        quote=bound,
        quote_key=bound,
    ),
    "ChromaVectorStore": StoreTraits(
        nested=True, unequal_takes_missing=True, quote=bound, quote_key=bound
    ),
    "PGVectorStore": StoreTraits(
        nested=True,
        missing_operator=True,
        membership_only=True,
        list_operator=FilterOperator.ANY,
        quote=sql_quoted,
    ),
}


def traits_of(store: BasePydanticVectorStore) -> StoreTraits:
    """Return what is known of the store."""
    return _KNOWN.get(store.class_name(), StoreTraits())


def checked_number(value: float) -> float:
    """Return a finite number, or raise `UsageError`: NaN and infinity are code to some stores."""
    if not math.isfinite(value):
        raise UsageError("filter refused: a value is not a finite number")
    return value
