"""What an action is on: a type, an id, a tenant, and the names that say whose it is.

Accepted forms: ``finance/q3.pdf`` (the action's own resource type), ``document:finance/q3.pdf``,
``Document::"finance/q3.pdf"``, and an object ``{"type", "id", "department", "tenant", …}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.chunk import Chunk
from ..core.errors import PolicyError
from .names import checked_name, path_words

# `word:id` or `Word::id`, quoted or not; a URL's scheme is part of its path, not a type.
_TYPED = re.compile(r'(?P<type>[A-Za-z_][\w:]*?)::?(?P<id>(?!//)"[^"]+"|(?!//)[^:"].*)', re.DOTALL)
_TENANT_KEYS = ("tenant", "tenant_id")
_TYPE_KEYS = ("type", "kind")
_DEPARTMENT_KEYS = ("department", "dept")
# Attributes whose words say whose a resource is; titles and texts are not read.
_NAMING_KEYS = frozenset(
    {"category", "collection", "department", "dept", "document", "folder", "id", "labels", "path",
     "source", "tags", "uri", "url"}
)  # fmt: skip
_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource as a policy sees it.

    ``type`` empty means the first resource type of the action. ``tenant`` empty means that the
    caller named none: it is then taken to be the principal's own, and isolation rests on the store.
    ``names`` are the words of its path, department, source and labels.
    """

    id: str
    type: str = ""
    tenant: str = ""
    department: str = ""
    names: frozenset[str] = frozenset()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: object) -> Resource:
        """Read any of the accepted forms; raises `PolicyError` for what is none of them."""
        if isinstance(value, Mapping):
            return _from_object(value)
        text = checked_name(value, "resource")
        typed = _TYPED.fullmatch(text)
        if typed is None:
            return _named(id_=text, type_="")
        return _named(id_=typed["id"].strip('"'), type_=typed["type"].rsplit("::", 1)[-1])

    @classmethod
    def of_chunk(cls, chunk: Chunk) -> Resource:
        """Return the Document that a chunk is a part of."""
        department = chunk.metadata.get("department", "")
        return _named(
            id_=str(chunk.document) or str(chunk.id),
            type_="Document",
            tenant=str(chunk.tenant),
            department=department if isinstance(department, str) else "",
            words=path_words(*_naming_strings(chunk.metadata), chunk.source),
        )


def claims(args: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the tenants and the naming words that an action's arguments mention, at any depth."""
    tenants = frozenset(_strings_under(args, frozenset(_TENANT_KEYS)))
    return tenants, path_words(*_naming_strings(args))


def _from_object(value: Mapping[str, Any]) -> Resource:
    type_ = _one_of(value, _TYPE_KEYS)
    id_ = checked_name(value.get("id"), "resource.id") if "id" in value else ""
    if not id_:
        raise PolicyError("'resource.id' is missing")
    return _named(
        id_=id_,
        type_=type_.rsplit("::", 1)[-1],
        tenant=_one_of(value, _TENANT_KEYS),
        department=_one_of(value, _DEPARTMENT_KEYS),
        words=path_words(*_naming_strings(value)),
        attributes=value,
    )


def _one_of(value: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    given = {checked_name(value[key], f"resource.{key}") for key in keys if key in value}
    if len(given) > 1:
        raise PolicyError(f"'resource' names two values for {' and '.join(keys)}")
    return given.pop() if given else ""


def _named(
    *,
    id_: str,
    type_: str,
    tenant: str = "",
    department: str = "",
    words: frozenset[str] = frozenset(),
    attributes: Mapping[str, Any] | None = None,
) -> Resource:
    if ".." in re.split(r"[/\\]", id_):
        raise PolicyError("'resource' holds a '..' path segment: name it by its canonical path")
    folders = [part for part in id_.split("/")[:-1] if part not in {"", "."}]
    found = department or (folders[0] if folders else "")
    return Resource(
        id=id_,
        type=type_,
        tenant=tenant,
        department=found.casefold(),
        names=words | path_words(id_, department),
        attributes=attributes or {},
    )


def _naming_strings(value: Mapping[str, Any]) -> Iterator[str]:
    yield from _strings_under(value, _NAMING_KEYS)


def _strings_under(value: object, keys: frozenset[str], depth: int = 0) -> Iterator[str]:
    """Yield the strings that stand under one of ``keys``, at any depth."""
    if depth > _MAX_DEPTH:
        raise PolicyError(f"'args' or 'resource' is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if str(key).casefold() in keys:
                yield from _all_strings(inner, depth)
            else:
                yield from _strings_under(inner, keys, depth + 1)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _strings_under(inner, keys, depth + 1)


def _all_strings(value: object, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise PolicyError(f"'args' or 'resource' is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _all_strings(inner, depth + 1)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _all_strings(inner, depth + 1)
