"""Optimising in the background: what it frees, what it leaves alone, and how it ends."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import EdgeStore
from ragbastion.tenancy.edge_folders import shard_folder, tenant_folder
from ragbastion.tenancy.store_files import allocated_bytes

IDENTITY = EmbedderIdentity(model="m", dimension=64)
ACME = TenantId("acme")
NAMES = [ChunkId(f"p{i}") for i in range(3000)]
LIMIT_S = 30

DELETER = """
import sys
from pathlib import Path
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.tenancy import EdgeStore

store = EdgeStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
store.delete("docs", TenantId("acme"), [ChunkId(f"p{i}") for i in range(2500)])
print("deleted", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a closed store with 3,000 points of one tenant, to be copied."""
    path = tmp_path_factory.mktemp("optimizer") / "store"
    store = EdgeStore(path)
    store.create_collection("docs", IDENTITY)
    store.upsert("docs", ACME, [point(name) for name in NAMES])
    store.close()
    return path


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    """Return a store of one's own with 3,000 points of one tenant."""
    subprocess.run(["cp", "-r", "--sparse=always", filled, tmp_path / "store"], check=True)
    return tmp_path / "store"


@pytest.fixture
def store(path: Path) -> Iterator[EdgeStore]:
    """Return the store, opened without work in the background."""
    opened = EdgeStore(path, optimize=False)
    yield opened
    opened.close()


def point(name: str) -> StoredPoint:
    """Return a point with a vector of its own."""
    vector = np.random.default_rng(int(name[1:])).standard_normal(64).astype(np.float32)
    return StoredPoint(id=ChunkId(name), vector=vector, payload={"text": name * 100})


def shard(path: Path) -> Path:
    """Return where the tenant's engine files are now."""
    found = shard_folder(tenant_folder(path / "docs", ACME))
    assert found is not None
    return found


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait for what the background does."""
    end = time.monotonic() + LIMIT_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def kept(store: EdgeStore) -> set[str]:
    """Return the ids of the tenant."""
    return {str(each.id) for each in store.scroll("docs", ACME)}


def test_optimising_frees_what_was_deleted(store: EdgeStore, path: Path) -> None:
    """The segment without the deleted points is smaller, and the rest is found."""
    store.delete("docs", ACME, NAMES[:2500])
    before = allocated_bytes(shard(path) / "segments")
    assert store.optimize("docs", ACME)
    assert allocated_bytes(shard(path) / "segments") < before / 2
    assert kept(store) == set(NAMES[2500:])
    assert store.search("docs", ACME, point("p2999").vector, 1)[0].point.id == "p2999"


def test_nothing_to_optimise_is_told(store: EdgeStore, path: Path) -> None:
    """Without deleted points, and for an unknown tenant, nothing is rewritten."""
    before = shard(path)
    assert not store.optimize("docs", ACME)
    assert not store.optimize("docs", TenantId("globex"))
    assert shard(path) == before


def test_background_takes_up_a_shard_with_many_deletes(path: Path) -> None:
    """Some time after the deletes the shard is another one, with the same points."""
    store = EdgeStore(path)
    before = shard(path)
    store.delete("docs", ACME, NAMES[:2500])
    assert eventually(lambda: shard(path) != before)
    assert kept(store) == set(NAMES[2500:])
    store.close()


@pytest.mark.parametrize(("optimize", "deleted"), [(False, 2500), (True, 900)])
def test_background_leaves_shards_alone(path: Path, optimize: bool, deleted: int) -> None:
    """Nothing runs if the setting is off, or if too little was deleted to be worth it."""
    store = EdgeStore(path, optimize=optimize)
    store.delete("docs", ACME, NAMES[:deleted])
    assert not any(thread.name == "edge-optimizer" for thread in threading.enumerate())
    store.close()


def test_writes_and_reads_meanwhile_are_kept(path: Path) -> None:
    """Points that are written while shards are rewritten are there afterwards."""
    store = EdgeStore(path)
    store.delete("docs", ACME, NAMES[:2500])
    for i in range(3000, 3040):
        store.upsert("docs", ACME, [point(f"p{i}")])
        assert store.count("docs", ACME) == 500 + i - 2999
        store.optimize("docs", ACME) if i % 10 == 0 else time.sleep(0.02)
    assert kept(store) == {*NAMES[2500:], *(f"p{i}" for i in range(3000, 3040))}
    store.close()
    again = EdgeStore(path)
    assert again.count("docs", ACME) == 540
    again.close()


def test_closing_ends_the_work(path: Path) -> None:
    """Closing waits for no vacuum: the child is gone, its copy too, and the points are there."""
    store = EdgeStore(path)
    store.delete("docs", ACME, NAMES[:2500])
    folder = tenant_folder(path / "docs", ACME)
    assert eventually(lambda: any(folder.glob(".staging-*")) or shard(path).name != "shard")
    store.close()
    assert list(folder.glob(".staging-*")) == []
    assert not any(thread.name == "edge-optimizer" for thread in threading.enumerate())
    again = EdgeStore(path)
    assert again.count("docs", ACME) == 500
    again.close()


@pytest.mark.parametrize("wait_s", [0.55, 0.7, 0.9, 1.1])
def test_kill_while_optimising_loses_nothing(path: Path, wait_s: float) -> None:
    """SIGKILL at several moments of the vacuum: the store opens with every point, and clean."""
    command = [sys.executable, "-c", DELETER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.write("go\n")
        process.stdin.flush()
        process.stdout.readline()
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
    store = EdgeStore(path, optimize=False)
    assert kept(store) == set(NAMES[2500:])
    folder = tenant_folder(path / "docs", ACME)
    assert sorted(each.name for each in folder.iterdir()) == [shard(path).name, "tenant.json"]
    store.close()
