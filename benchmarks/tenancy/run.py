"""The command's run: blocks in one process or several, the control, the tables, the files."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from qdrant_client import AsyncQdrantClient, QdrantClient

from ...core.errors import MissingExtraError
from .. import report
from . import plots, show
from .attack import BLOCK, Attack, Tallies, histories_for
from .epochs import LENGTH
from .finder import SEED, attacked_control, leaks_of
from .journal import Journal
from .subjects import ASYNC_GUARDED, ASYNC_NAIVE, GUARDED, NAIVE, Subject

_KINDS = {
    "sync": ([GUARDED], [NAIVE]),
    "async": ([ASYNC_GUARDED], [ASYNC_NAIVE]),
    "both": ([GUARDED, ASYNC_GUARDED], [NAIVE, ASYNC_NAIVE]),
}
"""Which clients are attacked, and the controls beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run: calls in all, kind of clients, where, with how many processes.

    ``url``: a Qdrant server on which collections may be made; None is local mode.
    """

    out: Path
    calls: int = 20_000
    seed: int = SEED
    clients: str = "both"
    url: str | None = None
    jobs: int = 1


def run(request: Request, say: Callable[[str], None]) -> bool:
    """Attack, print tables, write ``tenancy.json`` and a plot; say whether the clients leak.

    A run that was cut short goes on where it was: blocks are written to ``tenancy.jsonl`` as they
    end. Raises `DetectorError` if a leak of the naive wrapper is missed.
    """
    _require_extra()
    subjects, controls = _KINDS[request.clients]
    names = [each.name for each in subjects]
    journal = Journal(request.out / "tenancy.jsonl", _settings(request), names)
    say("control: the naive wrapper")
    control = attacked_control(controls, request.seed)
    try:
        for number, tallies, seconds in _attacked(request, journal):
            journal.add(number, tallies, seconds)
            _progress(journal, say)
    finally:
        _written(request, journal, control, say)
    return bool(leaks_of(journal.found))


def _attacked(request: Request, journal: Journal) -> Iterator[tuple[int, Tallies, float]]:
    """Yield each block that is not done yet, as it ends."""
    missing = [n for n in range(_blocks(request)) if n not in journal.done]
    if request.jobs == 1 or len(missing) < 2:
        worker = _Worker(request, "0")
        try:
            yield from map(worker.block, missing)
        finally:
            worker.close()
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(request.jobs, mp_context=context) as pool:
        ends = [pool.submit(_block, request, number) for number in missing]
        try:
            for end in as_completed(ends):
                yield end.result()
        finally:
            pool.shutdown(cancel_futures=True)


class _Worker:
    """The stores of one process, kept from block to block."""

    def __init__(self, request: Request, name: str) -> None:
        subjects, _ = _KINDS[request.clients]
        listed = [_on_server(each, request.url) for each in subjects] if request.url else subjects
        self._attack = Attack(listed, request.seed, run=f"ragbastion-leaks-{name}-")

    def block(self, number: int) -> tuple[int, Tallies, float]:
        """Run one block and time it."""
        begun = time.perf_counter()
        return number, self._attack.block(number), time.perf_counter() - begun

    def close(self) -> None:
        """Close the stores."""
        self._attack.close()


_workers: dict[Request, _Worker] = {}


def _block(request: Request, number: int) -> tuple[int, Tallies, float]:
    """Run a block in a process of the pool."""
    worker = _workers.get(request)
    if worker is None:
        worker = _workers[request] = _Worker(request, str(os.getpid()))
        # A process of a pool ends without `atexit`; this drops its collections from a server.
        Finalize(None, worker.close, exitpriority=1)
    return worker.block(number)


def _on_server(subject: Subject, url: str) -> Subject:
    made = AsyncQdrantClient if subject.asynchronous else QdrantClient
    return replace(subject, raw=partial(made, url))


def _blocks(request: Request) -> int:
    subjects, _ = _KINDS[request.clients]
    return -(-histories_for(request.calls, len(subjects)) // BLOCK)


def _settings(request: Request) -> dict[str, Any]:
    """Return what all blocks of a run share; calls and processes may differ when it goes on."""
    return {
        "seed": request.seed,
        "clients": request.clients,
        "server": request.url is not None,
        "history": LENGTH,
        "block": BLOCK,
        "qdrant-client": importlib.metadata.version("qdrant-client"),
    }


def _progress(journal: Journal, say: Callable[[str], None]) -> None:
    done = len(journal.done)
    if done & (done - 1) and done % 20:
        return
    rate = journal.calls / max(journal.seconds, 1e-9)
    say(f"{journal.calls} calls, {rate:.0f} a second and process")


def _written(
    request: Request, journal: Journal, control: Tallies, say: Callable[[str], None]
) -> None:
    """Time, print and write what there is, whole or cut short."""
    subjects, controls = _KINDS[request.clients]
    say("timing")
    results = {
        "settings": _settings(request),
        "complete": len(journal.done) >= _blocks(request),
        "calls": journal.calls,
        "histories": len(journal.done) * BLOCK,
        "seconds": journal.seconds,
        "leaks": leaks_of(journal.found),
        "subjects": {name: tally.as_json() for name, tally in journal.found.items()},
        "control": {name: tally.as_json() for name, tally in control.items()},
        "timing": _timing([*subjects, *controls], request.seed),
    }
    show.show(results, journal.found, control)
    report.write_json(request.out, "tenancy", results, seed=request.seed)
    plots.write_matrix(request.out, {**journal.found, **control})


def _timing(subjects: Sequence[Subject], seed: int) -> dict[str, list[dict[str, Any]]]:
    attack = Attack(subjects, seed)
    try:
        rows = attack.timing()
    finally:
        attack.close()
    return {name: [asdict(row) for row in each] for name, each in rows.items()}


def _require_extra() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError(
            "matplotlib is not installed, and the benchmark draws its matrix with it: "
            "pip install 'ragbastion[bench]'"
        )
