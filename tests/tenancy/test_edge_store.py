"""What only the embedded store promises: folders, locks, kills, full disks and altered files."""

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import (
    IsolationError,
    StoreError,
    StoreFullError,
    StoreLockedError,
)
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import EdgeStore
from ragbastion.tenancy.edge_folders import tenant_folder
from ragbastion.tenancy.edge_shard import EdgeShard
from ragbastion.tenancy.point_identity import namespaced_id

IDENTITY = EmbedderIdentity(model="m", dimension=2)
ACME = TenantId("acme")
GLOBEX = TenantId("globex")

WRITER = """
import sys
import threading
from pathlib import Path
import numpy as np
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import EdgeStore

store = EdgeStore(Path(sys.argv[1]))
store.create_collection("docs", EmbedderIdentity(model="m", dimension=2))
print("ready", flush=True)
for i in range(100_000):
    vector = np.array([i + 1, 1], dtype=np.float32)
    pair = [StoredPoint(id=ChunkId(f"{i}{s}"), vector=vector, payload={"i": i}) for s in "ab"]
    store.upsert("docs", TenantId(f"t{i % 7}"), pair)
    print(i, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the store's folder, with collection "docs" and one point of each of two tenants."""
    with_points = EdgeStore(tmp_path / "store")
    with_points.create_collection("docs", IDENTITY)
    for tenant in (ACME, GLOBEX):
        with_points.upsert("docs", tenant, [point("a")])
    with_points.close()
    return tmp_path / "store"


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that writes pairs of points to tmp_path/live until it is killed."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "live")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def point(name: str) -> StoredPoint:
    """Return a point with a fixed vector."""
    return StoredPoint(id=ChunkId(name), vector=np.array([1, 0], dtype=np.float32), payload={})


def test_tenants_have_folders_of_their_own(path: Path) -> None:
    """Each tenant is one folder that names it and holds its engine files."""
    folders = sorted(f for f in (path / "docs").iterdir() if f.is_dir())
    recorded = [json.loads((f / "tenant.json").read_text())["tenant"] for f in folders]
    assert recorded == ["acme", "globex"]
    assert all((folder / "shard" / "segments").is_dir() for folder in folders)


def test_last_delete_removes_the_tenants_files(path: Path) -> None:
    """With the last point of a tenant its folder goes, and no other."""
    store = EdgeStore(path)
    store.delete("docs", ACME, [ChunkId("a")])
    store.close()
    assert not tenant_folder(path / "docs", ACME).exists()
    assert tenant_folder(path / "docs", GLOBEX).exists()


def test_folder_is_owner_only(path: Path) -> None:
    """Nobody else may enter the store's folder."""
    assert path.stat().st_mode & 0o077 == 0


def test_few_open_shards_serve_many_tenants(tmp_path: Path) -> None:
    """A store that keeps two shards open serves nine tenants."""
    store = EdgeStore(tmp_path, max_open_shards=2)
    store.create_collection("docs", IDENTITY)
    tenants = [TenantId(f"t{i}") for i in range(9)]
    for tenant in tenants * 2:
        store.upsert("docs", tenant, [point(tenant)])
    assert [store.count("docs", tenant) for tenant in tenants] == [1] * 9
    assert [next(store.scroll("docs", tenant)).id for tenant in tenants] == tenants
    assert store._shards.count == 2
    store.close()


def test_many_deletes_are_vacuumed(tmp_path: Path) -> None:
    """After deleting most of a large tenant the rest is found."""
    store = EdgeStore(tmp_path)
    store.create_collection("docs", IDENTITY)
    names = [ChunkId(f"p{i}") for i in range(3000)]
    store.upsert("docs", ACME, [point(name) for name in names])
    store.delete("docs", ACME, names[:2500])
    assert {each.id for each in store.scroll("docs", ACME)} == set(names[2500:])
    assert len(store.search("docs", ACME, np.array([1, 0]), 1000)) == 500
    store.close()


def test_second_store_of_a_process_is_refused(path: Path) -> None:
    """One process opens a folder once, and again after closing it."""
    store = EdgeStore(path)
    with pytest.raises(StoreLockedError, match="this process"):
        EdgeStore(path)
    store.close()
    EdgeStore(path).close()


