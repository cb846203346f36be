"""Which names tenants and collections may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.core.errors import UsageError
from ragbastion.tenancy.names import checked_collection, checked_tenant


@pytest.mark.parametrize(
    "name",
    ["a", "acme", "Acme-2", "team_1.eu:prod", "user@host", "x" * 128, "köln", "東京", "дом"],
)
def test_plain_names_pass(name: str) -> None:
    """Letters of any one script, digits and a few signs are allowed."""
    assert checked_tenant(name) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "not empty"),
        (None, "not empty"),
        (7, "not empty"),
        (["acme"], "not empty"),
        ("x" * 129, "129 characters"),
        ("a b", "U[+]0020"),
        ("a\n", "U[+]000A"),
        ("a\x00", "U[+]0000"),
        ("a/b", "U[+]002F"),
        ("a\\b", "U[+]005C"),
        ("..", "U[+]002E at 0"),
        ("-rf", "U[+]002D at 0"),
        ("a\u200bb", "U[+]200B"),
        ("a\u202eb", "U[+]202E"),
        ("a\U000e0041", "U[+]E0041"),
        ("a\ud800", "U[+]D800"),
        ("mu\u0308nchen", "normal form"),
        ("ａｃｍｅ", "normal form"),
        ("ﬁrm", "normal form"),
        ("аcme", "several scripts"),
        ("αcme", "several scripts"),
        ("асе", "look Latin"),
        ("ΑΒΕ", "look Latin"),
        ("a1١", "several scripts"),
        ("🏰", "U[+]1F3F0"),
        ("*", "U[+]002A"),
    ],
)
def test_odd_tenants_are_refused(name: object, why: str) -> None:
    """What is empty, long, invisible, a path or a look-alike is refused, and the reason told."""
    with pytest.raises(UsageError, match=why):
        checked_tenant(name)


@given(name=st.text(max_size=20))
def test_what_passes_is_safe_in_a_path(name: str) -> None:
    """No accepted tenant holds a separator, a space, a control or an invisible character."""
    try:
        checked_tenant(name)
    except UsageError:
        return
    assert name.isprintable()
    assert not set(name) & set("/\\ \t\n\x00*?")
    assert not name.startswith(".")


@pytest.mark.parametrize("name", ["docs", "Docs_2", "a.b-c", "0", "x" * 128])
def test_plain_collections_pass(name: str) -> None:
    """ASCII letters, digits and a few signs."""
    assert checked_collection(name) == name


@pytest.mark.parametrize("name", ["", None, 7, ".", "..", "-a", "a b", "é", "a\n", "x" * 129])
def test_odd_collections_are_refused(name: object) -> None:
    """Anything that is not a plain file name is refused."""
    with pytest.raises(UsageError, match="collection refused"):
        checked_collection(name)


def test_a_name_that_compares_as_another_is_still_itself() -> None:
    """A text type with its own comparison gets no name passed that only another one may have."""

    class Twin(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return hash("acme")

    checked_tenant("acme")
    with pytest.raises(UsageError, match=r"U[+]002F"):
        checked_tenant(Twin("acme/globex"))
    assert type(checked_tenant(Twin("globex"))) is str
