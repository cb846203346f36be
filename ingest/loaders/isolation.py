"""Runs parsers in child processes that can be killed, and keeps one warm for the next file.

- INVARIANT: a parse that outlives ``timeout_s`` is killed, not waited for.
- INVARIANT: a child that crashed, was killed or sent a malformed answer is never used again.
- INVARIANT: a child serves one file at a time, and never two processes (a fork starts anew).

The child gets no secrets: it is started with an environment of its own, and not with ours.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from ...core.errors import InputError, LimitError, LoadError
from ...core.settings import LoadSettings
from .document import Json, LoadedDocument, LoadFailure, Origin
from .formats import Format
from .frames import FrameError, FrameLimitError, read_item, read_json, write_frame, write_json

_MAX_WORKERS = 2
# Parsers leak and fragment; a fresh child now and then keeps the memory limit meaningful.
_REQUESTS_PER_WORKER = 500
_CLOSE_TIMEOUT_S = 2.0
_START_TIMEOUT_S = 60.0
# JSON escapes a character in at most 12 bytes (a surrogate pair).
_MAX_BYTES_PER_CHAR = 12
_MAX_OVERHEAD_BYTES = 10_000_000


# The whole environment of a child.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# Not "-m": that would put the working directory, where documents may lie, on the import path.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    f"from {__package__}.worker import main; main()"
)


class Worker:
    """One child process and its pipes."""

    def __init__(self) -> None:
        if not sys.executable:
            raise LoadError("no file can be parsed apart: this Python does not tell its executable")
        self.requests = 0
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-c", _START, json.dumps(_import_path())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
        self._await_ready()

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child still runs."""
        return self._process.poll() is None

    def load(
        self, format_: Format, origin: Origin, timeout_s: float
    ) -> list[LoadedDocument | LoadFailure]:
        """Parse one file; raises `LimitError` past the time, `LoadError` if the child dies."""
        self.requests += 1
        passed = threading.Event()
        try:
            with self._killed_after(timeout_s, passed):
                return self._exchange(format_, origin)
        except FrameLimitError as error:
            self.kill()
            raise LimitError(
                f"'{origin.name}' refused: it unpacks to more than the limits of [load] allow"
            ) from error
        except (FrameError, OSError) as error:
            self.kill()
            if passed.is_set():
                raise LimitError(
                    f"'{origin.name}' refused: parsing took longer than {timeout_s:g} s "
                    "(load.timeout_s)"
                ) from error
            raise self._died(origin.name, format_) from error
        except BaseException:
            # Part of an answer may still be in the pipe: the child cannot be used again.
            self.kill()
            raise

    def kill(self) -> None:
        """End the child now and release its pipes."""
        self._process.kill()
        for pipe in (self._stdin, self._stdout):
            with suppress(OSError):
                pipe.close()
        self._process.wait()

    def close(self) -> None:
        """Let the child end by itself, then make sure."""
        with suppress(OSError):
            self._stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_CLOSE_TIMEOUT_S)
        self.kill()

    def forget(self) -> None:
        """Drop the child of another process (we are its fork) without ending it."""
        for pipe in (self._stdin, self._stdout):
            with suppress(OSError):
                pipe.close()
        # Keeps Popen from waiting for, or warning about, a process that is not our child.
        self._process.returncode = 0

    def _await_ready(self) -> None:
        """Wait for the child's first word, so that its start does not count as parsing."""
        passed = threading.Event()
        try:
            with self._killed_after(_START_TIMEOUT_S, passed):
                read_json(self._stdout, _MAX_OVERHEAD_BYTES)
        except (FrameError, OSError) as error:
            self.kill()
            raise LoadError(
                "no file can be parsed apart: the parser process does not start; check that "
                f"'{sys.executable} -c \"import {__package__}.worker\"' runs"
            ) from error

    @contextmanager
    def _killed_after(self, seconds: float, passed: threading.Event) -> Iterator[None]:
        def kill() -> None:
            passed.set()
            self._process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _exchange(self, format_: Format, origin: Origin) -> list[LoadedDocument | LoadFailure]:
        settings = origin.settings
        request: dict[str, Json] = {
            "format": format_.value,
            "name": origin.name,
            "settings": settings.model_dump(mode="json"),
        }
        write_json(self._stdin, request)
        write_frame(self._stdin, origin.raw)
        self._stdin.flush()
        items: list[LoadedDocument | LoadFailure] = []
        budget = _answer_budget(origin)
        while (item := read_item(self._stdout, origin, budget)) is not None:
            items.append(item)
            budget -= _cost(item, origin)
            if budget < 0 or len(items) > settings.max_parts + 1:
                raise FrameLimitError("too much")
        return items

    def _died(self, name: str, format_: Format) -> LoadError:
        code = self._process.returncode or 0
        ended = f"signal {-code}" if code < 0 else "an error"
        return LoadError(
            f"'{name}' refused: its parser ended by {ended} on it; the file is damaged, hostile, "
            f"or needs more memory as {format_.name} than load.max_memory_bytes"
        )

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - Popen was given a pipe
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - Popen was given a pipe
        return self._process.stdout


class WorkerPool:
    """Lends workers to threads: at most two run, idle ones stay warm until `close`."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(_MAX_WORKERS)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []

    def load(
        self, format_: Format, data: bytes, name: str, settings: LoadSettings
    ) -> list[LoadedDocument | LoadFailure]:
        """Parse one file in a child; waits for a free one, and that wait is not timed."""
        origin = Origin(name=name, raw=data, media_type=format_, settings=settings)
        try:
            with self._slots, self._lent() as worker:
                return worker.load(format_, origin, settings.timeout_s)
        except InputError as error:
            return [LoadFailure(path=name, where="", error=error)]

    def close(self) -> None:
        """End the idle children; a later `load` starts new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def idle_pids(self) -> list[int]:
        """Return the process ids of the warm children."""
        with self._lock:
            return [worker.pid for worker in self._idle]

    def forget(self) -> None:
        """Start anew in a fork: the children and locks belong to the parent."""
        idle, self._idle = self._idle, []
        # A thread that does not exist here may have held them.
        self._slots = threading.BoundedSemaphore(_MAX_WORKERS)
        self._lock = threading.Lock()
        for worker in idle:
            worker.forget()

    @contextmanager
    def _lent(self) -> Iterator[Worker]:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is not None and not worker.alive:
            worker.kill()
            worker = None
        if worker is None:
            worker = Worker()
        try:
            yield worker
        finally:
            if worker.alive and worker.requests < _REQUESTS_PER_WORKER:
                with self._lock:
                    self._idle.append(worker)
            else:
                worker.kill()


POOL = WorkerPool()
"""The children of this process; process-wide since they hold no state of any caller."""

atexit.register(POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)


def _import_path() -> list[str]:
    """Return our import path as it is, so that the child finds what we found, in that order."""
    return [os.path.abspath(entry or ".") for entry in sys.path]


def _answer_budget(origin: Origin) -> int:
    settings = origin.settings
    return min(
        settings.max_text_chars * _MAX_BYTES_PER_CHAR
        + settings.max_unpacked_bytes
        + _MAX_OVERHEAD_BYTES,
        2**32 - 1,
    )


def _cost(item: LoadedDocument | LoadFailure, origin: Origin) -> int:
    if isinstance(item, LoadFailure):
        return len(item.path) + len(str(item.error))
    own = 0 if item.raw is origin.raw else len(item.raw)
    return own + len(item.text) + sum(len(hidden.text) for hidden in item.hidden)
