"""Proof bundles: all that a stranger needs to see, offline, that an envelope is in the log.

Standard JSON. The inclusion proof has the fields of Sigstore's bundle (hashes in standard base64);
a checkpoint travels as the signed note that it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ....core.errors import TransparencyError, UsageError
from ..merkle import leaf_hash
from .checkpoint import open_checkpoint
from .entries import LogEntry, subject_of
from .note import NoteKey, unbase64
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


def write_bundle(proof: InclusionProof, envelope: str) -> dict[str, Any]:
    """Return the bundle of an envelope (DSSE, as JSON text) and the proof of its entry."""
    head = _checkpoint_parts(proof.checkpoint)
    return {
        "mediaType": MEDIA_TYPE,
        "dsseEnvelope": json.loads(envelope),
        "envelopeSha256": hashlib.sha256(envelope.encode()).hexdigest(),
        "logEntry": base64.b64encode(proof.entry).decode(),
        "inclusionProof": {
            "logIndex": str(proof.index),
            "treeSize": head[0],
            "rootHash": head[1],
            "hashes": [base64.b64encode(each).decode() for each in proof.hashes],
            "checkpoint": {"envelope": proof.checkpoint},
        },
    }


def _checkpoint_parts(note: str) -> tuple[str, str]:
    lines = note.split("\n")
    return lines[1], lines[2]


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
        note, digest = path["checkpoint"]["envelope"], bundle["envelopeSha256"]
        text = json.dumps(bundle["dsseEnvelope"], sort_keys=True)
        known = bundle["mediaType"] == MEDIA_TYPE and isinstance(note, str)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
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
    if not digest == hashlib.sha256(text.encode()).hexdigest() == logged.fields.get("sha256"):
        raise TransparencyError("proof bundle refused: the envelope is not the one that was logged")
    return logged


class EnvelopeInclusion:
    """Checks, once for each envelope, that it stands in the log under the newest checkpoint."""

    def __init__(self, log: TransparencyLog) -> None:
        self._log = log
        self._checked: dict[str, str] = {}

    def problem(self, envelope_id: str, envelope: str) -> str:
        """Return why an envelope is not vouched for by the log; "" if it is."""
        if envelope_id not in self._checked:
            self._checked[envelope_id] = self._check(envelope_id, envelope)
        return self._checked[envelope_id]

    def _check(self, envelope_id: str, envelope: str) -> str:
        try:
            proof = prove(self._log, index_of_envelope(self._log, envelope_id))
            entry = proof.verify(self._log.key)
        except TransparencyError as error:
            return str(error)
        if entry.fields.get("sha256") != hashlib.sha256(envelope.encode()).hexdigest():
            return f"envelope {envelope_id} is not the one that was logged"
        return ""
