"""API keys: made once, kept hashed, bound to a tenant, revoked at once."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from qdrant_client import QdrantClient, models
from ragbastion.core.errors import AccessError, CredentialError, StoreError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.tenancy import ApiKeys, Attributes, GuardedQdrantClient

CHOSEN = "correct-horse-battery-staple"
OLD_SCHEMA = """
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    tenant TEXT,
    principal TEXT NOT NULL,
    roles TEXT NOT NULL,
    created_at REAL NOT NULL,
    revoked_at REAL
) STRICT;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the keys are kept."""
    return tmp_path / "api_keys.db"


@pytest.fixture
def keys(path: Path) -> Iterator[ApiKeys]:
    """Return an empty set of keys."""
    opened = ApiKeys(path)
    yield opened
    opened.close()


def test_key_stands_for_what_it_was_made_for(keys: ApiKeys) -> None:
    """Tenant, principal and roles come back, and give a context."""
    plain = keys.create(tenant="acme", principal="agent-1", roles=["reader", "writer"])
    credential = keys.authenticate(plain)
    assert (credential.tenant, credential.admin) == ("acme", False)
    context = credential.context(session="s1")
    assert (context.tenant, context.principal, context.session) == ("acme", "agent-1", "s1")
    assert context.roles == frozenset({"reader", "writer"})


def test_tenants_key_cannot_name_another_tenant(keys: ApiKeys) -> None:
    """A request body that names a tenant does not widen a key."""
    credential = keys.authenticate(keys.create(tenant="acme", principal="a"))
    assert credential.context(tenant="acme").tenant == "acme"
    with pytest.raises(AccessError, match="bound to tenant 'acme'"):
        credential.context(tenant="globex")


def test_admin_key_names_its_tenant(keys: ApiKeys) -> None:
    """An administrator acts for the tenant it names, and has to name one."""
    credential = keys.authenticate(keys.create(tenant=None, principal="root"))
    assert credential.admin
    assert credential.context(tenant="globex").tenant == "globex"
    with pytest.raises(UsageError, match="must name the tenant"):
        credential.context()


@pytest.mark.parametrize(
    "bearer", [None, "", "x", "rb_", "rb__", "rb_00_x", "rb_bootstrap_x", "\ud800", "a" * 100_000]
)
def test_unknown_keys_are_refused(keys: ApiKeys, bearer: str | None) -> None:
    """Nothing, nonsense and near misses do not authenticate."""
    keys.ensure_admin(CHOSEN)
    with pytest.raises(CredentialError):
        keys.authenticate(bearer)


def test_any_changed_character_is_refused(keys: ApiKeys) -> None:
    """A key with one character flipped is another key."""
    plain = keys.create(tenant="acme", principal="a")
    for position in range(len(plain)):
        flipped = "A" if plain[position] != "A" else "B"
        with pytest.raises(CredentialError):
            keys.authenticate(plain[:position] + flipped + plain[position + 1 :])


def test_file_holds_no_key(keys: ApiKeys, path: Path) -> None:
    """The secret is not in the database nor in its log, and the file is the owner's only."""
    plain = keys.create(tenant="acme", principal="a")
    keys.ensure_admin(CHOSEN)
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert plain.rsplit("_", 1)[-1].encode() not in kept
    assert CHOSEN.encode() not in kept
    assert path.stat().st_mode & 0o077 == 0


def test_revoked_key_is_refused_at_once(keys: ApiKeys, path: Path) -> None:
    """Also by another process that had the file open."""
    other = ApiKeys(path)
    plain = keys.create(tenant="acme", principal="a")
    other.revoke(keys.authenticate(plain).key_id)
    with pytest.raises(CredentialError, match="it was revoked"):
        keys.authenticate(plain)
    other.close()


def test_revoking_an_unknown_key_is_an_error(keys: ApiKeys) -> None:
    """What was given is not repeated: it may be a whole key."""
    with pytest.raises(UsageError, match=r"^(?!.*nope).*no API key has this id"):
        keys.revoke("nope")


def test_list_shows_every_key_without_secrets(keys: ApiKeys) -> None:
    """Tenants, principals and states, oldest first."""
    keys.create(tenant="acme", principal="a", roles=["reader"])
    keys.create(tenant=None, principal="root")
    keys.revoke(keys.list()[0].id)
    listed = [(key.tenant, key.principal, key.revoked_at is None) for key in keys.list()]
    assert listed == [("acme", "a", False), (None, "root", True)]
    assert keys.list()[0].roles == frozenset({"reader"})


def test_keys_survive_reopening(keys: ApiKeys, path: Path) -> None:
    """A key made before a restart is known after it."""
    plain = keys.create(tenant="acme", principal="a")
    keys.close()
    again = ApiKeys(path)
    assert again.authenticate(plain).tenant == "acme"
    again.close()


def test_first_admin_key_is_made_once(keys: ApiKeys) -> None:
    """Without a given key one is generated and shown, the second time nothing is."""
    plain = keys.ensure_admin()
    assert plain is not None
    assert keys.authenticate(plain).admin
    assert keys.ensure_admin() is None
    keys.revoke(keys.authenticate(plain).key_id)
    assert keys.ensure_admin() is not None


