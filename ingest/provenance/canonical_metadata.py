"""Metadata in the form that stores give back unchanged, and its canonical bytes (RFC 8785)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

import rfc8785

from ...core.errors import InputError

_MAX_JSON_INTEGER = 2**53 - 1
"""Beyond this RFC 8785 refuses an integer, since JSON readers round it."""

_quoted = encode_basestring
"""Escapes as RFC 8785 does: quotes, backslashes and control characters, nothing else."""

_CONSTANTS = {None: "null", True: "true", False: "false"}


def canonical_metadata(metadata: Mapping[str, Any]) -> bytes:
    """Return the RFC 8785 bytes of `storable_metadata`.

    Raises `InputError` for values that are not JSON, `rfc8785.CanonicalizationError` or
    `UnicodeEncodeError` for lone surrogates.
    """
    # Four times as quick as rfc8785, which is written in Python. A property test holds it to it.
    plain = _plain(metadata)
    return rfc8785.dumps(storable_metadata(metadata)) if plain is None else plain.encode()


def _plain(metadata: Mapping[str, Any]) -> str | None:
    """Return the canonical text of metadata of simple kinds, or None for any other.

    Left to rfc8785 are floats, keys beyond ASCII, whose order it defines, and what is nested.
    """
    shape = _shape(tuple(metadata))
    if shape is None:
        return None
    parts = []
    for key, name in shape:
        value = metadata[key]
        kind = type(value)
        if kind is str:
            parts.append(name + _quoted(value))
        elif kind is int and -_MAX_JSON_INTEGER <= value <= _MAX_JSON_INTEGER:
            parts.append(name + str(value))
        elif kind is list and all(map(_is_text, value)):
            parts.append(f"{name}[{','.join(map(_quoted, value))}]")
        elif kind is bool or value is None:
            parts.append(name + _CONSTANTS[value])
        else:
            return None
    return "{" + ",".join(parts) + "}"


@lru_cache(maxsize=1024)
def _shape(keys: tuple[Any, ...]) -> tuple[tuple[str, str], ...] | None:
    """Return the keys in canonical order, each with its text; None if there is one not ASCII."""
    if not all(_is_text(key) and key.isascii() for key in keys):
        return None
    return tuple((key, f"{_quoted(key)}:") for key in sorted(keys))


def _is_text(value: object) -> bool:
    return type(value) is str


def storable_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata in the form that JSON stores give back unchanged.

    Integers beyond 2^53 and floats that are not finite become strings; tuples become lists.
    """
    return {str(key): _storable(value) for key, value in metadata.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _MAX_JSON_INTEGER else str(value)
    if isinstance(value, float):
        return _storable_float(value)
    if isinstance(value, Mapping):
        return storable_metadata(value)
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    raise InputError(
        f"metadata of type {type(value).__name__} refused: use strings, numbers, booleans, lists "
        "and objects"
    )


def _storable_float(value: float) -> Any:
    if not math.isfinite(value):
        return str(value)
    # Stores may give 2.0 back as 2; RFC 8785 writes both alike, so either form verifies.
    return value
