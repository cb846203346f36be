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
from .source_admin import SignerAt, SourceAdmin
from .source_records import KeyRecord, Revocation, SourceRecord, TrustTier
from .trust_policy import Asked, TrustPolicy, parse_policy
from .trust_root import RootChain, TrustRoot
from .verifier import ChunkVerifier

__all__ = [
    "Asked",
    "BatchFacts",
    "BatchSigner",
    "ChunkProof",
    "ChunkVerifier",
    "DocumentFacts",
    "EmbedderFacts",
    "EvidenceReport",
    "KeyRecord",
    "Revocation",
    "RootChain",
    "SignerAt",
    "SourceAdmin",
    "SourceRecord",
    "SourceRegistry",
    "TrustPolicy",
    "TrustRoot",
    "TrustTier",
    "chunk_id",
    "export_evidence",
    "from_point",
    "import_evidence",
    "parse_policy",
    "to_point",
]
