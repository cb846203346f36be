"""SIGKILL of a real process in the middle of a backup, a restore, a vacuum and an erasure.

The moments are spread over the time that the act takes, so that some fall into each of its steps;
what must hold, holds at every moment. Kills during writes: `test_edge_store`.
"""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import EdgeStore, backup_tenant, verify_backup

WORKER = Path(__file__).with_name("edge_worker.py")
IDENTITY = EmbedderIdentity(model="m", dimension=8)
ACME = TenantId("acme")
GLOBEX = TenantId("globex")
CANARY = "canary"
SAVED = {f"p{i}" for i in range(1500)}
LATER = {f"p{i}" for i in range(1000, 2500)}
MOMENTS = [0.15, 0.5, 0.85]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store, a backup of what acme had in it, and what it has now."""
    root = tmp_path_factory.mktemp("kills")
    store = EdgeStore(root / "store", optimize=False)
    for name in ("docs", "mails"):
        store.create_collection(name, IDENTITY)
        store.upsert(name, GLOBEX, points({"a"}, "other"))
        store.upsert(name, ACME, points(SAVED, CANARY))
    backup_tenant(store, ACME, root / "backup", MemoryEventSink())
    for name in ("docs", "mails"):
        store.delete(name, ACME, [ChunkId(each) for each in SAVED - LATER])
        store.upsert(name, ACME, points(LATER - SAVED, CANARY))
    store.close()
    return root


@pytest.fixture
def root(filled: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder."""
    subprocess.run(["cp", "-r", "--sparse=always", filled, tmp_path / "root"], check=True)
    return tmp_path / "root"


def points(names: set[str], text: str) -> list[StoredPoint]:
    """Return points with that text."""
    vector = np.ones(8, dtype=np.float32)
    return [
        StoredPoint(id=ChunkId(name), vector=vector, payload={"text": text})
        for name in sorted(names)
    ]


@pytest.fixture(scope="module")
def durations() -> dict[str, float]:
    """Return how long each act took when it was not killed, filled by the first to ask."""
    return {}


def killed(act: str, root: Path, share: float, durations: dict[str, float]) -> None:
    """Run the act in a process of its own and kill it after that share of the time it takes."""
    if act not in durations:
        spare = root.with_name("spare")
        subprocess.run(["cp", "-r", "--sparse=always", root, spare], check=True)
        durations[act] = run(act, spare, None)
        shutil.rmtree(spare)
    run(act, root, share * durations[act])


def run(act: str, root: Path, kill_after_s: float | None) -> float:
    """Start the worker; kill it then, or when it is done; return the seconds it worked."""
    target = root / ("new" if act == "backup" else "backup")
    command = [sys.executable, str(WORKER), act, str(root / "store"), str(target)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        started = time.monotonic()
        process.stdin.write("go\n")
        process.stdin.flush()
        if kill_after_s is None:
            assert process.stdout.readline() == "done\n"
        else:
            time.sleep(kill_after_s)
        took = time.monotonic() - started
        process.send_signal(signal.SIGKILL)
        process.wait()
    return took


def held(root: Path) -> dict[str, set[str]]:
    """Open the store and return acme's ids by collection; globex must have kept its own."""
    store = EdgeStore(root / "store", optimize=False)
    found = {name: {str(p.id) for p in store.scroll(name, ACME)} for name in ("docs", "mails")}
    assert [store.count(name, GLOBEX) for name in ("docs", "mails")] == [1, 1]
    store.close()
    # The engine may leave an empty ".atomicwrite…" of its own in a shard; ours must all be gone.
    leftovers = [*(root / "store").rglob(".staging-*"), *(root / "store").glob(".erasing-*")]
    assert leftovers == []
    return found


@pytest.mark.parametrize("share", MOMENTS)
def test_kill_during_backup(root: Path, durations: dict[str, float], share: float) -> None:
    """The store is as it was; the backup is whole or not there, and a second try works."""
    killed("backup", root, share, durations)
    assert held(root) == {"docs": LATER, "mails": LATER}
    if (root / "new").exists():
        manifest = verify_backup(root / "new", ACME)
        assert [each.points for each in manifest.collections] == [1500, 1500]
    else:
        run("backup", root, None)
        verify_backup(root / "new", ACME)
    assert list(root.glob(".*")) == []


@pytest.mark.parametrize("share", MOMENTS)
def test_kill_during_restore(root: Path, durations: dict[str, float], share: float) -> None:
    """Each collection holds all that it held, or all that the backup holds; never a mixture."""
    killed("restore", root, share, durations)
    found = held(root)
    assert found["docs"] in (LATER, SAVED)
    assert found["mails"] in (LATER, SAVED)
    run("restore", root, None)
    assert held(root) == {"docs": SAVED, "mails": SAVED}


@pytest.mark.parametrize("share", MOMENTS)
def test_kill_during_optimising(root: Path, durations: dict[str, float], share: float) -> None:
    """No point is lost and none comes back."""
    killed("optimize", root, share, durations)
    assert held(root) == {"docs": LATER, "mails": LATER}


@pytest.mark.parametrize("share", MOMENTS)
def test_kill_during_erasure(root: Path, durations: dict[str, float], share: float) -> None:
    """The tenant is there in full or gone from every collection, with every byte."""
    killed("erase", root, share, durations)
    found = held(root)
    assert found in ({"docs": LATER, "mails": LATER}, {"docs": set(), "mails": set()})
    if not found["docs"]:
        files = (path for path in (root / "store").rglob("*") if path.is_file())
        assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
