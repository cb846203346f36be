"""API keys: made once, kept hashed, bound to a tenant, revoked at once."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from ragbastion.core.errors import AccessError, CredentialError, UsageError
from ragbastion.tenancy import ApiKeys

CHOSEN = "correct-horse-battery-staple"


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
    with pytest.raises(CredentialError, match="unknown or revoked"):
        keys.authenticate(plain)
    other.close()


def test_revoking_an_unknown_key_is_an_error(keys: ApiKeys) -> None:
    """The id is named."""
    with pytest.raises(UsageError, match="'nope'"):
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
    from ragbastion.core.errors import StoreError

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
