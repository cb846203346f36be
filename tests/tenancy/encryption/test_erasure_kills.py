"""SIGKILL between the steps of erasing a sealed tenant: nothing readable is left half erased."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from ragbastion.core.chunk import ChunkId, TenantId
from ragbastion.core.embedding import EmbedderIdentity
from ragbastion.core.errors import ErasedTenantError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.store import StoredPoint
from ragbastion.tenancy import PayloadCipher, TenantKeys, TenantStore, erase_tenant, open_store
from ragbastion.tenancy.encryption import FileKeyEncryption

WORKER = Path(__file__).with_name("tenant_erasure_worker.py")
ACME, GLOBEX = TenantId("acme"), TenantId("globex")


@contextmanager
def opened(root: Path) -> Iterator[tuple[TenantStore, TenantKeys, MemoryEventSink]]:
    """Open store and keys as a program does after a start."""
    events = MemoryEventSink()
    with ExitStack() as stack:
        keys = TenantKeys(root / "keys.db", FileKeyEncryption(root / "kek"), events)
        stack.enter_context(closing(keys))
        store = open_store(str(root / "store"), cipher=PayloadCipher(keys))
        stack.enter_context(closing(store))
        yield store, keys, events


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a sealed store of two tenants."""
    FileKeyEncryption.create(tmp_path / "kek")
    with opened(tmp_path) as (store, *_):
        store.create_collection("docs", EmbedderIdentity(model="m", dimension=2))
        for tenant in (ACME, GLOBEX):
            point = StoredPoint(
                id=ChunkId("a"), vector=np.array([1.0, 0.0]), payload={"text": "hello"}
            )
            store.upsert("docs", tenant, [point])
    return tmp_path


def killed_at(root: Path, kind: str) -> None:
    """Erase acme in a process that dies when it would report this."""
    places = [root / "store", root / "keys.db", root / "kek"]
    done = subprocess.run([sys.executable, WORKER, *places, kind], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL


def test_before_the_first_event_nothing_is_erased(root: Path) -> None:
    """What is not recorded does not happen."""
    killed_at(root, "tenancy.erasing")
    with opened(root) as (store, *_):
        assert [each.payload["text"] for each in store.scroll("docs", ACME)] == ["hello"]


def test_after_the_keys_nothing_opens(root: Path) -> None:
    """The points are there and closed; the proof is reported at the start, the rest by a repeat."""
    killed_at(root, "tenancy.keys_erased")
    with opened(root) as (store, keys, events):
        assert [event.kind for event in events.events] == ["tenancy.keys_erased"]
        with pytest.raises(ErasedTenantError):
            list(store.scroll("docs", ACME))
        assert erase_tenant(store, ACME, events, keys=keys) == {"docs": 1}
        assert (store.tenants("docs"), len(list(store.scroll("docs", GLOBEX)))) == ([GLOBEX], 1)


def test_after_the_points_a_repeat_only_reports(root: Path) -> None:
    """The last event is made up for."""
    killed_at(root, "tenancy.erased")
    with opened(root) as (store, keys, events):
        assert store.tenants("docs") == [GLOBEX]
        assert erase_tenant(store, ACME, events, keys=keys) == {}
        assert events.events[-1].kind == "tenancy.erased"
