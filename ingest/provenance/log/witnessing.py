"""Getting a log's newest checkpoint cosigned, and checking that enough witnesses have."""

from __future__ import annotations

from collections.abc import Sequence

from ....core.errors import FreezeError, QuorumError, StoreError, TransparencyError
from .checkpoint import Checkpoint, open_checkpoint
from .note import NoteSignature, parse_signatures
from .transparency_log import TransparencyLog
from .witness import Witness, WitnessConflictError
from .witness_request import WitnessRequest


def cosign(
    log: TransparencyLog, checkpoint: Checkpoint, witnesses: Sequence[Witness]
) -> tuple[Checkpoint, dict[str, str]]:
    """Ask each witness, and keep the checkpoint with the cosignatures that came.

    Returns it, and the reason for each witness that gave none, by its name. One that does not
    answer keeps no other from doing so.
    """
    lines: list[NoteSignature] = []
    failed: dict[str, str] = {}
    for witness in witnesses:
        try:
            lines.append(_asked(log, checkpoint, witness))
        except (TransparencyError, StoreError) as error:
            failed[witness.key.name] = str(error)
    if not lines:
        return checkpoint, failed
    keys = [witness.key for witness in witnesses]
    cosigned = open_checkpoint(checkpoint.with_lines(lines), log.key, keys)
    with log.storage.exclusive():
        log.storage.put_checkpoint(cosigned.size, cosigned.note, keep=True)
    return cosigned, failed


def _asked(log: TransparencyLog, checkpoint: Checkpoint, witness: Witness) -> NoteSignature:
    """Return a witness's line, verified; what it signed last is remembered with the log."""
    name = f"witness/{witness.key.name}"
    kept = log.storage.meta(name) or ""
    known = min(int(kept) if kept.isdecimal() else 0, checkpoint.size)
    try:
        answer = witness.cosign(_request(log, known, checkpoint))
    except WitnessConflictError as conflict:
        if conflict.size > checkpoint.size:
            raise QuorumError(
                f"witness '{witness.key.name}' has cosigned {conflict.size} entries and the log "
                f"has {checkpoint.size}: the log was put back; restore it"
            ) from conflict
        answer = witness.cosign(_request(log, conflict.size, checkpoint))
    line = _line_of(witness, checkpoint, answer)
    log.storage.put_meta(name, str(checkpoint.size))
    return line


def _request(log: TransparencyLog, known: int, checkpoint: Checkpoint) -> WitnessRequest:
    proof = tuple(log.consistency(known, checkpoint.size))
    return WitnessRequest(known, proof, checkpoint.note)


def _line_of(witness: Witness, checkpoint: Checkpoint, answer: str) -> NoteSignature:
    for line in parse_signatures(answer):
        if line.is_of(witness.key) and line.time_under(witness.key, checkpoint.head.text):
            return line
    raise QuorumError(f"witness '{witness.key.name}' answered without a cosignature of its key")


def require_quorum(checkpoint: Checkpoint, quorum: int) -> None:
    """Raise `QuorumError` unless that many known witnesses have cosigned a checkpoint."""
    if len(checkpoint.cosigned) < quorum:
        raise QuorumError(
            f"checkpoint of {checkpoint.size} entries refused: {len(checkpoint.cosigned)} of the "
            f"{quorum} witnesses that the settings ask for have cosigned it; run 'ragbastion log "
            "checkpoint' when they can be reached"
        )


def require_fresh(checkpoint: Checkpoint, max_age_s: float | None, now_s: float) -> None:
    """Raise `FreezeError` for a checkpoint that is undated or older than allowed."""
    if max_age_s is None:
        return
    if checkpoint.time_s is None or now_s - checkpoint.time_s > max_age_s:
        raise FreezeError(
            f"checkpoint of {checkpoint.size} entries refused: it is older than {max_age_s:.0f} s, "
            "so newer ones may be held back; run 'ragbastion log checkpoint' where the log is"
        )
