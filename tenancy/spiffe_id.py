"""SPIFFE IDs, parsed as strictly as their standard (SPIFFE-ID, sections 2 and 2.1 to 2.3).

>>> parsed_id("spiffe://example.org/tenant/acme/agent/desk").segments
('tenant', 'acme', 'agent', 'desk')
>>> PathTemplate("/tenant/{tenant}/agent/{principal}").match(("tenant", "acme", "agent", "desk"))
{'tenant': 'acme', 'principal': 'desk'}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.errors import SettingsError
from .jws_header import refused

_MAX_CHARS = 2_048
# No port, no user, no percent-encoding, no query, no fragment: the standard's own character sets.
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_SCHEME = "spiffe://"
_PLACES = ("tenant", "principal")


@dataclass(frozen=True, slots=True)
class SpiffeId:
    """A workload's identity: its trust domain and the segments of its path."""

    trust_domain: str
    segments: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join((_SCHEME + self.trust_domain, *self.segments))


def parsed_id(text: object) -> SpiffeId:
    """Return a workload's SPIFFE ID (untrusted), or raise `CredentialError` without an echo."""
    if not isinstance(text, str) or len(text) > _MAX_CHARS or not text.startswith(_SCHEME):
        raise refused(f"its subject is no SPIFFE ID of at most {_MAX_CHARS} bytes")
    domain, *segments = text.removeprefix(_SCHEME).split("/")
    if not _TRUST_DOMAIN.fullmatch(domain):
        raise refused("the trust domain of its subject has a character that is not allowed")
    if not segments or not all(map(_is_segment, segments)):
        raise refused("the path of its subject is missing, or has a segment that is not allowed")
    return SpiffeId(domain, tuple(segments))


def checked_trust_domain(name: str) -> str:
    """Return the name of a trust domain, or raise `SettingsError`."""
    if not _TRUST_DOMAIN.fullmatch(name):
        raise SettingsError("trust_domain refused: a name as in spiffe://NAME/, in lower case")
    return name


class PathTemplate:
    """A path with whole segments left open: ``{tenant}``, and ``{principal}`` if there is one."""

    def __init__(self, path: str) -> None:
        self._segments = path.removeprefix("/").split("/")
        open_ones = [each for each in self._segments if each in _placeholders()]
        literal = [each for each in self._segments if each not in _placeholders()]
        if not path.startswith("/") or not all(map(_is_segment, literal)):
            raise SettingsError(
                "path refused: write segments, {tenant} and {principal}, such as "
                "'/tenant/{tenant}/agent/{principal}'"
            )
        if "{tenant}" not in open_ones or len(set(open_ones)) != len(open_ones):
            raise SettingsError("path refused: {tenant} must be in it, and nothing twice")

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """Return what stands in the open segments, or None if the path is another."""
        if len(segments) != len(self._segments):
            return None
        found = {}
        for wanted, given in zip(self._segments, segments, strict=True):
            if wanted in _placeholders():
                found[wanted[1:-1]] = given
            elif wanted != given:
                return None
        return found


def _placeholders() -> set[str]:
    return {f"{{{name}}}" for name in _PLACES}


def _is_segment(text: str) -> bool:
    return _SEGMENT.fullmatch(text) is not None and text not in {".", ".."}
