"""Rules and rule packs: YAML that says what to look for, what it means and how it is tested.

A pack is a mapping with ``pack``, ``version``, optional ``fragments`` and ``rules``. Everything
that is not understood is an error: a rule that is silently skipped would be a hole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ...core.errors import SettingsError
from ...core.verdict import Severity

GROUPS = (
    "addressing",
    "answer_override",
    "bare_request",
    "concealment",
    "consensus",
    "custom",
    "decode_and_follow",
    "delimiter",
    "exfiltration",
    "jamming",
    "output_control",
    "override",
    "persona",
    "role_token",
    "secret_request",
    "system_imitation",
    "task_switch",
    "tool_forgery",
    "tool_imperative",
    "urgency",
)
"""Kinds of evidence; each has one fitted weight, ``custom`` is for a user's own rules."""

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _RuleSpec(_Model):
    id: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")
    description: str = Field(min_length=10)
    group: Literal[GROUPS]  # type: ignore[valid-type]
    severity: str
    weight: float = Field(gt=0.0, le=1.0)
    owasp: list[str] = Field(min_length=1)
    atlas: list[str] = Field(min_length=1)
    patterns: list[str] = Field(min_length=1)
    case_sensitive: bool = False
    positive: list[str] = Field(min_length=1)
    negative: list[str] = Field(min_length=1)

    @field_validator("severity")
    @classmethod
    def _known(cls, value: str) -> str:
        return Severity(value).value


class _PackSpec(_Model):
    pack: str = Field(pattern=r"^[a-z0-9_-]+$")
    version: int = Field(ge=1)
    fragments: dict[str, str] = {}
    rules: list[_RuleSpec] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing to look for.

    ``weight`` in (0, 1] is how much of its group's evidence a hit is. ``positive`` and ``negative``
    are its tests.
    """

    id: str
    description: str
    group: str
    severity: Severity
    weight: float
    categories: tuple[str, ...]
    patterns: tuple[str, ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePack:
    """Rules of one file. ``version`` names the pack, its version and a digest of its bytes."""

    version: str
    rules: tuple[Rule, ...]


@cache
def shipped_packs() -> tuple[RulePack, ...]:
    """Return the packs of this package; read once a process, for they cannot change."""
    folder = Path(__file__).parent
    return tuple(load_pack(path) for path in sorted(folder.glob("rules*.yaml")))


def load_packs(paths: Sequence[Path]) -> tuple[RulePack, ...]:
    """Return the shipped packs and those of ``paths``; raise `SettingsError` for a bad one."""
    packs = shipped_packs() + tuple(load_pack(path) for path in paths)
    seen: set[str] = set()
    for rule in (rule for pack in packs for rule in pack.rules):
        if rule.id in seen:
            raise SettingsError(f"rule '{rule.id}' is defined twice: give one of them another id")
        seen.add(rule.id)
    return packs


def load_pack(path: Path) -> RulePack:
    """Read one pack; raise `SettingsError` that names the file and every problem."""
    try:
        data = path.read_bytes()
        parsed = yaml.load(data, Loader=_YamlLoader)  # noqa: S506 - a safe loader either way
        spec = _PackSpec.model_validate(parsed)
    except OSError as error:
        raise SettingsError(f"rule pack '{path}' cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"rule pack '{path}' is not YAML: {error}") from error
    except ValidationError as error:
        raise SettingsError(f"rule pack '{path}' refused: {_problems(error)}") from None
    return _pack(spec, path, data)


def _pack(spec: _PackSpec, path: Path, data: bytes) -> RulePack:
    digest = hashlib.sha256(data).hexdigest()[:8]
    try:
        rules = tuple(_rule(rule, spec.fragments) for rule in spec.rules)
    except KeyError as error:
        raise SettingsError(f"rule pack '{path}' uses an unknown fragment {error}") from None
    return RulePack(version=f"{spec.pack}@{spec.version}+{digest}", rules=rules)


def _rule(spec: _RuleSpec, fragments: Mapping[str, str]) -> Rule:
    flags = "(?m)" if spec.case_sensitive else "(?im)"
    return Rule(
        id=spec.id,
        description=spec.description,
        group=spec.group,
        severity=Severity(spec.severity),
        weight=spec.weight,
        categories=(*spec.owasp, *spec.atlas),
        patterns=tuple(flags + _expanded(pattern, fragments) for pattern in spec.patterns),
        positive=tuple(spec.positive),
        negative=tuple(spec.negative),
    )


def _expanded(pattern: str, fragments: Mapping[str, str], depth: int = 0) -> str:
    if depth > 8:
        raise KeyError("(fragments that name each other without end)")
    return _PLACEHOLDER.sub(
        lambda match: f"(?:{_expanded(fragments[match[1]], fragments, depth + 1)})", pattern
    )


def _problems(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
