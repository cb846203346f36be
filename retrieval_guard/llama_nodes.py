"""LlamaIndex nodes as chunks: what of a node is signed, and where its proof travels.

A node's reserved metadata (``ragbastion_…``) holds tenant, source, position, digest and proof; the
rest of its metadata is signed with the text. Node ids are derived from the tenant, so no tenant can
write over another's point. Filters match the scope, a word made from the tenant's name that no
store can take for a number, split, fold or quote: '1' and '1.0' are two tenants, `float` makes one.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from llama_index.core.schema import BaseNode, MetadataMode

from ..core.chunk import Chunk, ChunkId, Digest, DocumentId, TenantId
from ..core.embedding import EmbedderIdentity
from ..core.errors import ProvenanceError
from ..core.store import CollectionInfo, StoredPoint
from ..ingest.provenance import ChunkProof, to_point
from ..tenancy.access_labels import ACCESS_PREFIX

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:ragbastion:llama-index:v1")
TENANT = "ragbastion_tenant"
SCOPE = "ragbastion_scope"
ID = "ragbastion_id"
SOURCE = "ragbastion_source"
ORIGIN = "ragbastion_node"
POSITION = "ragbastion_position"
DIGEST = "ragbastion_digest"
PROOF = "ragbastion_proof"
RESERVED = frozenset({TENANT, SCOPE, ID, SOURCE, ORIGIN, POSITION, DIGEST, PROOF})
# Which document a node is of, best name first: policies read it as a path.
_DOCUMENT_KEYS = ("document", "file_path", "file_name", "url")


def require_embedded(nodes: Sequence[BaseNode], transform: str) -> None:
    """Raise `ProvenanceError` for a node that has no embedding; it names the transform."""
    for node in nodes:
        if not node.embedding:
            raise ProvenanceError(
                f"node {node.node_id} has no embedding: put {transform} after the embedding model"
            )


def collection_named(name: str, dimension: int = 0) -> CollectionInfo:
    """Return the collection as proofs name it: LlamaIndex stores record no uid of their own."""
    identity = EmbedderIdentity(model="llama-index", dimension=dimension)
    return CollectionInfo(name=name, uid=f"llama-index:{name}", embedder=identity)


def scoped_id(tenant: str, origin: str) -> str:
    """Return the id under which a tenant's node is stored."""
    return str(uuid.uuid5(_NAMESPACE, f"{tenant}\x00{origin}"))


def scope_of(tenant: str) -> str:
    """Return the word that a tenant's nodes are filtered by, one for each name."""
    return "t" + uuid.uuid5(_NAMESPACE, f"scope\x00{tenant}").hex


def is_own(node: BaseNode, tenant: str) -> bool:
    """Say whether a node names the tenant throughout; unverified, so no proof that it is honest."""
    metadata = node.metadata
    own_id = scoped_id(tenant, str(metadata.get(ORIGIN)))
    return (
        metadata.get(TENANT) == tenant
        and metadata.get(SCOPE) == scope_of(tenant)
        and metadata.get(ID) == node.node_id == own_id
    )


def stamp(node: BaseNode, *, tenant: str, source: str, position: int, digest: Digest) -> None:
    """Give a node its tenant, source and scoped id; stamping it again changes nothing.

    ``digest`` is that of the version of its document.
    """
    origin = str(node.metadata.get(ORIGIN, node.node_id))
    node.metadata.update(
        {
            TENANT: tenant,
            SCOPE: scope_of(tenant),
            ID: scoped_id(tenant, origin),
            SOURCE: source,
            ORIGIN: origin,
            POSITION: position,
            DIGEST: digest,
        }
    )
    node.id_ = scoped_id(tenant, origin)
    hide_reserved(node)


def hide_reserved(node: BaseNode) -> None:
    """Keep reserved metadata out of what is embedded and what a model reads."""
    for hidden in (node.excluded_embed_metadata_keys, node.excluded_llm_metadata_keys):
        hidden.extend(sorted(RESERVED - set(hidden)))


def attach(node: BaseNode, proof: ChunkProof) -> None:
    """Put a proof into a node's metadata, as text: some stores take only flat metadata."""
    node.metadata[PROOF] = json.dumps(proof.as_payload(), sort_keys=True)


def chunk_of(node: BaseNode) -> Chunk:
    """Return the chunk that a stamped node claims to be, unverified.

    Raises `ProvenanceError` for a node that was never stamped.
    """
    metadata = node.metadata
    try:
        return Chunk(
            id=ChunkId(node.node_id),
            text=node.get_content(metadata_mode=MetadataMode.NONE),
            tenant=TenantId(_text(metadata, TENANT)),
            source=_text(metadata, SOURCE),
            document=DocumentId(document_of(node)),
            document_digest=Digest(_text(metadata, DIGEST)),
            position=int(metadata[POSITION]),
            metadata=_signed_metadata(metadata),
            vector=None if node.embedding is None else np.asarray(node.embedding, np.float32),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ProvenanceError(
            f"node {node.node_id} was not signed here: run ProvenanceTransform after the embedding"
        ) from error


def proof_of(node: BaseNode) -> ChunkProof | None:
    """Return a node's proof, None if it carries none; raise `ProvenanceError` if malformed."""
    kept = node.metadata.get(PROOF)
    if kept is None:
        return None
    try:
        payload = json.loads(kept)
    except (TypeError, ValueError) as error:
        raise ProvenanceError(f"node {node.node_id} carries a malformed proof") from error
    return ChunkProof.from_payload(payload)


def point_of(node: BaseNode) -> StoredPoint:
    """Return the point that a node with an embedding stands for; errors as of `chunk_of`."""
    return to_point(chunk_of(node), proof_of(node))


def _text(metadata: Mapping[str, Any], key: str) -> str:
    value = metadata[key]
    if not isinstance(value, str):
        raise TypeError(f"'{key}' is not a text")
    return value


def document_of(node: BaseNode) -> str:
    """Return the name of the document that a node is of: a path where its metadata has one."""
    named = (node.metadata.get(key) for key in _DOCUMENT_KEYS)
    for name in (*named, node.ref_doc_id):
        if isinstance(name, str) and name:
            return name
    return str(node.metadata.get(ORIGIN, node.node_id))


def _signed_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    # An access label may change, so it is no part of what is signed.
    return {
        key: value
        for key, value in metadata.items()
        if key not in RESERVED and not key.startswith(ACCESS_PREFIX)
    }
