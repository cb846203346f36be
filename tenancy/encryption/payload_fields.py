"""Which values of a payload are sealed, named by dotted paths.

>>> fields = SealedFields(["text", "metadata.title"])
>>> fields.values({"text": "a", "metadata": {"title": "b", "page": 1}})
{'text': 'a', 'metadata.title': 'b'}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.errors import InputError, UsageError
from ..point_identity import ID_KEY, TENANT_KEY

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", re.ASCII)
_SEPARATORS = re.compile(r'[.\[\]"\s]+')
_MAX_CHARS = 256
_MISSING = object()


class SealedFields:
    """Paths through nested objects; none, doubles, nested and reserved ones are refused."""

    def __init__(self, names: Sequence[str]) -> None:
        if isinstance(names, str) or not names:
            raise UsageError("sealed fields refused: name at least one, in a list")
        for name in names:
            if len(name) > _MAX_CHARS or not _NAME.fullmatch(name):
                raise UsageError(
                    "sealed field refused: use letters, digits, _ and -, and . between"
                )
            if name.split(".")[0] in {TENANT_KEY, ID_KEY}:
                raise UsageError(f"sealed field '{name}' refused: the store itself needs that key")
        self.names = tuple(names)
        self._paths = {name: tuple(name.split(".")) for name in names}
        for at, name in enumerate(names):
            others = [path for other, path in enumerate(self._paths.values()) if other != at]
            if len(self._paths) != len(names) or any(_within(self._paths[name], o) for o in others):
                raise UsageError(f"sealed field '{name}' refused: it is named twice, or in another")

    @property
    def roots(self) -> frozenset[str]:
        """Return the top-level keys that the paths start at."""
        return frozenset(path[0] for path in self._paths.values())

    def values(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that are there, by field.

        Raises `InputError` where a path meets a list, or a key with a dot spells a path otherwise:
        values in there would stay readable.
        """
        found = {}
        for name, path in self._paths.items():
            value = _value(payload, path, name)
            if value is not _MISSING:
                found[name] = value
        return found

    def replaced(self, payload: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy of the payload with other values in the fields, which are all there."""
        copy = dict(payload)
        for name, value in values.items():
            target = copy
            *parents, last = self._paths[name]
            for parent in parents:
                target[parent] = dict(target[parent])
                target = target[parent]
            target[last] = value
        return copy

    def refuse(self, keys: Sequence[str], use: str) -> None:
        """Raise `UsageError` if a payload path (untrusted, Qdrant's spelling) meets a sealed field.

        ``use`` names what was to be done, such as "filter" or "facet".
        """
        for key in keys:
            path = tuple(part for part in _SEPARATORS.split(key) if part and not part.isdigit())
            for name, sealed in self._paths.items():
                if _within(path, sealed) or _within(sealed, path):
                    raise UsageError(
                        f"{use} refused: payload field '{name}' is sealed, so no value of it can "
                        "be matched or compared; use a field that is not"
                    )


def _within(path: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    return path[: len(outer)] == outer


def _value(payload: Mapping[str, Any], path: tuple[str, ...], name: str) -> Any:
    inner: Any = payload
    for at, part in enumerate(path):
        if isinstance(inner, list):
            raise InputError(f"payload refused: sealed field '{name}' meets a list; seal the list")
        if not isinstance(inner, Mapping):
            return _MISSING
        if at < len(path) - 1 and any(
            ".".join(path[at:end]) in inner for end in range(at + 2, len(path) + 1)
        ):
            raise InputError(f"payload refused: a key with a dot spells sealed field '{name}'")
        inner = inner.get(part, _MISSING)
        if inner is _MISSING:
            return _MISSING
    return inner
