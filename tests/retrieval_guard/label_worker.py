"""Change a document's label in forked children that kill themselves; for ``test_label_kills.py``.

    python label_worker.py WORK=ACT=STEP…

Each child opens the WORK folder, does the ACT and dies with SIGKILL at the STEP-th step (0: never);
then the exit statuses are printed as JSON. A step is the moment before or after a write of the
ledger, and before each point that is written to the store, one by one.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ragbastion.core.chunk import TenantId
from ragbastion.core.events import MemoryEventSink
from ragbastion.ingest.ledger import Ledger
from ragbastion.retrieval_guard.documents import DocumentName, Documents
from ragbastion.tenancy import AccessLabel, DocumentAccess, EdgeStore, operator_context

ACME = TenantId("acme")
NAME = DocumentName(source="wiki", document="plan.txt")
CURATOR = operator_context(tenant=ACME, principal="cy", roles=["curator"], clearance=3)
NARROW = AccessLabel(owner="ann", classification=2)
WIDE = AccessLabel(owner="ann", groups=frozenset({"sales"}), classification=0)

ACTS: dict[str, Callable[[Documents], int]] = {
    "narrow": lambda documents: documents.label(NAME, CURATOR, NARROW),
    "widen": lambda documents: documents.label(NAME, CURATOR, WIDE),
    "delete": lambda documents: documents.delete(NAME, CURATOR),
    "restore": lambda documents: documents.restore(NAME, CURATOR),
}


class Countdown:
    """Kills the process when it has been passed ``steps`` times."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self) -> None:
        """Count, and die if it was the last."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``act`` with a step before and one after it."""

        def stepped(*args: Any) -> None:
            self.step()
            act(*args)
            self.step()

        return stepped


def perform(work: Path, act: str, steps: int = 0) -> int:
    """Do one act on the document of a folder and return how many points it changed."""
    countdown = Countdown(steps)
    store, ledger = EdgeStore(work / "store"), Ledger(work / "state" / "ledger.db")
    write = store.set_payload

    def one_by_one(collection: str, tenant: TenantId, ids: Sequence[Any], *rest: Any) -> None:
        for id_ in ids:
            countdown.step()
            write(collection, tenant, [id_], *rest)

    store.set_payload = one_by_one  # type: ignore[method-assign]
    for name in ("change", "settle"):
        setattr(ledger.labels, name, countdown.around(getattr(ledger.labels, name)))
    access = DocumentAccess(events=MemoryEventSink())
    try:
        return ACTS[act](Documents(store, ledger, access, store.collection("docs")))
    finally:
        ledger.close()
        store.close()


def main(jobs: Sequence[str]) -> None:
    """Do every job in a child of its own and print what became of it."""
    outcomes = []
    for job in jobs:
        work, act, steps = job.rsplit("=", 2)
        child = os.fork()
        if child == 0:
            perform(Path(work), act, int(steps))
            os._exit(0)
        outcomes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main(sys.argv[1:])
