"""Names of tenants' collections tell no tenant and never meet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import UsageError
from ragbastion.tenancy.collection_names import MAX_BASE_CHARS, TenantNames, named_for_a_tenant
from ragbastion.tenancy.names import checked_collection

KEY = b"k" * 32
words = st.text("ab.-_1", min_size=1, max_size=8).filter(lambda word: word[0].isalnum())


@settings(max_examples=30)
@given(pairs=st.lists(st.tuples(words, words), min_size=2, max_size=6, unique=True))
def test_names_never_meet(pairs: list[tuple[str, str]]) -> None:
    """Different tenants or bases have different collections, and shards are no collections."""
    names = TenantNames(KEY)
    made = {names.collection(tenant, base) for tenant, base in pairs}
    shards = {names.shard(tenant, base) for tenant, base in pairs}
    assert len(made) == len(shards) == len(pairs)
    digests = {name.rsplit(".", 1)[1] for name in made}
    assert digests.isdisjoint(shards)


def test_name_depends_on_the_key() -> None:
    """Without the key nobody can tell a tenant's collection by making its name."""
    made = {TenantNames(key).collection("acme", "docs") for key in (KEY, b"l" * 32)}
    assert len(made) == 2
    assert all("acme" not in name for name in made)


def test_longest_base_fits() -> None:
    """The longest base gives a name that a collection may have, and is known by its form."""
    name = TenantNames(KEY).collection("acme", "d" * MAX_BASE_CHARS)
    assert checked_collection(name) == name
    assert named_for_a_tenant(name)
    assert not named_for_a_tenant("docs")


@pytest.mark.parametrize(
    ("tenant", "base"),
    [
        ("acme", "d" * (MAX_BASE_CHARS + 1)),
        ("acme", "a/b"),
        ("acme", ""),
        ("a\x00b", "docs"),
        ("x" * 10_000, "docs"),
        ("", "docs"),
    ],
)
def test_bad_names_are_refused(tenant: str, base: str) -> None:
    """What no tenant or collection can be called has no name."""
    with pytest.raises(UsageError):
        TenantNames(KEY).collection(tenant, base)


@pytest.mark.parametrize("key", [b"", b"k" * 31, "k" * 32])
def test_short_key_is_refused(key: bytes) -> None:
    """A key that could be guessed, or is a text, makes no names."""
    with pytest.raises(UsageError, match="32 random bytes"):
        TenantNames(key)