def test_other_process_is_named_and_a_kill_frees_the_store(
    tmp_path: Path, writer: subprocess.Popen[str]
) -> None:
    """The error names the holder's pid; when the holder is killed the lock is free."""
    assert writer.stdout is not None
    writer.stdout.readline()
    with pytest.raises(StoreLockedError, match=f"process {writer.pid}"):
        EdgeStore(tmp_path / "live")
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    EdgeStore(tmp_path / "live").close()


@pytest.mark.parametrize("lines", [1, 5, 40])
def test_writes_survive_a_kill(tmp_path: Path, writer: subprocess.Popen[str], lines: int) -> None:
    """What was acknowledged before SIGKILL is there, and of each batch all or nothing."""
    assert writer.stdout is not None
    for _ in range(lines):
        writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    rest = writer.communicate()[0].split()
    acknowledged = lines - 1 + len(rest)
    store = EdgeStore(tmp_path / "live")
    found = [p for tenant in store.tenants("docs") for p in store.scroll("docs", tenant)]
    store.close()
    kept = {int(each.payload["i"]) for each in found}
    assert set(range(acknowledged)) <= kept <= set(range(acknowledged + 1))
    assert len(found) == 2 * len(kept)


def test_leftovers_of_a_kill_are_removed(path: Path) -> None:
    """Half-made folders, of a collection or a tenant, vanish at the next opening."""
    (path / ".staging-1").mkdir()
    torn = path / "docs" / ".staging-2"
    shutil.copytree(tenant_folder(path / "docs", ACME), torn)
    (torn / "tenant.json").unlink()
    store = EdgeStore(path)
    assert not (path / ".staging-1").exists()
    assert not torn.exists()
    assert store.tenants("docs") == ["acme", "globex"]
    store.close()


def test_folder_without_a_record_is_no_tenant(path: Path) -> None:
    """A stray folder inside a collection is ignored."""
    (path / "docs" / "stray").mkdir()
    store = EdgeStore(path)
    assert store.tenants("docs") == ["acme", "globex"]
    store.close()


def test_full_disk_is_told_before_writing(path: Path) -> None:
    """Without the free space that is required nothing is written, and reading goes on."""
    store = EdgeStore(path, min_free_bytes=2**62)
    with pytest.raises(StoreFullError, match="free some"):
        store.upsert("docs", ACME, [point("b")])
    with pytest.raises(StoreFullError, match="free some"):
        store.create_collection("other", IDENTITY)
    assert [each.id for each in store.scroll("docs", ACME)] == ["a"]
    store.close()


def test_swapped_tenant_folders_are_refused(path: Path) -> None:
    """A folder that was renamed to another tenant's is never served."""
    acme, globex = (tenant_folder(path / "docs", tenant) for tenant in (ACME, GLOBEX))
    shutil.rmtree(acme)
    shutil.copytree(globex, acme)
    store = EdgeStore(path)
    with pytest.raises(IsolationError, match="another tenant"):
        store.count("docs", ACME)
    store.close()


def test_swapped_shards_are_refused(path: Path) -> None:
    """Engine files of another tenant under the right record: each point is withheld."""
    acme, globex = (tenant_folder(path / "docs", tenant) / "shard" for tenant in (ACME, GLOBEX))
    shutil.rmtree(acme)
    shutil.copytree(globex, acme)
    store = EdgeStore(path)
    with pytest.raises(IsolationError, match="not of tenant 'acme'"):
        store.search("docs", ACME, np.array([1, 0]), 1)
    with pytest.raises(IsolationError, match="not of tenant 'acme'"):
        list(store.scroll("docs", ACME))
    assert store.get("docs", ACME, [ChunkId("a")]) == []
    store.close()


def test_relabelled_point_is_refused(path: Path) -> None:
    """A foreign point whose payload was rewritten to name the tenant still has a foreign id."""
    shard = EdgeShard.load(tenant_folder(path / "docs", ACME) / "shard")
    foreign = namespaced_id(GLOBEX, "x")
    shard.upsert([(foreign, [1.0, 0.0], {"tenant": "acme", "_ragbastion_id": "x"})])
    shard.close()
    store = EdgeStore(path)
    with pytest.raises(IsolationError, match="its id does not belong"):
        list(store.scroll("docs", ACME))
    store.close()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 99}'])
