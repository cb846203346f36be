"""The transparency log: what was signed, registered and revoked, so that no one can take it back.

An append-only Merkle tree (RFC 6962) with signed checkpoints that witnesses can cosign (C2SP
tlog-checkpoint, tlog-cosignature). Retrieval does not need it; audits do: it shows what was
rewritten, rolled back or held back.
"""

from .audit_ledger import LedgerAudit, LedgerDifference
from .bundle import InclusionProof, bundle_of, prove, read_bundle
from .checkpoint import Checkpoint, TreeHead, open_checkpoint
from .entries import LogEntry, subject_of
from .envelope_inclusion import EnvelopeInclusion
from .feed import RegistryFeed
from .findings import LogFinding, LogReport, Tampering
from .logged_registry import LoggedRegistry
from .note import NoteKey, NoteSigner
from .opening import open_log, reachable_witnesses
from .transparency_log import TransparencyLog
from .verification import verify_log
from .witness import (
    CommandWitness,
    FolderWitness,
    LocalWitness,
    Witness,
    WitnessConflictError,
    serve_folder,
)
from .witness_request import WitnessRequest
from .witnessing import cosign, require_quorum

__all__ = [
    "Checkpoint",
    "CommandWitness",
    "EnvelopeInclusion",
    "FolderWitness",
    "InclusionProof",
    "LedgerAudit",
    "LedgerDifference",
    "LocalWitness",
    "LogEntry",
    "LogFinding",
    "LogReport",
    "LoggedRegistry",
    "NoteKey",
    "NoteSigner",
    "RegistryFeed",
    "Tampering",
    "TransparencyLog",
    "TreeHead",
    "Witness",
    "WitnessConflictError",
    "WitnessRequest",
    "bundle_of",
    "cosign",
    "open_checkpoint",
    "open_log",
    "prove",
    "reachable_witnesses",
    "read_bundle",
    "require_quorum",
    "serve_folder",
    "subject_of",
    "verify_log",
]
