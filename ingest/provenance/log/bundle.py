"""Proof bundles: all that a stranger needs to see, offline, that an envelope is in the log.

Standard JSON. The inclusion proof has the fields of Sigstore's bundle (hashes in standard base64);
a checkpoint travels as the signed note that it is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ....core.errors import TransparencyError, UsageError
from ..merkle import leaf_hash
from .checkpoint import TreeHead, open_checkpoint
from .entries import LogEntry, envelope_digest, subject_of
from .logged_registry import LoggedRegistry
from .note import NoteKey, parse_note, unbase64
from .transparency_log import TransparencyLog
from .tree import includes
from .witnessing import require_quorum

MEDIA_TYPE = "application/vnd.ragbastion.log-proof+json;version=1"


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """That an entry stands at an index of the tree of a checkpoint (a signed note)."""

    entry: bytes
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    def verify(self, log: NoteKey, witnesses: Sequence[NoteKey] = (), quorum: int = 0) -> LogEntry:
        """Return the entry if log, witnesses and path vouch for it, else raise.

        Raises `TransparencyError`, and `QuorumError` for too few witnesses.
        """
        checkpoint = open_checkpoint(self.checkpoint, log, witnesses)
        require_quorum(checkpoint, quorum)
        leaf = leaf_hash(self.entry)
        if not includes(leaf, self.index, checkpoint.size, self.hashes, checkpoint.root):
            raise TransparencyError(
                f"proof refused: the entry is not the one at {self.index} of the log's tree"
            )
        return LogEntry.parse(self.entry)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        head = TreeHead.parse(parse_note(self.checkpoint)[0])
        return {
            "logEntry": base64.b64encode(self.entry).decode(),
            "inclusionProof": {
                "logIndex": str(self.index),
                "treeSize": str(head.size),
                "rootHash": base64.b64encode(head.root).decode(),
                "hashes": [base64.b64encode(each).decode() for each in self.hashes],
                "checkpoint": {"envelope": self.checkpoint},
            },
        }

    def as_text(self) -> str:
        """Return the proof as https://c2sp.org/tlog-proof has it, without the entry."""
        hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in self.hashes)
        return f"c2sp.org/tlog-proof@v1\nindex {self.index}\n{hashes}\n{self.checkpoint}"


def prove(log: TransparencyLog, index: int) -> InclusionProof:
    """Return the proof of one entry against the newest checkpoint."""
    checkpoint = log.newest()
    entry = log.storage.entry(index)
    if checkpoint is None or entry is None or index >= checkpoint.size:
        raise UsageError(f"proof refused: the log has no entry {index}")
    path = log.inclusion(index, checkpoint.size)
    return InclusionProof(entry=entry, index=index, hashes=tuple(path), checkpoint=checkpoint.note)


def index_of_envelope(log: TransparencyLog, envelope_id: str) -> int:
    """Return where an envelope was logged; raise `TransparencyError` if it was not."""
    index = log.storage.last_of(subject_of("envelope", envelope_id))
    if index is None:
        raise TransparencyError(
            f"envelope {envelope_id} is not in the log: it was planted, or the log was put back; "
            "run 'ragbastion log verify'"
        )
    return index


def bundle_of(registry: LoggedRegistry, envelope_id: str) -> dict[str, Any]:
    """Return the bundle of an envelope: the envelope (DSSE), its log entry, and the proof.

    Raises `UsageError` for an envelope that neither the registry nor the log holds, and
    `TransparencyError` for one that only one of them does.
    """
    log, envelope = registry.log(), registry.envelope(envelope_id)
    if envelope is None and log.storage.last_of(subject_of("envelope", envelope_id)) is None:
        raise UsageError("proof refused: no envelope of that id was ever here; check the id")
    proof = prove(log, index_of_envelope(log, envelope_id))
    if envelope is None:
        raise TransparencyError(f"envelope {envelope_id} was logged and is no longer kept")
    return {
        "mediaType": MEDIA_TYPE,
        "dsseEnvelope": json.loads(envelope),
        **proof.as_dict(),
    }


def read_bundle(
    bundle: Any, log: NoteKey, witnesses: Sequence[NoteKey] = (), quorum: int = 0
) -> LogEntry:
    """Verify a bundle (untrusted) and return its log entry; the DSSE signature is not looked at.

    Raises `TransparencyError` if the envelope, the entry, the path, the checkpoint and the log's
    key do not fit each other.
    """
    try:
        path = bundle["inclusionProof"]
        hashes = [unbase64(each) for each in path["hashes"]]
        entry = unbase64(bundle["logEntry"])
        index = int(path["logIndex"])
        note = path["checkpoint"]["envelope"]
        digest = envelope_digest(json.dumps(bundle["dsseEnvelope"]))
        known = bundle["mediaType"] == MEDIA_TYPE and isinstance(note, str)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise TransparencyError("proof bundle refused: it is not of a known form") from error
    if entry is None or not known or None in hashes:
        raise TransparencyError("proof bundle refused: it is not of a known form")
    proof = InclusionProof(
        entry=entry,
        index=index,
        hashes=tuple(each for each in hashes if each is not None),
        checkpoint=note,
    )
    logged = proof.verify(log, witnesses, quorum)
    if digest != logged.fields.get("sha256"):
        raise TransparencyError("proof bundle refused: the envelope is not the one that was logged")
    return logged
