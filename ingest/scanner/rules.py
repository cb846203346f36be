"""Rules and rule packs: YAML that says what to look for, what it means and how it is tested.

A pack is a mapping with ``pack``, ``version``, optional ``fragments`` and ``rules``. Everything
that is not understood is an error: a rule that is silently skipped would be a hole.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ...core.errors import SettingsError
from ...core.verdict import Severity
from .patterns import compiled

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

MAX_PACK_BYTES = 1_000_000
MAX_PATTERN = 20_000
"""The longest pattern, in characters; the longest of the shipped rules has about 1,000."""
_MAX_PROBLEMS = 20
_REFERENCE = re.compile(r"https://\S+|arXiv:\d{4}\.\d{4,5}|doi:10\.\S+|CVE-\d{4}-\d{4,}")
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
    references: list[str] = []
    patterns: list[str] = Field(min_length=1)
    case_sensitive: bool = False
    positive: list[str] = Field(min_length=1)
    negative: list[str] = Field(min_length=1)

    @field_validator("references")
    @classmethod
    def _findable(cls, value: list[str]) -> list[str]:
        for reference in value:
            if not _REFERENCE.fullmatch(reference):
                raise ValueError(f"'{reference}' is no https URL, arXiv:, doi: or CVE- id")
        return value

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

    ``weight`` in (0, 1] is how much of its group's evidence a hit is. ``categories`` are ids of the
    OWASP and ATLAS lists, ``references`` where the attack is described. ``positive`` and
    ``negative`` are its tests.
    """

    id: str
    description: str
    group: str
    severity: Severity
    weight: float
    categories: tuple[str, ...]
    references: tuple[str, ...]
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
    return tuple(_read(path) for path in sorted(folder.glob("rules*.yaml")))


def load_packs(paths: Sequence[Path]) -> tuple[RulePack, ...]:
    """Return the shipped packs and those of ``paths``; raise `SettingsError` for a bad one."""
    packs = shipped_packs() + tuple(load_pack(path) for path in paths)
    _refuse_twice([rule.id for pack in packs for rule in pack.rules], "")
    return packs


def load_pack(path: Path) -> RulePack:
    """Read one pack (untrusted); raise `SettingsError` that names file, rule and every problem.

    Bounded: a pack is at most `MAX_PACK_BYTES`, an expanded pattern `MAX_PATTERN` characters, and
    RE2 refuses what would compile to more than its memory.
    """
    pack = _read(path)
    _refuse_twice([rule.id for rule in pack.rules], f" in '{path}'")
    for rule in pack.rules:
        for pattern in rule.patterns:
            try:
                usable = compiled(pattern)
            except SettingsError as error:
                raise SettingsError(f"rule pack '{path}', rule '{rule.id}': {error}") from None
            if usable.search(b"") is not None:
                raise SettingsError(
                    f"rule pack '{path}', rule '{rule.id}': pattern {pattern!r} matches the empty "
                    "text, and so everything"
                )
    return pack


def _refuse_twice(ids: Sequence[str], where: str) -> None:
    for name, times in Counter(ids).items():
        if times > 1:
            raise SettingsError(
                f"rule '{name}' is defined twice{where}: give one of them another id"
            )


def _read(path: Path) -> RulePack:
    parsed: Any = None
    try:
        data = path.read_bytes()
        if len(data) > MAX_PACK_BYTES:
            raise SettingsError(f"rule pack '{path}' refused: larger than {MAX_PACK_BYTES} bytes")
        if b"&" in data and _has_aliases(data):
            # A few aliases of aliases stand for more nodes than fit into memory.
            raise SettingsError(f"rule pack '{path}' refused: YAML aliases are not allowed")
        parsed = yaml.load(data, Loader=_YamlLoader)  # noqa: S506 - a safe loader either way
        spec = _PackSpec.model_validate(parsed)
    except OSError as error:
        raise SettingsError(f"rule pack '{path}' cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"rule pack '{path}' is not YAML: {error}") from error
    except ValidationError as error:
        raise SettingsError(f"rule pack '{path}' refused: {_problems(error, parsed)}") from None
    return _pack(spec, path, data)


def _has_aliases(data: bytes) -> bool:
    events = yaml.parse(data, Loader=_YamlLoader)
    return any(isinstance(event, yaml.AliasEvent) for event in events)


def _pack(spec: _PackSpec, path: Path, data: bytes) -> RulePack:
    digest = hashlib.sha256(data).hexdigest()[:8]
    rules = []
    for rule in spec.rules:
        try:
            rules.append(_rule(rule, spec.fragments))
        except KeyError as error:
            raise SettingsError(
                f"rule pack '{path}', rule '{rule.id}': unknown fragment {error}"
            ) from None
        except OverflowError:
            raise SettingsError(
                f"rule pack '{path}', rule '{rule.id}': a pattern is longer than {MAX_PATTERN} "
                "characters once its fragments are filled in"
            ) from None
    return RulePack(version=f"{spec.pack}@{spec.version}+{digest}", rules=tuple(rules))


def _rule(spec: _RuleSpec, fragments: Mapping[str, str]) -> Rule:
    flags = "(?m)" if spec.case_sensitive else "(?im)"
    return Rule(
        id=spec.id,
        description=spec.description,
        group=spec.group,
        severity=Severity(spec.severity),
        weight=spec.weight,
        categories=(*spec.owasp, *spec.atlas),
        references=tuple(spec.references),
        patterns=tuple(flags + _expanded(pattern, fragments) for pattern in spec.patterns),
        positive=tuple(spec.positive),
        negative=tuple(spec.negative),
    )


def _expanded(pattern: str, fragments: Mapping[str, str], depth: int = 0) -> str:
    if depth > 8:
        raise KeyError("(fragments that name each other without end)")
    expanded = _PLACEHOLDER.sub(
        lambda match: f"(?:{_expanded(fragments[match[1]], fragments, depth + 1)})", pattern
    )
    if len(expanded) > MAX_PATTERN:
        raise OverflowError
    return expanded


def _problems(error: ValidationError, parsed: Any) -> str:
    return "; ".join(
        f"{_place(item['loc'], parsed)}: {item['msg']}" for item in error.errors()[:_MAX_PROBLEMS]
    )


def _place(location: tuple[int | str, ...], parsed: Any) -> str:
    """Name the field, and the rule by its id where it has one."""
    if len(location) > 1 and location[0] == "rules" and isinstance(location[1], int):
        rule = parsed["rules"][location[1]]
        name = rule.get("id") if isinstance(rule, dict) else None
        if isinstance(name, str):
            return f"rule '{name[:80]}', {'.'.join(map(str, location[2:]))}"
    return ".".join(map(str, location))
