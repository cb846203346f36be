"""Rules over payload keys: one tree that is a store's filter and a predicate over a payload.

- INVARIANT: `holds` and each translation of a rule (`access_conditions` for Qdrant,
  ``retrieval_guard/llama_access.py`` for LlamaIndex) agree on every payload that is JSON.
- INVARIANT: no `AnyOf` or `AllOf` is empty. Qdrant reads an empty ``should`` as "anything goes".

A key that holds a list has each of its elements as a value, as in Qdrant; null and ``[]`` are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import UsageError


@dataclass(frozen=True, slots=True)
class HasOne:
    """Some value of the key is one of these texts."""

    key: str
    texts: frozenset[str]

    def __post_init__(self) -> None:
        if not self.texts:
            raise UsageError("rule refused: it names no text, so that it could never hold")


@dataclass(frozen=True, slots=True)
class AtMost:
    """Some value of the key is a number from 0 to ``limit``, and no value is a greater number."""

    key: str
    limit: float


@dataclass(frozen=True, slots=True)
class Empty:
    """The key is missing, null or an empty list."""

    key: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the rules holds."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _refuse_empty(self.rules)


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of the rules hold."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _refuse_empty(self.rules)


Rule = HasOne | AtMost | Empty | AnyOf | AllOf


def holds(rule: Rule, payload: Mapping[str, Any]) -> bool:
    """Say whether the rule holds for a payload; ``payload``: untrusted."""
    match rule:
        case HasOne(key, texts):
            return any(isinstance(value, str) and value in texts for value in _values(payload, key))
        case AtMost(key, limit):
            numbers = [value for value in _values(payload, key) if _is_number(value)]
            return any(0 <= number <= limit for number in numbers) and max(numbers) <= limit
        case Empty(key):
            return payload.get(key) in (None, [])
        case AnyOf(rules):
            return any(holds(each, payload) for each in rules)
        case AllOf(rules):
            return all(holds(each, payload) for each in rules)


def _values(payload: Mapping[str, Any], key: str) -> list[Any]:
    value = payload.get(key)
    return value if isinstance(value, list) else [value]


def _is_number(value: object) -> bool:
    # True is an int in Python and no number in a store.
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse_empty(rules: tuple[Rule, ...]) -> None:
    if not rules:
        raise UsageError("rule refused: it is made of no rules, so that anything could pass")
