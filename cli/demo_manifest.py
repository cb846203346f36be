"""What the demo asks and what should come of it, read from ``attacks.json`` of the corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..core.errors import LoadError

MANIFEST = "attacks.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expected(_Part):
    """What should be observed on one side; a field that is None is not compared.

    ``reached``: the attack's marker reached the agent, or the user. ``did``: the tools that ran;
    without a guard those that other attacks caused are not compared.
    ``held``: tools that policy stopped, with its decision. ``answer``: what the agent answered.
    ``by``: a layer that must be among those that acted; ``signal``: what must be among the reasons
    for which ingestion held a document.
    """

    reached: bool | None = None
    did: tuple[str, ...] | None = None
    held: Mapping[str, str] | None = None
    answer: str | None = None
    by: str | None = None
    signal: str | None = None


class Tampering(_Part):
    """A change of a stored text behind the guard's back."""

    file: str
    find: str
    replace: str


class Scenario(_Part):
    """One question of the demo, as an attack or as a control.

    ``answer_pattern`` is the regular expression whose first group the toy agent reads from a
    passage. ``marker`` is text that shows that the attack got through. ``says`` is an answer that
    an agent is about to give, instead of a question. ``by_id``: the asker also fetches the
    points of ``files`` by their ids. ``poisons``: ``files`` are poison, whose passages are counted
    and held to the answer's certificate. ``vouch`` is a source that a person answers for before
    the question.
    """

    id: str
    title: str
    tenant: str
    principal: str
    roles: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    fed: str = ""
    question: str = ""
    says: str = ""
    answer_pattern: str = ""
    marker: str = ""
    by_id: bool = False
    poisons: bool = False
    vouch: str = ""
    tamper: Tampering | None = None
    without_guard: Expected
    with_guard: Expected

    @property
    def sources(self) -> frozenset[str]:
        """The sources of the files that carry the attack."""
        return frozenset(file.split("/")[1] for file in self.files)


class Manifest(_Part):
    """Every scenario: attacks, and questions that nobody attacks.

    ``new_sources`` (``tenant/source``) come in now, all others have been there for a month.
    ``known_false_alarms`` maps clean files that ingestion may hold back to the reason for which a
    reviewer then releases them.
    """

    new_sources: frozenset[str] = frozenset()
    untrusted_sources: tuple[str, ...]
    known_false_alarms: Mapping[str, str] = {}
    attacks: tuple[Scenario, ...] = Field(min_length=1)
    questions: tuple[Scenario, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFolder:
    """A folder of the corpus: one source of one tenant."""

    tenant: str
    source: str
    path: Path

    @property
    def name(self) -> str:
        """The source as the manifest names it."""
        return f"{self.tenant}/{self.source}"


def read_manifest(corpus: Path) -> Manifest:
    """Return the manifest of a corpus, or raise `LoadError`."""
    path = corpus / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise LoadError(f"demo manifest '{path}' cannot be read: {error}") from error


def source_folders(corpus: Path) -> list[SourceFolder]:
    """Return the folders ``<tenant>/<source>`` of a corpus, by name."""
    return [
        SourceFolder(tenant=source.parent.name, source=source.name, path=source)
        for tenant in sorted(corpus.iterdir())
        if tenant.is_dir()
        for source in sorted(tenant.iterdir())
        if source.is_dir()
    ]
