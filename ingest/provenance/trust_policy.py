"""The trust policy: a TOML file that says which sources may speak for which collections.

    version = 1
    default = "refuse"              # what no rule is about: "refuse", "untrusted" or "allow"
    topic_field = "topic"           # the metadata field that states topics, if left out too

    [[rule]]
    collections = ["handbook*"]     # what the rule is about: shell patterns, "*" if left out
    topics = ["leave*"]             # any topic, stated or not, if left out
    sources = ["hr-*", "wiki"]      # who may speak for it
    minimum_tier = "internal"       # and how far it must be trusted
    max_age_days = 400              # and how old a signature may be
    otherwise = "refuse"            # what becomes of the rest: "refuse" or "untrusted"

A chunk that rules are about is allowed if one of them allows it. Of several topics each must be
allowed. A rule with topics is also about what states none, and never allows that.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, ValidationError, field_validator

from ...core.errors import SettingsError
from ...core.settings_section import Section
from .source_records import TrustTier
from .topics import UNSTATED, folded_topic

_DAY_S = 86_400.0
_MAX_POLICY_BYTES = 1_000_000
_SETTLED_S = 2.0
"""File systems keep times to a tick of up to 2 s (FAT); a younger file is read at every query."""

_Patterns = tuple[str, ...]


class _Otherwise(StrEnum):
    REFUSE = "refuse"
    UNTRUSTED = "untrusted"


class TrustRule(Section):
    """Who may speak for some collections and documents, and how trusted and fresh it must be."""

    sources: _Patterns = Field(min_length=1)
    tenants: _Patterns = Field(default=("*",), min_length=1)
    collections: _Patterns = Field(default=("*",), min_length=1)
    documents: _Patterns = Field(default=("*",), min_length=1)
    topics: _Patterns | None = Field(default=None, min_length=1)
    minimum_tier: TrustTier = TrustTier.UNTRUSTED
    max_age_days: float | None = Field(default=None, gt=0)
    otherwise: _Otherwise = _Otherwise.REFUSE

    def is_about(self, asked: Asked) -> bool:
        """Whether the rule has a say in what is asked."""
        return (
            _any(self.tenants, asked.tenant)
            and _any(self.collections, asked.collection)
            and _any(self.documents, asked.document)
            and (self.topics is None or asked.topic == UNSTATED or _any(self.topics, asked.topic))
        )

    @field_validator("topics")
    @classmethod
    def _folded(cls, topics: _Patterns | None) -> _Patterns | None:
        """Compare as topics are, which have no case."""
        folded = None if topics is None else tuple(folded_topic(each) for each in topics)
        if folded is not None and UNSTATED in folded:
            raise ValueError("a topic is 1 to 256 printable characters")
        return folded

    def against(self, asked: Asked) -> str:
        """Return why the rule does not allow it, or "" if it does."""
        if self.topics is not None and asked.topic == UNSTATED:
            return "it states no topic"
        if not _any(self.sources, asked.source):
            return "its source may not speak for this"
        if asked.tier < self.minimum_tier:
            return f"its source is {asked.tier}, at least {self.minimum_tier} is asked for"
        if self.max_age_days is not None and asked.age_s > self.max_age_days * _DAY_S:
            return f"it was signed more than {self.max_age_days:g} days ago"
        return ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a policy decides about: a chunk of a source, with its tier and the signature's age.

    ``topic`` is one of its topics, as `topics_in` returns them.
    """

    tenant: str
    collection: str
    source: str
    document: str
    tier: TrustTier
    age_s: float = 0.0
    topic: str = UNSTATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a policy says: allowed, or refused, or neither (then it counts as untrusted)."""

    allowed: bool = False
    refused: bool = False
    why: str = ""


class TrustPolicy(Section):
    """Rules and what holds where none is about the matter."""

    version: Literal[1]
    default: Literal["refuse", "untrusted", "allow"]
    topic_field: str = Field(default="topic", min_length=1)
    rule: tuple[TrustRule, ...] = ()

    def decide(self, asked: Asked) -> Answer:
        """Return what becomes of a chunk."""
        if not asked.collection and self._names_collections():
            return Answer(refused=True, why="it names collections, and the caller named none")
        about = [rule for rule in self.rule if rule.is_about(asked)]
        if not about:
            return _answer(self.default, "no rule is about it")
        against = [rule.against(asked) for rule in about]
        if "" in against:
            return Answer(allowed=True)
        strict = any(rule.otherwise is _Otherwise.REFUSE for rule in about)
        return _answer("refuse" if strict else "untrusted", "; ".join(dict.fromkeys(against)))

    def holds_until_age_s(self, asked: Asked) -> float:
        """Return up to which age the answer for age 0 is the same, if that one was to allow it."""
        ages = [
            math.inf if rule.max_age_days is None else rule.max_age_days * _DAY_S
            for rule in self.rule
            if rule.is_about(asked) and not rule.against(asked)
        ]
        return max(ages, default=math.inf)

    def names_documents(self) -> bool:
        """Whether a rule asks which document it is."""
        return any(rule.documents != ("*",) for rule in self.rule)

    def names_topics(self) -> bool:
        """Whether a rule asks which topic it is about."""
        return any(rule.topics is not None for rule in self.rule)

    def _names_collections(self) -> bool:
        return any(rule.collections != ("*",) for rule in self.rule)


def _answer(what: str, why: str) -> Answer:
    return Answer(allowed=what == "allow", refused=what == "refuse", why=why)


def _any(patterns: _Patterns, name: str) -> bool:
    return any(fnmatchcase(name, each) for each in patterns)


def parse_policy(text: str, where: str) -> TrustPolicy:
    """Return the policy of a TOML text, or raise `SettingsError` naming every wrong value."""
    try:
        return TrustPolicy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"trust policy {where} is not TOML: {error}") from None
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise SettingsError(f"trust policy {where} refused: {problems}") from None


class LoadedPolicy(NamedTuple):
    """A policy as a file had it, and the hex SHA-256 of that file."""

    rules: TrustPolicy
    digest: str


class PolicyFile:
    """A policy on disk, read again when the file changes.

    INVARIANT: a policy that cannot be read is not replaced by an older one: nothing is believed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._mark: tuple[int, int, int] | None = None
        self._loaded: LoadedPolicy | None = None
        self.current()

    def current(self) -> LoadedPolicy:
        """Return the policy as the file has it; raise `SettingsError` if it has none."""
        try:
            found = self._path.stat()
            mark = (found.st_mtime_ns, found.st_size, found.st_ino)
            loaded = self._loaded
            if loaded is not None and mark == self._mark:
                return loaded
            with self._lock:
                self._mark = None
                loaded = self._read(found)
                # A file written just now may be written again without its time showing it.
                if time.time() - found.st_mtime > _SETTLED_S:
                    self._mark = mark
                return loaded
        except OSError as error:
            raise SettingsError(
                f"trust policy '{self._path}' cannot be read ({error.strerror}): nothing is "
                "believed without it; restore it, or unset 'provenance.trust_policy'"
            ) from None

    def _read(self, found: os.stat_result) -> LoadedPolicy:
        if found.st_mode & 0o002:
            raise SettingsError(
                f"trust policy '{self._path}' refused: everybody can write it; run chmod o-w"
            )
        if found.st_size > _MAX_POLICY_BYTES:
            raise SettingsError(f"trust policy '{self._path}' refused: it is too long")
        raw = self._path.read_bytes()
        digest = hashlib.sha256(raw).hexdigest()
        if self._loaded is None or digest != self._loaded.digest:
            self._loaded = None
            rules = parse_policy(raw.decode("utf-8", "replace"), f"'{self._path}'")
            self._loaded = LoadedPolicy(rules, digest)
        return self._loaded
