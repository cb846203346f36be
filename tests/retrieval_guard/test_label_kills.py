"""A change of a label that is killed opens nothing, raises no alarm, and can be repeated."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import Chunk, ChunkId, Digest, DocumentId, Integrity
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import AccessError
from ragbastion.core.events import MemoryEventSink
from ragbastion.ingest.ledger import Ledger, LedgerEntry, LedgerKey
from ragbastion.ingest.ledger_labels import LabelChange
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier, to_point
from ragbastion.retrieval_guard.passage import Passage
from ragbastion.retrieval_guard.readable import ReadableSearch
from ragbastion.retrieval_guard.results import Dropped
from ragbastion.retrieval_guard.sweep import Sweep, stored_points
from ragbastion.retrieval_guard.verification import Verification
from ragbastion.tenancy import DocumentAccess, EdgeStore, operator_context

from .label_worker import ACME, NAME, WIDE, perform

WORKER = Path(__file__).with_name("label_worker.py")
CHUNKS = 3
STEPS = range(1, CHUNKS + 5)
"""Two around each write of the ledger, one before each point; the fourth and later are mid-way."""

BEFORE = {"narrow": (), "widen": ("narrow",), "delete": (), "restore": ("delete",)}
"""What was done to the widely labelled document before."""
SERVED = {"narrow": 0, "widen": CHUNKS, "delete": 0, "restore": CHUNKS}
"""How many chunks a reader of the wide label gets afterwards."""

READER = operator_context(tenant=ACME, principal="bob", groups=["sales"])


def build(work: Path) -> None:
    """Store one signed document of three chunks with the wide label."""
    store, state = EdgeStore(work / "store"), work / "state"
    info = store.create_collection("docs", EmbedderIdentity(model="m", dimension=8))
    first = Chunk(
        id=ChunkId("c0"),
        text="the plan",
        tenant=ACME,
        source=NAME.source,
        document=DocumentId(NAME.document),
        document_digest=Digest("ab" * 32),
        position=0,
        metadata={},
        vector=np.eye(8, dtype=np.float32)[0],
    )
    chunks = [replace(first, id=ChunkId(f"c{at}"), position=at) for at in range(CHUNKS)]
    with closing(BatchSigner(state)) as signer, closing(Ledger(state / "ledger.db")) as ledger:
        proofs = signer.sign(chunks, collection_uid=info.uid)
        points = [to_point(chunk, proof) for chunk, proof in zip(chunks, proofs, strict=True)]
        label = WIDE.as_payload()
        key = LedgerKey.of((info.uid, ACME, NAME.source, NAME.document))
        labelled = [replace(each, payload={**each.payload, **label}) for each in points]
        ledger.labels.change([LabelChange(names=key.as_tuple(), label=label, before=None)])
        store.upsert("docs", ACME, labelled)
        ids = tuple(chunk.id for chunk in chunks)
        entry = LedgerEntry(key=key, digest=first.document_digest, pipeline="1", chunks=ids)
        ledger.commit([entry])
    store.close()


def seen(work: Path) -> tuple[int, int, dict[str, int]]:
    """Return how many chunks the reader is served, how many are dropped, and a sweep's totals."""
    with (
        closing(EdgeStore(work / "store")) as store,
        closing(ChunkVerifier(work / "state")) as verifier,
    ):
        info = store.collection("docs")
        access = DocumentAccess(events=MemoryEventSink())
        search = ReadableSearch(store, access, info, READER, verifier.labels)
        hits = search(np.eye(8, dtype=np.float32)[0], 10)
        outcomes = Verification(verifier, Integrity.UNTRUSTED)(hits, ACME, info)
        sweep = Sweep(verifier, info)
        sweep.add(ACME, stored_points(store, "docs", ACME))
    served = sum(isinstance(each, Passage) for each in outcomes)
    return served, sum(isinstance(each, Dropped) for each in outcomes), sweep.report().totals()


def seen_uid(work: Path) -> str:
    """Return the collection's uid."""
    with closing(EdgeStore(work / "store")) as store:
        return store.collection("docs").uid


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``<act><step>`` for each act, killed at each step."""
    base = tmp_path_factory.mktemp("killed")
    build(base / "wide")
    jobs = []
    for act, before in BEFORE.items():
        shutil.copytree(base / "wide", base / act)
        for each in before:
            perform(base / act, each)
        for step in STEPS:
            shutil.copytree(base / act, base / f"{act}{step}")
            jobs.append(f"{base / f'{act}{step}'}={act}={step}")
    done = subprocess.run(
        [sys.executable, str(WORKER), *jobs], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [-signal.SIGKILL] * len(jobs)
    return base


@pytest.mark.parametrize("act", BEFORE)
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_change_opens_nothing(killed: Path, act: str, step: int) -> None:
    """What is narrowed or deleted is closed once the ledger says so; nothing is named."""
    served, dropped, totals = seen(killed / f"{act}{step}")
    assert (dropped, totals["relabelled"], totals["ok"]) == (0, 0, CHUNKS)
    if act in ("narrow", "delete"):
        assert served == (CHUNKS if step == 1 else 0)
    else:
        assert served == min(CHUNKS, max(0, step - 3))


@pytest.mark.parametrize("act", BEFORE)
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_change_is_finished_by_repeating(killed: Path, act: str, step: int) -> None:
    """The same call by the same person succeeds, and nothing is left to finish."""
    work = killed / f"{act}{step}"
    repeated = work.with_name(f"{work.name} again")
    shutil.copytree(work, repeated)
    if step == STEPS[-1] and act in ("delete", "restore"):
        with pytest.raises(AccessError):
            perform(repeated, act)  # all of it was done
    else:
        assert perform(repeated, act) == CHUNKS
    served, dropped, totals = seen(repeated)
    assert (served, dropped, totals["ok"]) == (SERVED[act], 0, CHUNKS)
    with closing(Ledger(repeated / "state" / "ledger.db")) as ledger:
        kept = ledger.labels.find((seen_uid(repeated), ACME, NAME.source, NAME.document))
    assert kept is not None
    assert kept.earlier == ()
