"""The statement that a batch's signature makes: an in-toto Statement v1 in two versions.

Version 2 says besides what version 1 says how the batch came to be. Fields that this release does
not know are kept as they are. Field by field: docs/provenance_formats.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...core.errors import ProvenanceError
from .batch_facts import BatchFacts
from .leaf import LEAF_TYPE_V2

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPES = {
    "urn:ragbastion:attestation:chunk-batch:v1": 1,
    "urn:ragbastion:attestation:chunk-batch:v2": 2,
}
_TYPE_OF = {version: name for name, version in PREDICATE_TYPES.items()}
_OWN = frozenset({"tenant", "source", "collectionUid", "treeSize", "keyId", "signedAt", "reviewer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatement:
    """What a batch's signature says: these chunks, of this tenant and source, in this collection.

    ``root`` is the hex Merkle root over ``tree_size`` leaves of the statement's ``version``;
    ``key_id`` names the signing key inside the signed bytes; ``signed_at`` is seconds since the
    epoch by the signer's clock; ``reviewer`` is set where a person released the documents from
    quarantine. ``facts`` and ``unknown``, the fields of a later release, are of version 2 only.
    """

    tenant: str
    source: str
    collection_uid: str
    root: str
    tree_size: int
    key_id: str
    signed_at: int
    reviewer: str = ""
    version: int = 2
    facts: BatchFacts = field(default_factory=BatchFacts)
    unknown: Mapping[str, Any] = field(default_factory=dict)

    def as_statement(self) -> dict[str, Any]:
        """Return the in-toto Statement."""
        return {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": "chunks", "digest": {"sha256": self.root}}],
            "predicateType": _TYPE_OF[self.version],
            "predicate": self._predicate(),
        }

    def without_facts(self) -> BatchStatement:
        """Return what a check needs, without the list of documents."""
        return replace(self, facts=BatchFacts(), unknown={})

    def _predicate(self) -> dict[str, Any]:
        own = {
            "tenant": self.tenant,
            "source": self.source,
            "collectionUid": self.collection_uid,
            "treeSize": self.tree_size,
            "keyId": self.key_id,
            "signedAt": self.signed_at,
            "reviewer": self.reviewer,
        }
        if self.version == 1:
            return own
        return {**self.unknown, **own, "leafType": LEAF_TYPE_V2, **self.facts.as_predicate()}


def read_statement(data: Any, signed_by: str) -> BatchStatement:
    """Return the statement of a signed payload, or raise `ProvenanceError`.

    ``signed_by`` is the id of the key that verified. Raises LookupError, TypeError, ValueError or
    AttributeError for a payload of another shape.
    """
    version = PREDICATE_TYPES.get(data["predicateType"])
    if data["_type"] != STATEMENT_TYPE or version is None:
        raise ProvenanceError(
            "envelope refused: it holds another kind of statement, or one of a later release"
        )
    predicate = data["predicate"]
    if predicate["keyId"] != signed_by:
        raise ProvenanceError("envelope refused: it names another key than the one that signed")
    if version > 1 and predicate["leafType"] != LEAF_TYPE_V2:
        raise ProvenanceError("envelope refused: its leaves are of another kind")
    facts, unknown = (BatchFacts(), {}) if version == 1 else BatchFacts.read(predicate, _OWN)
    return BatchStatement(
        tenant=predicate["tenant"],
        source=predicate["source"],
        collection_uid=predicate["collectionUid"],
        root=data["subject"][0]["digest"]["sha256"],
        tree_size=int(predicate["treeSize"]),
        key_id=predicate["keyId"],
        signed_at=int(predicate["signedAt"]),
        reviewer=predicate.get("reviewer", ""),
        version=version,
        facts=facts,
        unknown=unknown,
    )
