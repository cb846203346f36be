"""Does an action's argument ask for a secret in full? The one fact about arguments beyond types.

A mask obligation binds whoever sends the answer; arguments that switch the mask off (``mask:
false``, ``show_full_ssn: true``, ``fields: ["full_ssn"]``) are the caller saying that it will not
be met, so policy can deny them outright. Free text (``text``, ``body``, …) is not read: an answer
may well say that a full SSN is never given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

FULL_SSN = "full:US_SSN"

_FREE_TEXT = frozenset(
    {"answer", "body", "content", "message", "note", "prompt", "query", "question", "reason",
     "subject", "summary", "text"}
)  # fmt: skip
_SSN = re.compile(r"ssn|socialsecurity")
_FULL = re.compile(r"full|raw|plain|clear|unmask|unredact|reveal|complete|entire")
_MASK_SWITCH = re.compile(r"(?:is|do|should|apply)?(?:mask|redact)(?:ed|ing|ion|pii|ssn)*")
_UNMASK_SWITCH = re.compile(
    r"(?:no|un|skip|disable|without|raw)(?:mask|redact)(?:ed|ing|ion|pii|ssn)*"
)
_OFF = (False, 0, "false", "no", "none", "off", "0", "never")
_MAX_DEPTH = 6


def disclosures(args: Mapping[str, Any]) -> frozenset[str]:
    """Return what the arguments ask to disclose in full: `FULL_SSN`, or nothing."""
    asked = any(_asks(key, value) for key, value in _pairs(args, "", 0))
    return frozenset({FULL_SSN}) if asked else frozenset()


def _asks(key: str, value: object) -> bool:
    word = _plain(value) if isinstance(value, str) else ""
    off = value in _OFF or word in _OFF
    if _MASK_SWITCH.fullmatch(key):
        return off
    if _UNMASK_SWITCH.fullmatch(key) or (_SSN.search(key) and _FULL.search(key)):
        return not off and value is not None
    if _SSN.search(key):
        return bool(_FULL.search(word)) and not off
    return bool(_SSN.search(word) and _FULL.search(word))


def _pairs(value: object, key: str, depth: int) -> Iterator[tuple[str, object]]:
    """Yield (normalised key, scalar) for every scalar that is not free text."""
    if depth > _MAX_DEPTH:
        return  # `resource.claims` has refused such arguments by then
    if isinstance(value, Mapping):
        for name, inner in value.items():
            plain = _plain(str(name))
            if plain not in _FREE_TEXT or not isinstance(inner, str):
                yield from _pairs(inner, plain, depth + 1)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _pairs(inner, key, depth + 1)
    else:
        yield key, value


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())