def test_given_admin_key_is_registered_and_replaced(keys: ApiKeys) -> None:
    """The key of the settings works, and a new one takes its place."""
    assert keys.ensure_admin(CHOSEN) is None
    assert keys.ensure_admin(CHOSEN) is None
    assert keys.authenticate(CHOSEN).admin
    keys.ensure_admin("another-" + CHOSEN)
    with pytest.raises(CredentialError):
        keys.authenticate(CHOSEN)
    assert len(keys.list()) == 1


@pytest.mark.parametrize("plain", ["", "short", "with a line\nbreak in it", "ünïcödé-ünïcödé-ü"])
def test_weak_admin_keys_are_refused(keys: ApiKeys, plain: str) -> None:
    """A bootstrap key has to be long and printable ASCII, as an HTTP header is."""
    with pytest.raises(UsageError, match="bootstrap admin key refused"):
        keys.ensure_admin(plain)


@pytest.mark.parametrize(("tenant", "principal"), [("", "a"), ("a/b", "a"), ("acme", "")])
def test_odd_names_make_no_key(keys: ApiKeys, tenant: str, principal: str) -> None:
    """A key for a tenant that no context accepts is refused, and nothing is kept."""
    with pytest.raises(UsageError):
        keys.create(tenant=tenant, principal=principal)
    assert list(keys.list()) == []


def test_damaged_file_is_a_clear_error(path: Path) -> None:
    """A file that is no database is not overwritten."""
    path.write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        ApiKeys(path)


def test_digest_is_not_of_the_id_alone(keys: ApiKeys, path: Path) -> None:
    """Two keys have different digests in the file."""
    for _ in range(2):
        keys.create(tenant="acme", principal="a")
    with sqlite3.connect(path) as database:
        digests = [row[0] for row in database.execute("SELECT digest FROM api_keys")]
    database.close()
    assert len(set(digests)) == 2


def test_attributes_travel_with_the_key(keys: ApiKeys, path: Path) -> None:
    """Groups, department and clearance are kept and stand in the context."""
    given = Attributes(groups=["sales", "emea"], department="retail", clearance=2)
    plain = keys.create(tenant="acme", principal="a", attributes=given)
    again = ApiKeys(path)
    context = again.authenticate(plain).context()
    (listed,) = again.list()
    again.close()
    assert (context.groups, context.department, context.clearance) == (
        frozenset({"sales", "emea"}), "retail", 2
    )  # fmt: skip
    assert (listed.groups, listed.department, listed.clearance) == (
        frozenset({"sales", "emea"}), "retail", 2
    )  # fmt: skip


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes(clearance=4),
        Attributes(groups=["a\nb"]),
        Attributes(department="x" * 10_240),
    ],
)
def test_odd_attributes_make_no_key(keys: ApiKeys, attributes: Attributes) -> None:
    """What no context accepts is no key."""
    with pytest.raises(UsageError, match="context refused"):
        keys.create(tenant="acme", principal="a", attributes=attributes)
    assert list(keys.list()) == []


@pytest.mark.parametrize("end", [0.0, -1.0, float("nan"), float("inf")])
def test_a_key_that_has_ended_is_not_made(keys: ApiKeys, end: float) -> None:
    """An end must be a time to come."""
    with pytest.raises(UsageError, match="time to come"):
        keys.create(tenant="acme", principal="a", expires_at=end)


def test_an_expired_key_is_refused(keys: ApiKeys, path: Path) -> None:
    """Before its end a key works, from then on it does not, and neither does its context."""
    plain = keys.create(tenant="acme", principal="a", expires_at=time.time() + 60)
    context = keys.authenticate(plain).context()
    context.require_active()
    _set(path, "expires_at = 1.0")
    with pytest.raises(CredentialError, match="it has expired"):
        keys.authenticate(plain)
    with pytest.raises(CredentialError, match="it has expired"):
        context.require_active()


def test_an_expired_admin_key_is_replaced(keys: ApiKeys, path: Path) -> None:
    """An installation is not left without an administrator."""
    keys.ensure_admin()
    _set(path, "expires_at = 1.0")
    assert keys.ensure_admin() is not None


def test_a_client_in_use_stops_with_its_key(keys: ApiKeys, path: Path) -> None:
    """Revoked in mid-stream by another process: the next page is refused, and audited."""
    plain = keys.create(tenant="acme", principal="a")
    events = MemoryEventSink()
    context = keys.authenticate(plain).context(session="s1")
    client = QdrantClient(":memory:")
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    client.create_collection("docs", vectors_config=size)
    guarded = GuardedQdrantClient(client, context, events)
    guarded.upsert("docs", [models.PointStruct(id=n, vector=[1.0, 0.0]) for n in (1, 2)])
    page, offset = guarded.scroll("docs", limit=1)
    assert (len(page), offset is not None) == (1, True)
    other = ApiKeys(path)
    other.revoke(keys.list()[0].id)
    other.close()
    with pytest.raises(CredentialError, match="it was revoked"):
        guarded.scroll("docs", limit=1, offset=offset)
    (event,) = events.events
    assert (event.kind, event.tenant, event.session) == ("tenancy.refused", "acme", "s1")


