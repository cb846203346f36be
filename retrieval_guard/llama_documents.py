"""What LlamaIndex nodes say of the documents that they are of: version, loader, and their ledger.

LlamaIndex reads some files as several documents (a PDF as one for each page), and makes up ids of
nodes: a document is what `chunk_of` names, and a version of it is all nodes of one call.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence

from llama_index.core import __version__ as llama_index_version
from llama_index.core.schema import BaseNode, MetadataMode

from ..core.chunk import Chunk, Digest
from ..ingest.ledger import LedgerEntry, LedgerKey
from ..ingest.provenance import DocumentFacts
from .llama_nodes import document_of

_PIPELINE = "llama-index"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+-]{1,64}")


def version_digests(nodes: Sequence[BaseNode]) -> list[Digest]:
    """Return, for each node, the hex SHA-256 of the version of its document.

    It is LlamaIndex's hash of what the document was read as (text and metadata); of several, and of
    nodes that name none, one over all of them.
    """
    parts: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        parts[document_of(node)].add(_origin_digest(node))
    whole = {name: _joined(sorted(digests)) for name, digests in parts.items()}
    return [whole[document_of(node)] for node in nodes]


def loader_facts(nodes: Sequence[BaseNode]) -> dict[str, DocumentFacts]:
    """Return which loader read each document, by its name: media type, and LlamaIndex's version."""
    return {
        document_of(node): DocumentFacts(
            loader=f"{_media_type(node)}@llama-index-{llama_index_version}"
        )
        for node in nodes
    }


def ledger_entries(chunks: Sequence[Chunk], collection_uid: str) -> list[LedgerEntry]:
    """Return the ledger's entry for each document that the chunks are of."""
    own: dict[LedgerKey, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        key = LedgerKey(
            collection=collection_uid,
            tenant=chunk.tenant,
            source=chunk.source,
            document=chunk.document,
        )
        own[key].append(chunk)
    return [
        LedgerEntry(
            key=key,
            digest=members[0].document_digest,
            pipeline=_PIPELINE,
            chunks=tuple(chunk.id for chunk in members),
        )
        for key, members in own.items()
    ]


def _origin_digest(node: BaseNode) -> str:
    origin = node.source_node
    if origin is not None and origin.hash:
        return origin.hash
    text = node.get_content(metadata_mode=MetadataMode.NONE)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _joined(digests: Sequence[str]) -> Digest:
    if len(digests) == 1:
        return Digest(digests[0])
    return Digest(hashlib.sha256("\n".join(digests).encode()).hexdigest())


def _media_type(node: BaseNode) -> str:
    named = node.metadata.get("file_type")
    known = isinstance(named, str) and _MEDIA_TYPE.fullmatch(named)
    return str(named) if known else "unknown"
