"""Provenance: every chunk proves which source it came from and that nobody changed it since.

A batch is signed once (Ed25519, in a DSSE envelope) over the Merkle root of its chunks; a chunk
carries its path, so it verifies alone.
"""

from .batch_facts import BatchFacts, DocumentFacts, EmbedderFacts
from .evidence import EvidenceReport, export_evidence, import_evidence
from .points import chunk_id, from_point, to_point
from .proof import ChunkProof
from .registry import SourceRegistry
from .signer import BatchSigner
from .verifier import ChunkVerifier

__all__ = [
    "BatchFacts",
    "BatchSigner",
    "ChunkProof",
    "ChunkVerifier",
    "DocumentFacts",
    "EmbedderFacts",
    "EvidenceReport",
    "SourceRegistry",
    "chunk_id",
    "export_evidence",
    "from_point",
    "import_evidence",
    "to_point",
]
