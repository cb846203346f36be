"""The child process that parses; `isolation` starts it.

It reads requests on stdin and answers on stdout (see `frames`) until stdin closes. It limits its
own memory, writes no files, and is ended by an alarm if a parse outlives its parent.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import IO

from ...core.settings import LoadSettings
from .dispatch import exhausted, parse
from .document import Json, LoadFailure
from .formats import Format
from .frames import FrameError, read_frame, read_json, write_item, write_json

_MAX_REQUEST_BYTES = 2**32 - 1
# The parent kills at timeout_s; the alarm only serves when the parent is gone.
_ALARM_AFTER = 1.5


def main() -> None:
    """Serve requests until stdin closes."""
    _harden()
    requests = sys.stdin.buffer
    # Parsers that print must not write into the frames.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    write_json(answers, {"ready": True})
    answers.flush()
    while True:
        try:
            request = read_json(requests, _MAX_REQUEST_BYTES)
            data = read_frame(requests, _MAX_REQUEST_BYTES)
        except FrameError:
            return
        _serve(request, data, answers)


def _serve(request: dict[str, Json], data: bytes, answers: IO[bytes]) -> None:
    settings = LoadSettings.model_validate(request["settings"])
    name = str(request["name"])
    signal.setitimer(signal.ITIMER_REAL, settings.timeout_s * _ALARM_AFTER + 1)
    try:
        _limit_memory(settings.max_memory_bytes)
        for item in parse(Format(str(request["format"])), data, name, settings):
            write_item(answers, item, data)
    except MemoryError as error:
        failure = LoadFailure(path=name, where="", error=exhausted(name, error))
        write_item(answers, failure, data)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    write_json(answers, {"end": True})
    answers.flush()


def _harden() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _limit_memory(max_bytes: int) -> None:
    """Let the address space grow by ``max_bytes`` from here; where the platform cannot, go on."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + max_bytes, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        return
