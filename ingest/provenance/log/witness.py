"""Witnesses: others who sign that they saw the log grow (https://c2sp.org/tlog-witness).

A witness cosigns a checkpoint only if it holds all that the last one held, so that a log which
shows two histories needs the witnesses' help. Three ways to one are shipped: in this process, a
command, and a folder that both sides can reach.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ....core.errors import ForkError, QuorumError, TransparencyError
from ....core.sqlite import as_store_error
from .checkpoint import open_checkpoint
from .note import NoteKey, NoteSigner
from .tree import grew
from .witness_request import WitnessRequest

_CONFLICT = 1
"""Exit code of a witness command that knows another size; its output is that size."""


class WitnessConflictError(TransparencyError):
    """The witness knows a tree of ``size`` leaves: send the proof from there."""

    def __init__(self, size: int) -> None:
        super().__init__(f"witness asks for a consistency proof from size {size}")
        self.size = size


class Witness(Protocol):
    """Cosigns checkpoints of a log; ``key`` is what its cosignatures verify with."""

    key: NoteKey

    def cosign(self, request: WitnessRequest) -> str:
        """Return signature lines for a checkpoint that grew from the size in the request.

        Raises `WitnessConflictError` if the witness knows another size, `ForkError` if it refuses
        the log for good, `QuorumError` if it does not answer.
        """
        ...


class LocalWitness:
    """A witness in this process, which keeps what it saw of each log in a folder.

    - INVARIANT: what it cosigns is on disk before the cosignature leaves.
    - INVARIANT: for one origin, what it cosigned last and what it cosigns next are compared and
      written under one lock, so that two calls cannot both start from the same tree.
    """

    def __init__(
        self,
        folder: Path,
        signer: NoteSigner,
        logs: Mapping[str, NoteKey],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._signer = signer
        self._logs = dict(logs)
        self._clock = clock
        self.key = signer.cosigner

    def cosign(self, request: WitnessRequest) -> str:
        """See `Witness`.

        Raises `TransparencyError` for a log that it was not told to witness, `StoreError` for a
        folder that it cannot use.
        """
        try:
            return self._cosigned(request)
        except OSError as error:
            raise as_store_error(error, self._folder) from error

    def _cosigned(self, request: WitnessRequest) -> str:
        log = self._logs.get(request.head.origin)
        if log is None:
            raise TransparencyError("witness refuses: it does not know the log of that origin")
        checkpoint = open_checkpoint(request.note, log)
        kept = self._folder / f"{hashlib.sha256(log.name.encode()).hexdigest()[:32]}.checkpoint"
        with self._locked(kept):
            seen = open_checkpoint(kept.read_text(), log) if kept.exists() else None
            known = seen.size if seen else 0
            if request.old_size != known:
                raise WitnessConflictError(known)
            root = seen.root if seen else b""
            if not grew(known, root, checkpoint.size, checkpoint.root, request.proof):
                raise ForkError(
                    f"witness refuses: the tree of {checkpoint.size} entries does not hold the "
                    f"tree of {known} that it cosigned; keep both checkpoints as evidence"
                )
            _replace(kept, checkpoint.note)
        return f"{self._signer.cosign(checkpoint.head.text, int(self._clock()))}\n"

    @contextmanager
    def _locked(self, kept: Path) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(kept.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


class CommandWitness:
    """A witness behind a command: the request on its stdin, signature lines on its stdout.

    Exit code 0 is a cosignature, 1 a conflict with the known size on stdout, all else a refusal.
    """

    def __init__(self, key: NoteKey, command: Sequence[str], timeout_s: float = 30.0) -> None:
        self.key = key
        self._command = tuple(command)
        self._timeout_s = timeout_s

    def cosign(self, request: WitnessRequest) -> str:
        """See `Witness`."""
        try:
            done = subprocess.run(
                self._command,
                input=str(request).encode(),
                capture_output=True,
                timeout=self._timeout_s,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise QuorumError(
                f"witness '{self.key.name}' does not answer ({type(error).__name__})"
            ) from error
        answer = done.stdout.decode("utf-8", "replace")
        if done.returncode == _CONFLICT and answer.strip().isdigit():
            raise WitnessConflictError(int(answer))
        if done.returncode != 0:
            raise QuorumError(
                f"witness '{self.key.name}' refuses: its command ended with {done.returncode}"
            )
        return answer


class FolderWitness:
    """A witness that answers later: requests and answers are files of one folder.

    ``ragbastion log witness --serve FOLDER`` answers them, on any machine that the folder gets to.
    """

    def __init__(self, key: NoteKey, folder: Path) -> None:
        self.key = key
        self._folder = folder

    def cosign(self, request: WitnessRequest) -> str:
        """See `Witness`; leaves the request there and raises `QuorumError` without an answer."""
        try:
            return self._exchanged(request)
        except (OSError, ValueError) as error:
            raise QuorumError(
                f"witness '{self.key.name}' does not answer: its folder '{self._folder}' cannot "
                f"be used ({type(error).__name__})"
            ) from error

    def _exchanged(self, request: WitnessRequest) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        asked = self._folder / f"{request.name}.request"
        answer, conflict = asked.with_suffix(".cosignature"), asked.with_suffix(".size")
        if answer.exists():
            return answer.read_text(encoding="utf-8")
        if conflict.exists():
            size = int(conflict.read_text(encoding="utf-8"))
            conflict.unlink()
            raise WitnessConflictError(size)
        _replace(asked, str(request))
        raise QuorumError(f"witness '{self.key.name}' has not answered yet: run this again later")


def serve_folder(witness: Witness, folder: Path) -> dict[str, str]:
    """Answer every request of a folder; return what became of each, by its name."""
    outcomes = {}
    for asked in sorted(folder.glob("*.request")):
        try:
            lines = witness.cosign(WitnessRequest.parse(asked.read_text()))
            _replace(asked.with_suffix(".cosignature"), lines)
            outcomes[asked.stem] = "cosigned"
        except WitnessConflictError as error:
            _replace(asked.with_suffix(".size"), f"{error.size}\n")
            outcomes[asked.stem] = f"knows size {error.size}"
        except (TransparencyError, UnicodeDecodeError) as error:
            outcomes[asked.stem] = str(error)
        else:
            asked.unlink()
            continue
        if asked.with_suffix(".size").exists():
            asked.unlink()
    return outcomes


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
