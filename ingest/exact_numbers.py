"""Metadata whose numbers every store gives back as they are.

A JSON reader that does not take the slow road for every number, such as that of Qdrant's embedded
engine (serde_json without ``float_roundtrip`` is one), is off by a last bit for some floats of 16
and 17 digits, and a signature over such a number does not hold when it comes back. Found by
benchmarks/round_trips.py: 1 in 15 chunks whose metadata had such numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_DIGITS = 15
"""A significand of so many digits is below 2^53, so that a double holds it exactly."""

_MOST = 1e15
"""From here on a float is written with zeros behind its 15 digits, which make it too long again."""

_LEAST_EXPONENT = -22
"""10^22 is the largest power of ten that is a double: dividing by it rounds once, so rightly."""


def exact_numbers(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata with floats rounded to 15 digits, and as text where that is not enough.

    Not enough it is from 10^15 on and below about 10^-8. Other values stay as they are; lists and
    objects are looked through.
    """
    return {key: _exact(value) for key, value in metadata.items()}


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return _exact_float(value)
    if isinstance(value, Mapping):
        return exact_numbers(value)
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    return value


def _exact_float(value: float) -> float | str:
    if not math.isfinite(value):
        return value
    rounded = float(f"{value:.{_DIGITS}g}")
    exponent = Decimal(repr(rounded)).as_tuple().exponent
    fits = isinstance(exponent, int) and exponent >= _LEAST_EXPONENT and abs(rounded) < _MOST
    return rounded if fits else repr(value)
