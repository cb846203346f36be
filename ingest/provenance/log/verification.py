"""Verifying the log of a state folder in one call; what is wrong is a finding, not an exception."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ....core.errors import TransparencyError
from ....core.settings_log import LogSettings
from .audit import LogAudit
from .audit_ledger import audit_ledger
from .audit_records import audit_records
from .checkpoint import Checkpoint, open_checkpoint
from .findings import Findings, LogReport, Tampering
from .opening import open_parts
from .transparency_log import LogParts


def verify_log(
    state_dir: Path,
    settings: LogSettings | None = None,
    seen: Sequence[str] = (),
    clock: Callable[[], float] = time.time,
) -> LogReport:
    """Audit the log of a state folder, and the registry and the ledger that it speaks of.

    ``seen`` are checkpoints (signed notes) that were kept elsewhere; the log must still hold them.
    Raises `DamagedLogError` and `StoreError` for files that cannot be read. Nothing is changed, but
    that a log without findings moves the seen checkpoint forward.
    """
    settings = settings or LogSettings()
    parts = open_parts(state_dir, settings, clock)
    try:
        audit = LogAudit(parts.storage, parts.signer.key, parts.witnesses)
        audit.run(_seen(parts, seen, audit.findings))
        audit.policy(settings, clock())
        pending = _pending(state_dir, parts, audit.findings)
        audit_ledger(state_dir, parts.storage, audit.findings)
        if not audit.findings.count and audit.newest is not None:
            parts.seen.note(audit.newest)
            parts.seen.flush()
        return audit.report(pending)
    finally:
        parts.storage.close()


def _pending(state_dir: Path, parts: LogParts, findings: Findings) -> int:
    try:
        return audit_records(state_dir, parts.storage, findings)
    except TransparencyError as error:
        findings.add(Tampering.RECORD, None, str(error))
        return 0


def _seen(parts: LogParts, notes: Sequence[str], findings: Findings) -> list[Checkpoint]:
    """Return the checkpoints to compare with, verified; note those that do not verify."""
    opened: list[Checkpoint] = []
    try:
        if (kept := parts.seen.read()) is not None:
            opened.append(kept)
    except TransparencyError as error:
        findings.add(Tampering.CHECKPOINT, None, str(error))
    for note in notes:
        try:
            opened.append(open_checkpoint(note, parts.signer.key, parts.witnesses))
        except TransparencyError as error:
            findings.add(Tampering.CHECKPOINT, None, str(error))
    return opened