def test_contexts_of_a_replaced_key_stop(keys: ApiKeys) -> None:
    """A new bootstrap key ends what the earlier one began."""
    keys.ensure_admin(CHOSEN)
    context = keys.authenticate(CHOSEN).context(tenant="acme")
    keys.ensure_admin("another-" + CHOSEN)
    with pytest.raises(CredentialError, match="replaced"):
        context.require_active()


def test_contexts_of_closed_keys_are_refused(keys: ApiKeys) -> None:
    """Whether a key still holds cannot be known, so it does not."""
    context = keys.authenticate(keys.create(tenant="acme", principal="a")).context()
    keys.close()
    with pytest.raises(StoreError, match="is it closed"):
        context.require_active()


def test_a_file_of_an_older_release_is_taken_over(path: Path) -> None:
    """Its keys stay valid without attributes, and new keys have them; twice opened is once."""
    plain = "rb_0123456789abcdef_" + "s" * 43
    with sqlite3.connect(path) as database:
        database.executescript(OLD_SCHEMA)
        digest = hashlib.sha256(plain.encode()).digest()
        row = ("0123456789abcdef", digest, "acme", "old", '["reader"]', 1.0, None)
        database.execute("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    database.close()
    first, second = ApiKeys(path), ApiKeys(path)
    old = second.authenticate(plain)
    assert (old.principal, old.roles, old.groups, old.clearance, old.expires_at) == (
        "old", frozenset({"reader"}), frozenset(), 0, None
    )  # fmt: skip
    new = first.create(tenant="acme", principal="new", attributes=Attributes(clearance=1))
    assert second.authenticate(new).clearance == 1
    first.close()
    second.close()


def test_several_processes_take_over_a_file_at_once(path: Path) -> None:
    """Opening in parallel adds each column once."""
    with sqlite3.connect(path) as database:
        database.executescript(OLD_SCHEMA)
    database.close()
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: ApiKeys(path), range(8)))
    for each in opened:
        assert list(each.list()) == []
        each.close()


def test_an_admin_may_ask_to_administer(keys: ApiKeys) -> None:
    """Only when asked for, and only with an administrator's key."""
    admin = keys.authenticate(keys.create(tenant=None, principal="root"))
    assert admin.context(tenant="acme").admin is False
    assert admin.context(tenant="acme", admin=True).admin is True
    tenants = keys.authenticate(keys.create(tenant="acme", principal="a"))
    with pytest.raises(AccessError, match="may not administer"):
        tenants.context(admin=True)


def test_an_admin_acts_for_others(keys: ApiKeys) -> None:
    """It vouches for principal, roles and attributes; its contexts end with its key."""
    plain = keys.create(tenant=None, principal="root", roles=["admin"])
    context = keys.authenticate(plain).acting_for(
        tenant="acme", principal="eve", roles=["reader"], attributes=Attributes(clearance=1)
    )
    assert (context.principal, context.roles, context.clearance, context.admin) == (
        "eve", frozenset({"reader"}), 1, False
    )  # fmt: skip
    keys.revoke(keys.list()[0].id)
    with pytest.raises(CredentialError, match="revoked"):
        context.require_active()


def test_nobody_gains_an_admins_rights_by_being_named(keys: ApiKeys) -> None:
    """What is left out is the key's own for its own principal alone."""
    rights = Attributes(groups=["board"], department="legal", clearance=3)
    plain = keys.create(tenant=None, principal="root", roles=["admin"], attributes=rights)
    credential = keys.authenticate(plain)
    for named, expected in (
        ("eve", (frozenset(), frozenset(), "", 0)),
        ("root", (frozenset({"admin"}), frozenset({"board"}), "legal", 3)),
        (None, (frozenset({"admin"}), frozenset({"board"}), "legal", 3)),
    ):
        made = credential.acting_for(tenant="acme", principal=named)
        assert (made.roles, made.groups, made.department, made.clearance) == expected


def test_a_tenants_key_acts_for_nobody_else(keys: ApiKeys) -> None:
    """Not within its own tenant either."""
    credential = keys.authenticate(keys.create(tenant="acme", principal="a"))
    with pytest.raises(AccessError, match="may not act for others"):
        credential.acting_for(tenant="acme", principal="b")


def _set(path: Path, what: str) -> None:
    """Change the rows of the file behind the back of who has it open."""
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE api_keys SET {what}")
    database.close()


def test_an_end_that_no_date_can_tell_is_refused(keys: ApiKeys) -> None:
    """One such key would break every list of keys."""
    with pytest.raises(UsageError, match="before the year 9999"):
        keys.create(tenant="acme", principal="a", expires_at=1e300)
    assert keys.list() == []