def test_damaged_collection_record_is_named(path: Path, content: str) -> None:
    """A collection file that cannot be read is an error that names it."""
    (path / "docs" / "collection.json").write_text(content)
    store = EdgeStore(path)
    with pytest.raises(StoreError, match="docs"):
        store.count("docs", ACME)
    store.close()


@pytest.mark.parametrize("victim", ["segment.json", "config.json", "edge_config.json"])
def test_damaged_shard_is_a_store_error(path: Path, victim: str) -> None:
    """Cut engine files give a clear error for that tenant; the other tenant is served."""
    folder = tenant_folder(path / "docs", ACME)
    for file in folder.rglob(victim):
        file.write_bytes(b"")
    store = EdgeStore(path)
    with pytest.raises(StoreError, match="cannot serve the call"):
        store.count("docs", ACME)
    assert store.count("docs", GLOBEX) == 1
    store.close()


def test_file_in_place_of_the_folder_is_a_store_error(tmp_path: Path) -> None:
    """A path that is a file cannot be a store."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be used"):
        EdgeStore(tmp_path / "file")


def test_threads_share_a_tight_budget(tmp_path: Path) -> None:
    """Threads that keep closing each other's shards lose and see nothing of each other."""
    store = EdgeStore(tmp_path, max_open_bytes=0)
    store.create_collection("docs", IDENTITY)
    failures: list[BaseException] = []

    def work(tenant: TenantId) -> None:
        try:
            for i in range(6):
                store.upsert("docs", tenant, [point(f"{tenant}{i}")])
                assert store.count("docs", tenant) == i + 1
                assert {p.id[:2] for p in store.scroll("docs", tenant)} == {tenant}
        except BaseException as error:  # noqa: BLE001 - reported by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(TenantId(f"t{i}"),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failures, store._shards.count) == ([], 0)
    store.close()


def test_writes_during_an_erasure_do_not_survive_it_in_part(tmp_path: Path) -> None:
    """A writer beside an erasure is refused or writes after it; the store stays whole."""
    store = EdgeStore(tmp_path)
    for name in ("docs", "mails"):
        store.create_collection(name, IDENTITY)
        store.upsert(name, ACME, [point("a")])
    stop = threading.Event()
    refused: list[str] = []

    def write() -> None:
        while not stop.is_set():
            try:
                store.upsert("docs", ACME, [point("b")])
            except StoreError as error:
                refused.append(str(error))

    writer = threading.Thread(target=write)
    writer.start()
    assert set(store.erase(ACME)) == {"docs", "mails"}
    stop.set()
    writer.join()
    assert store.get("docs", ACME, [ChunkId("a")]) == []
    assert store.count("mails", ACME) == 0
    assert all("is being erased" in message for message in refused)
    store.close()


def test_record_that_names_another_folder_is_refused(path: Path) -> None:
    """A tenant's record cannot lead out of the tenant's folder."""
    foreign = f"../{tenant_folder(path / 'docs', GLOBEX).name}/shard"
    record = tenant_folder(path / "docs", ACME) / "tenant.json"
    record.write_text(json.dumps({"format": 1, "tenant": "acme", "shard": foreign}))
    store = EdgeStore(path)
    with pytest.raises(StoreError, match="damaged"):
        store.count("docs", ACME)
    store.close()


def test_record_without_a_shard_name_means_the_first(path: Path) -> None:
    """Records that were written before shards could be replaced are read."""
    record = tenant_folder(path / "docs", ACME) / "tenant.json"
    record.write_text('{"format": 1, "tenant": "acme"}')
    store = EdgeStore(path)
    assert store.count("docs", ACME) == 1
    store.close()


def test_shards_left_by_a_kill_are_removed(path: Path) -> None:
    """Of two shards in a tenant's folder the one that its record names stays."""
    folder = tenant_folder(path / "docs", ACME)
    shutil.copytree(folder / "shard", folder / f"shard-{'0' * 32}")
    store = EdgeStore(path)
    assert sorted(each.name for each in folder.iterdir()) == ["shard", "tenant.json"]
    assert store.count("docs", ACME) == 1
    store.close()
