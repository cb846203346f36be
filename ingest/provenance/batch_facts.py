"""How a batch came to be, as far as the signer was told: part of a statement of version 2."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

_FIELDS = frozenset({"leafType", "ingestedAt", "embedder", "chunker", "scanners", "documents"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderFacts:
    """The model that made the vectors; ``digest`` is the hex SHA-256 of its files, if known."""

    model: str
    dimension: int
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """What ingestion knows of a document: which loader read it and what its scan decided.

    ``decision`` is a `Decision`'s name, ``kinds`` are those of the findings, never their evidence.
    """

    loader: str = ""
    decision: str = ""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDocument:
    """A document of a batch: ``leaves`` leaves from ``first_leaf`` on are its chunks.

    One whose chunks do not stand together is listed once for each run of them.
    """

    name: str
    digest: str
    first_leaf: int
    leaves: int
    facts: DocumentFacts = field(default_factory=DocumentFacts)
    unknown: Mapping[str, Any] = field(default_factory=dict)

    def as_predicate(self) -> dict[str, Any]:
        """Return the JSON form; what is not known is left out."""
        known = {
            **self.unknown,
            "name": self.name,
            "digest": {"sha256": self.digest},
            "firstLeaf": self.first_leaf,
            "leaves": self.leaves,
        }
        said = {"loader": self.facts.loader, "verdict": self.facts.decision}
        if self.facts.kinds:
            known["findings"] = list(self.facts.kinds)
        return {**known, **{name: value for name, value in said.items() if value}}

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> SignedDocument:
        """Read the JSON form; raises KeyError, TypeError or ValueError for another shape."""
        rest = dict(data)
        return cls(
            name=_text(rest.pop("name")),
            digest=_text(rest.pop("digest")["sha256"]),
            first_leaf=int(rest.pop("firstLeaf")),
            leaves=int(rest.pop("leaves")),
            facts=DocumentFacts(
                loader=_text(rest.pop("loader", "")),
                decision=_text(rest.pop("verdict", "")),
                kinds=tuple(_text(kind) for kind in rest.pop("findings", ())),
            ),
            unknown=rest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFacts:
    """What is known of a batch besides its chunks; an empty field is not known.

    ``ingested_at`` is seconds since the epoch; ``scanners`` are names with versions.
    """

    ingested_at: int = 0
    embedder: EmbedderFacts | None = None
    chunker: str = ""
    scanners: tuple[str, ...] = ()
    documents: tuple[SignedDocument, ...] = ()

    def as_predicate(self) -> dict[str, Any]:
        """Return the fields of the predicate; what is not known is left out."""
        fields: dict[str, Any] = {
            "ingestedAt": self.ingested_at,
            "chunker": self.chunker,
            "scanners": list(self.scanners),
            "documents": [document.as_predicate() for document in self.documents],
        }
        if self.embedder is not None:
            model: dict[str, Any] = {
                "model": self.embedder.model,
                "dimension": self.embedder.dimension,
            }
            if self.embedder.digest:
                model["digest"] = {"sha256": self.embedder.digest}
            fields["embedder"] = model
        return {name: value for name, value in fields.items() if value}

    @classmethod
    def read(
        cls, predicate: Mapping[str, Any], others: Set[str]
    ) -> tuple[BatchFacts, dict[str, Any]]:
        """Read the facts of a predicate; return with them the fields that nobody knows.

        ``others`` are the fields that the statement reads itself.
        """
        facts = cls(
            ingested_at=int(predicate.get("ingestedAt", 0)),
            embedder=_read_embedder(predicate.get("embedder")),
            chunker=_text(predicate.get("chunker", "")),
            scanners=tuple(_text(name) for name in predicate.get("scanners", ())),
            documents=tuple(SignedDocument.read(each) for each in predicate.get("documents", ())),
        )
        known = _FIELDS | others
        return facts, {name: value for name, value in predicate.items() if name not in known}


def _read_embedder(data: Mapping[str, Any] | None) -> EmbedderFacts | None:
    if data is None:
        return None
    return EmbedderFacts(
        model=_text(data["model"]),
        dimension=int(data["dimension"]),
        digest=_text(data.get("digest", {}).get("sha256", "")),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
