"""SPIFFE IDs are what their standard says, and no more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import CredentialError, SettingsError
from ragbastion.tenancy.spiffe_id import PathTemplate, checked_trust_domain, parsed_id

LONGEST = "spiffe://example.org/" + "a" * (2_048 - len("spiffe://example.org/"))


@pytest.mark.parametrize(
    "text",
    ["spiffe://example.org/a", "spiffe://a_b-c.9/ns/Staging/sa/web-fe_1.2", LONGEST],
)
def test_good_ids_come_back(text: str) -> None:
    """Parsed and written they are the same."""
    assert str(parsed_id(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        ["spiffe://example.org/a"],
        "",
        "https://example.org/a",
        "SPIFFE://example.org/a",
        "spiffe:/example.org/a",
        "spiffe://",
        "spiffe:///a",
        "spiffe://example.org",
        "spiffe://example.org/",
        "spiffe://example.org/a/",
        "spiffe://example.org//a",
        "spiffe://example.org/./a",
        "spiffe://example.org/a/../b",
        "spiffe://example.org/a?b=c",
        "spiffe://example.org/a#b",
        "spiffe://user@example.org/a",
        "spiffe://user:word@example.org/a",
        "spiffe://example.org:443/a",
        "spiffe://Example.org/a",
        "spiffe://example%2eorg/a",
        "spiffe://example.org/a%2fb",
        "spiffe://example.org/a b",
        "spiffe://example.org/a\n",
        "spiffe://example.org/a\x00",
        "spiffe://example.org/\u0430cme",
        "spiffe://ex\u00e4mple.org/a",
        "spiffe://example.org/a;b",
        "spiffe://example.org/a\\b",
        "spiffe://" + "a" * 256 + "/a",
        LONGEST + "a",
    ],
)
def test_what_the_standard_does_not_allow_is_refused(text: object) -> None:
    """Without an echo of the text."""
    with pytest.raises(CredentialError) as caught:
        parsed_id(text)
    assert "example" not in str(caught.value)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.text(alphabet="spiffe:/.-_aZ9%?#@\u0430\n", max_size=40))
def test_nothing_else_gets_through(text: str) -> None:
    """What parses is written back as it came; all else is one kind of error."""
    try:
        assert str(parsed_id(text)) == text
    except CredentialError:
        return


@pytest.mark.parametrize(
    "name", ["", "Example.org", "example.org/", "a b", "a:1", "a@b", "a" * 256]
)
def test_odd_trust_domains_are_refused(name: str) -> None:
    """The operator's own setting is held to the same."""
    with pytest.raises(SettingsError, match="trust_domain"):
        checked_trust_domain(name)


@pytest.mark.parametrize(
    ("template", "path", "found"),
    [
        ("/{tenant}", "acme", {"tenant": "acme"}),
        ("/t/{tenant}/a/{principal}", "t/acme/a/desk", {"tenant": "acme", "principal": "desk"}),
        ("/{principal}/{tenant}", "desk/acme", {"tenant": "acme", "principal": "desk"}),
        ("/t/{tenant}", "t/acme/a", None),
        ("/t/{tenant}", "t", None),
        ("/t/{tenant}", "T/acme", None),
        ("/t/{tenant}", "u/acme", None),
    ],
)
def test_templates(template: str, path: str, found: dict[str, str] | None) -> None:
    """Whole segments, all of them, in their order and case."""
    assert PathTemplate(template).match(path.split("/")) == found


@pytest.mark.parametrize(
    "template",
    [
        "",
        "/",
        "{tenant}",
        "/a",
        "/{principal}",
        "/{tenant}/{tenant}",
        "/{tenant}/{principal}/{principal}",
        "/{tenant}/{other}",
        "/t-{tenant}",
        "/{tenant}/",
        "//{tenant}",
        "/../{tenant}",
        "/a b/{tenant}",
    ],
)
def test_odd_templates_are_refused(template: str) -> None:
    """A template that could be read in two ways is a mistake of the settings."""
    with pytest.raises(SettingsError, match="path refused"):
        PathTemplate(template)
