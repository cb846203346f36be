"""How many shards stay open: bounds in number and bytes, and what is never closed."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import StoreError
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import EdgeStore
from ragbastion.tenancy.edge_folders import tenant_folder
from ragbastion.tenancy.open_shards import OpenShards

TENANTS = [TenantId(f"t{i}") for i in range(5)]
MANY = 1_000
MUCH = 10**12


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the folders of five tenants of a closed store."""
    path = tmp_path_factory.mktemp("shards")
    store = EdgeStore(path)
    store.create_collection("docs", EmbedderIdentity(model="m", dimension=2))
    vector = np.array([1, 0], dtype=np.float32)
    for tenant in TENANTS:
        store.upsert("docs", tenant, [StoredPoint(id=ChunkId("a"), vector=vector, payload={})])
    store.close()
    return [tenant_folder(path / "docs", tenant) for tenant in TENANTS]


@pytest.fixture
def shards() -> Iterator[OpenShards]:
    """Return shards with bounds that nothing reaches."""
    opened = OpenShards(MANY, MUCH)
    yield opened
    opened.close()


def opened_one_by_one(shards: OpenShards, folders: list[Path]) -> int:
    """Use each folder's shard once; return the estimate of one."""
    for folder in folders:
        with shards.using(folder) as shard:
            assert shard is not None
            size = shard.resident_bytes()
    return size


def test_number_is_bounded(folders: list[Path]) -> None:
    """Of five shards that were used, two stay open."""
    shards = OpenShards(2, MUCH)
    opened_one_by_one(shards, folders)
    assert shards.count == 2
    shards.close()


def test_bytes_are_bounded(shards: OpenShards, folders: list[Path]) -> None:
    """A budget of a little over three shards keeps three open."""
    size = opened_one_by_one(shards, folders)
    tight = OpenShards(MANY, size * 3 + 100_000)
    shards.close()
    opened_one_by_one(tight, folders)
    assert (tight.count, tight.size <= size * 3 + 100_000) == (3, True)
    tight.close()


def test_least_recently_used_is_closed_first(folders: list[Path]) -> None:
    """A shard that was used again outlives one that was not."""
    shards = OpenShards(2, MUCH)
    opened_one_by_one(shards, [folders[0], folders[1], folders[0], folders[2]])
    assert list(shards._open) == [folders[0], folders[2]]
    shards.close()


def test_shard_in_use_stays_open(folders: list[Path]) -> None:
    """A budget of nothing closes every shard when its use ends, and none before."""
    shards = OpenShards(MANY, 0)
    with shards.using(folders[0]) as first, shards.using(folders[1]) as second:
        assert first is not None
        assert second is not None
        assert (first.count(), second.count(), shards.count) == (1, 1, 2)
    assert (shards.count, shards.size) == (0, 0)
    shards.close()


def test_writes_are_counted(shards: OpenShards, folders: list[Path]) -> None:
    """What a shard takes grows with what is written to it."""
    before = opened_one_by_one(shards, folders[:1])
    with shards.writing(folders[0]) as shard:
        assert shard is not None
        found = shard.get([shard.page(None)[0][0][0]])
        ((id_, (vector, payload)),) = found.items()
        shard.upsert([(id_, vector, {**payload, "text": "x" * 500_000})])
    assert shards.size >= before + 500_000


def test_exclusive_waits_for_users_and_holds_others_off(
    shards: OpenShards, folders: list[Path]
) -> None:
    """A block that must be alone begins after the users and ends before the next."""
    order: list[str] = []
    with shards.using(folders[0]):
        alone = threading.Thread(target=_alone, args=(shards, folders[0], order))
        alone.start()
        alone.join(0.2)
        order.append("used")
    alone.join()
    with shards.using(folders[0]):
        order.append("used again")
    assert order == ["used", "alone", "used again"]


def _alone(shards: OpenShards, folder: Path, order: list[str]) -> None:
    with shards.exclusive(folder):
        order.append("alone")


def test_closed_shards_open_no_more(shards: OpenShards, folders: list[Path]) -> None:
    """After close a use is refused."""
    shards.close()
    with pytest.raises(StoreError, match="closed"), shards.using(folders[0]):
        pass
