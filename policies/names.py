"""Names as policies compare them: agents, roles, and the words of a path.

Policies compare normalised names, because ``Agent-A``, ``agent:a`` and ``a`` are one agent and
``Finance/q3.pdf`` and ``docs/finance-q3.pdf`` are both finance's. Words of a path are over-read on
purpose: a forbid that names a department must not depend on how a path was spelled.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from ..core.errors import PolicyError

MAX_NAME_CHARS = 512

_CEDAR_ID = re.compile(r'[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*::"(.*)"', re.DOTALL)
_AGENT_PREFIX = re.compile(r"(?i:agent)(?:[-_\s:/.]+|(?=[A-Z0-9]))")
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MAX_UNQUOTES = 3


def checked_name(value: object, field: str) -> str:
    """Return a non-empty name without control or format characters, or raise `PolicyError`."""
    if not isinstance(value, str):
        raise PolicyError(f"'{field}' is {type(value).__name__}, expected a string")
    name = value.strip()
    if not name:
        raise PolicyError(f"'{field}' is empty")
    if len(name) > MAX_NAME_CHARS:
        raise PolicyError(f"'{field}' is longer than {MAX_NAME_CHARS} characters")
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in name):
        raise PolicyError(f"'{field}' holds control or invisible characters")
    return name


def agent_name(principal: str) -> str:
    """Return the name that policies know an agent by: ``Agent-A``, ``agent:a``, ``A`` → ``a``."""
    name = unicodedata.normalize("NFKC", principal).strip()
    quoted = _CEDAR_ID.fullmatch(name)
    name = quoted.group(1) if quoted else name
    return _AGENT_PREFIX.sub("", name, count=1).strip().casefold() or name.casefold()


def role_name(role: str) -> str:
    """Return a role as policies name it: lower case, words joined by ``-``."""
    name = unicodedata.normalize("NFKC", role).strip().casefold()
    return re.sub(r"[\s_]+", "-", name.removeprefix("role:"))


def path_words(*texts: str) -> frozenset[str]:
    """Return every word of the given paths and labels, percent-decoded and case-folded."""
    words: set[str] = set()
    for text in texts:
        decoded = text
        for _ in range(_MAX_UNQUOTES):
            decoded = unquote(decoded)
        plain = unicodedata.normalize("NFKC", decoded)
        for word in _WORD.findall(plain):
            words.add(word.casefold())
            words.update(part.casefold() for part in _CAMEL.split(word))
    return frozenset(words)
