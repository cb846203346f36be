"""A JSON text from outside, read so that two readers cannot understand it differently.

Refused, beyond what is not JSON: NaN and infinity, a field given twice (readers disagree on which
one counts), nesting that is too deep, numbers too long to read, and bytes that are not UTF-8.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from ..core.errors import InputError

_MARK = b"\xef\xbb\xbf"


def parse_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object of ``data`` (untrusted), or raise `InputError` saying why not."""
    value = _parse(data)
    if not isinstance(value, dict):
        raise InputError(f"not a JSON object but {_kind(value)}")
    return value


def checked_text(fields: dict[str, Any], name: str = "text") -> str:
    """Return a field that must be a string of valid Unicode, or raise `InputError`."""
    if name not in fields:
        raise InputError(f"field '{name}' is missing")
    value = fields[name]
    if not isinstance(value, str):
        raise InputError(f"field '{name}' is {_kind(value)}, not a string")
    if _has_lone_surrogate(value):
        raise InputError(f"field '{name}' holds a lone surrogate, which is not valid Unicode")
    return value


def checked_id(fields: dict[str, Any]) -> str | int | float | bool | None:
    """Return the field ``id``, any JSON scalar; None if it is missing."""
    value = fields.get("id")
    if isinstance(value, dict | list):
        raise InputError(f"field 'id' is {_kind(value)}, not a scalar")
    return value


def _parse(data: bytes) -> Any:
    try:
        text = data.removeprefix(_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}") from None
    if not text.strip():
        raise InputError("empty, where a JSON object is expected")
    try:
        return json.loads(
            text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique
        )
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise InputError("not read: nested too deep") from None
    except ValueError:
        # Integers beyond sys.get_int_max_str_digits.
        raise InputError("not read: it holds a number that is too long") from None


def _refuse(_: str) -> Any:
    raise InputError("not JSON: NaN and infinity are not numbers of JSON")


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise InputError("not read: it holds a number beyond the range of a float")
    return number


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InputError("not read: it gives a field twice")
    return fields


def _has_lone_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
    return "an object"
