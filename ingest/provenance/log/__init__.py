"""The transparency log: what was signed, registered and revoked, so that no one can take it back.

An append-only Merkle tree (RFC 6962) with signed checkpoints that witnesses can cosign (C2SP
tlog-checkpoint, tlog-cosignature). Retrieval does not need it; audits do: it shows what was
rewritten, rolled back or held back.
"""

from .bundle import EnvelopeInclusion, InclusionProof, prove, read_bundle, write_bundle
from .checkpoint import Checkpoint, TreeHead, open_checkpoint
from .entries import LogEntry, subject_of
from .feed import RegistryFeed
from .findings import LogFinding, LogReport, Tampering
from .note import NoteKey, NoteSigner
from .opening import open_log
from .transparency_log import TransparencyLog
from .verification import verify_log
from .witness import CommandWitness, FolderWitness, LocalWitness, Witness

__all__ = [
    "Checkpoint",
    "CommandWitness",
    "EnvelopeInclusion",
    "FolderWitness",
    "InclusionProof",
    "LocalWitness",
    "LogEntry",
    "LogFinding",
    "LogReport",
    "NoteKey",
    "NoteSigner",
    "RegistryFeed",
    "Tampering",
    "TransparencyLog",
    "TreeHead",
    "Witness",
    "open_checkpoint",
    "open_log",
    "prove",
    "read_bundle",
    "subject_of",
    "verify_log",
    "write_bundle",
]
