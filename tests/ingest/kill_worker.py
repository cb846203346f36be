"""Ingest a folder in forked children that kill themselves with SIGKILL; for ``test_kill.py``.

    python kill_worker.py DOCUMENTS WORK=STEP…

Each WORK folder is ingested into in turn, its process killed at the STEP-th step (0: never); then
the exit statuses and the numbers of steps are printed as JSON. A step is the moment before or after
a write of the store, the ledger or the quarantine. One parent imports everything once.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from conftest import REQUEST, HashingEmbedder
from llama_index.core.node_parser import SentenceSplitter  # noqa: F401 - once, in the parent
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings import IngestSettings, Settings
from ragbastion.ingest import IngestPipeline, Ledger, Quarantine
from ragbastion.ingest.provenance import BatchSigner
from ragbastion.ingest.scanner import Scanner
from ragbastion.tenancy import EdgeStore

SCANNER = Scanner()


class Countdown:
    """Kills the process when it has been passed ``steps`` times."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.taken = 0

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``act`` with a step before and one after it."""

        def stepped(*args: Any, **kwargs: Any) -> Any:
            self.step()
            result = act(*args, **kwargs)
            self.step()
            return result

        return stepped

    def step(self) -> None:
        """Count, and die if it was the last."""
        self.taken += 1
        if self.taken == self.steps:
            os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: Sequence[str]) -> None:
    """Run every job in a child of its own and print what became of it."""
    documents = Path(arguments[0])
    outcomes = []
    for job in arguments[1:]:
        work, steps = job.rsplit("=", 1)
        child = os.fork()
        if child == 0:
            ingest(Path(work), documents, int(steps))
            os._exit(0)
        outcomes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    sys.stdout.write(json.dumps(outcomes))


def ingest(work: Path, documents: Path, steps: int) -> None:
    """Ingest and note beside the store how many steps it took."""
    settings = Settings(state_dir=work / "state", ingest=IngestSettings(batch_documents=2))
    countdown = Countdown(steps)
    store = EdgeStore(work / "store")
    ledger = Ledger(settings.state_dir / "ledger.db")
    quarantine = Quarantine(settings.state_dir / "quarantine.db")
    for part, names in (
        (store, ("upsert", "delete")),
        (ledger, ("intend", "commit", "forget", "retire", "intend_withdrawal", "withdraw")),
        (ledger.labels, ("change", "settle")),
        (quarantine, ("add_all", "withdrawn")),
        (quarantine.watched, ("keep",)),
    ):
        for name in names:
            setattr(part, name, countdown.around(getattr(part, name)))
    pipeline = IngestPipeline(
        store=store,
        embedder=HashingEmbedder(),
        scanner=SCANNER,
        signer=BatchSigner(settings.state_dir, settings.provenance),
        quarantine=quarantine,
        ledger=ledger,
        events=MemoryEventSink(),
        settings=settings,
    )
    pipeline.ingest([documents], REQUEST)
    store.close()
    (work / "steps").write_text(str(countdown.taken))


if __name__ == "__main__":
    main(sys.argv[1:])
