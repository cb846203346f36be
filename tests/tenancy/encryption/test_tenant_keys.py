"""The life of data keys: made once, rotated, refused when they cannot be had."""

import multiprocessing
import secrets
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from ragbastion.core.errors import StoreError, TenantKeyError, UnknownTenantError, UsageError
from ragbastion.core.events import Event, MemoryEventSink
from ragbastion.tenancy.encryption import LocalKeyEncryption, PayloadCipher, TenantKeys

from .conftest import DownKms, OpenKeys, SmallKms

PLACE = ("acme", "p1", "text")


def test_a_first_seal_makes_a_key(cipher: PayloadCipher, events: MemoryEventSink) -> None:
    """One, reported without anything of the key."""
    cipher.sealed(*PLACE, "hello")
    cipher.sealed(*PLACE, "hello")
    (event,) = events.events
    assert (event.kind, event.tenant, event.outcome) == ("tenancy.key_created", "acme", "created")
    assert event.detail.keys() == {"version", "reason", "kek"}


def test_the_file_is_owner_only(keys: TenantKeys, path: Path) -> None:
    """Though what it holds is wrapped."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_holds_no_data_key(path: Path, open_keys: OpenKeys) -> None:
    """Only its wrapped form."""
    seen: list[bytes] = []

    class Watching(SmallKms):
        def wrap(self, data_key: bytes, context: object) -> bytes:
            seen.append(data_key)
            return super().wrap(data_key, context)  # type: ignore[arg-type]

    open_keys(Watching()).create("acme")
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert [len(key) for key in seen] == [32]
    assert seen[0] not in content
    assert seen[0].hex().encode() not in content


def test_old_keys_open_after_a_rotation(cipher: PayloadCipher, keys: TenantKeys) -> None:
    """New values use the new one."""
    old = cipher.sealed(*PLACE, "old")
    assert keys.rotate("acme") == 2
    new = cipher.sealed(*PLACE, "new")
    assert [cipher.opened(*PLACE, form) for form in (old, new)] == ["old", "new"]
    assert keys.newest("acme") == 2


def test_another_process_uses_a_rotated_key_at_once(open_keys: OpenKeys) -> None:
    """It looks before each seal, whatever it remembers."""
    one, other = open_keys(recheck_s=60), open_keys(recheck_s=60)
    assert one.to_seal("acme", 1).version == 1
    other.rotate("acme")
    assert one.to_seal("acme", 1).version == 2


def test_keys_outlive_the_process(open_keys: OpenKeys) -> None:
    """Closed and opened again, with a key service."""
    kms = SmallKms()
    keys = open_keys(kms)
    sealed = PayloadCipher(keys).sealed(*PLACE, "hello")
    keys.close()
    assert PayloadCipher(open_keys(kms)).opened(*PLACE, sealed) == "hello"


def test_an_open_key_is_not_asked_for_again(open_keys: OpenKeys) -> None:
    """A key service is called once a key and process."""
    kms = SmallKms()
    cipher = PayloadCipher(open_keys(kms, recheck_s=0))
    sealed = cipher.sealed(*PLACE, "hello")
    for _ in range(5):
        cipher.opened(*PLACE, sealed)
    assert kms.calls == 1


def test_the_wrong_key_encryption_key_is_named(open_keys: OpenKeys) -> None:
    """By id; nothing opens and nothing new is sealed."""
    sealed = PayloadCipher(open_keys()).sealed(*PLACE, "hello")
    other = PayloadCipher(open_keys(LocalKeyEncryption(secrets.token_bytes(32))))
    with pytest.raises(TenantKeyError, match="wrapped under 'local:"):
        other.opened(*PLACE, sealed)
    with pytest.raises(TenantKeyError, match="wrapped under 'local:"):
        other.sealed(*PLACE, "more")
    with pytest.raises(TenantKeyError, match="wrapped under 'local:"):
        other.sealed("globex", "p", "text", "more")


def test_a_failing_key_service_is_a_refusal(open_keys: OpenKeys) -> None:
    """Its error is named by type; its text, which holds a token, is not passed on."""
    cipher = PayloadCipher(open_keys(DownKms()))
    with pytest.raises(TenantKeyError, match="ConnectionError") as refused:
        cipher.sealed(*PLACE, "hello")
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_wrapped_key_moved_to_another_tenant_is_refused(open_keys: OpenKeys, path: Path) -> None:
    """Whoever can write to the file cannot give one tenant the key of another."""
    keys = open_keys()
    keys.create("acme")
    keys.create("globex")
    keys.close()
    with sqlite3.connect(path) as database:
        database.execute(
            "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE tenant = 'acme')"
        )
    database.close()
    with pytest.raises(TenantKeyError, match="altered or moved"):
        open_keys().to_seal("globex", 1)


def test_a_key_service_that_returns_something_else_is_refused(open_keys: OpenKeys) -> None:
    """A data key has 32 bytes."""

    class Short(SmallKms):
        def unwrap(self, wrapped: bytes, context: object) -> bytes:
            return b"short"

    with pytest.raises(TenantKeyError, match="not 32 bytes"):
        open_keys(Short()).to_seal("acme", 1)


def test_creating_twice_is_refused(keys: TenantKeys) -> None:
    """A rotation is asked for by its name."""
    assert keys.create("acme") == 1
    with pytest.raises(UsageError, match="rotate it instead"):
        keys.create("acme")


@pytest.mark.parametrize("act", ["rotate", "erase"])
def test_a_tenant_never_seen_is_unknown(keys: TenantKeys, act: str) -> None:
    """Nothing is made or noted for it."""
    with pytest.raises(UnknownTenantError, match="has no key"):
        getattr(keys, act)("acme")
    assert (keys.live(), keys.erased()) == ([], {})


@pytest.mark.parametrize("options", [{"max_seals": 0}, {"max_seals": 2**32 + 1},
                                     {"recheck_s": -1}, {"recheck_s": 61}])  # fmt: skip
def test_wrong_limits_are_refused(open_keys: OpenKeys, options: dict[str, float]) -> None:
    """A limit above what the nonces allow, and a bound that is none."""
    with pytest.raises(UsageError, match="refused"):
        open_keys(**options)


def test_the_same_key_twice_is_refused(open_keys: OpenKeys, kek: LocalKeyEncryption) -> None:
    """The current key is not its own predecessor."""
    with pytest.raises(UsageError, match="the same key"):
        open_keys(previous=[kek])


def test_limits_hold_over_two_processes(open_keys: OpenKeys) -> None:
    """What one reserved the other cannot have."""
    one, other = open_keys(max_seals=6), open_keys(max_seals=6)
    granted = [keys.to_seal("acme", 4) for keys in (one, other, one, other)]
    assert [(each.version, each.count) for each in granted] == [(1, 4), (1, 2), (2, 4), (2, 2)]


def test_a_limit_is_reported_as_the_reason(open_keys: OpenKeys, events: MemoryEventSink) -> None:
    """Of a rotation that nobody asked for."""
    keys = open_keys(max_seals=1)
    keys.to_seal("acme", 1)
    keys.to_seal("acme", 1)
    assert [event.detail["reason"] for event in events.events] == ["created", "limit reached"]


def test_threads_make_one_first_key(open_keys: OpenKeys) -> None:
    """However many start at once, each with the file open for itself."""
    several = [open_keys() for _ in range(4)]
    versions: list[int] = []
    threads = [
        threading.Thread(target=lambda k=keys: versions.append(k.to_seal("acme", 1).version))
        for keys in several
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions == [1] * 4
    assert len(several[0].live()) == 1


def _seal_some(path: str, key: bytes, results: "multiprocessing.Queue[list[str]]") -> None:
    keys = TenantKeys(Path(path), LocalKeyEncryption(key), MemoryEventSink(), max_seals=40)
    cipher = PayloadCipher(keys)
    results.put([cipher.sealed(*PLACE, str(at)) for at in range(30)])
    keys.close()


@pytest.mark.usefixtures("importable")
def test_processes_share_the_file(open_keys: OpenKeys, path: Path) -> None:
    """Three seal at once; one opens it all, and no key passed its limit."""
    key = secrets.token_bytes(32)
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[list[str]] = context.Queue()
    started = [context.Process(target=_seal_some, args=(str(path), key, results)) for _ in range(3)]
    for process in started:
        process.start()
    sealed = [form for _ in started for form in results.get(timeout=100)]
    for process in started:
        process.join()
    results.close()
    keys = open_keys(LocalKeyEncryption(key))
    opened = PayloadCipher(keys).opened_batch("acme", [("p1", "text", form) for form in sealed])
    assert sorted(map(int, opened)) == sorted([*range(30)] * 3)
    assert all(key.seals <= 40 for key in keys.live())


def test_a_file_that_is_no_database_is_refused(path: Path, kek: LocalKeyEncryption) -> None:
    """With its name."""
    path.parent.mkdir()
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match=r"tenant_keys\.db"):
        TenantKeys(path, kek, MemoryEventSink())


def test_a_sink_that_fails_stops_the_first_seal(path: Path, kek: LocalKeyEncryption) -> None:
    """A key that nobody could audit is not used by the call that made it."""

    class Full:
        def emit(self, event: Event) -> None:
            raise StoreError("the log is full")

    keys = TenantKeys(path, kek, Full())
    with pytest.raises(StoreError, match="log is full"):
        keys.to_seal("acme", 1)
    keys.close()
