"""A trust policy says what it means, and what is wrong with it."""

import pytest
from ragbastion.core.errors import SettingsError
from ragbastion.ingest.provenance.source_records import TrustTier
from ragbastion.ingest.provenance.trust_policy import Answer, Asked, parse_policy

DAY = 86_400.0
RULE = """
version = 1
default = "{default}"
[[rule]]
tenants = ["acme"]
collections = ["hr-*"]
documents = ["pay/*"]
sources = ["wiki", "hr-*"]
minimum_tier = "internal"
max_age_days = 2
otherwise = "{otherwise}"
"""


def _answer(asked: dict[str, object], default: str = "allow", otherwise: str = "refuse") -> Answer:
    policy = parse_policy(RULE.format(default=default, otherwise=otherwise), "p")
    values: dict[str, object] = {
        "tenant": "acme",
        "collection": "hr-1",
        "source": "wiki",
        "document": "pay/may.md",
        "tier": TrustTier.INTERNAL,
        "age_s": 1.0,
    }
    return policy.decide(Asked(**{**values, **asked}))


def test_what_a_rule_allows() -> None:
    """All of its conditions hold."""
    assert _answer({}) == Answer(allowed=True)
    assert _answer({"source": "hr-9", "tier": TrustTier.AUTHORITATIVE}).allowed


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"source": "forum"}, "may not speak"),
        ({"source": "Wiki"}, "may not speak"),
        ({"tier": TrustTier.EXTERNAL}, "is external"),
        ({"age_s": 2 * DAY + 1}, "more than 2 days"),
    ],
)
def test_what_a_rule_does_not_allow(asked: dict[str, object], why: str) -> None:
    """With the reason, refused or untrusted as the rule says."""
    refused, untrusted = _answer(asked), _answer(asked, otherwise="untrusted")
    assert (refused.refused, refused.allowed, why in refused.why) == (True, False, True)
    assert (untrusted.refused, untrusted.allowed) == (False, False)


@pytest.mark.parametrize(
    "asked", [{"tenant": "other"}, {"collection": "docs"}, {"document": "may.md"}]
)
@pytest.mark.parametrize(
    ("default", "answer"),
    [("allow", (True, False)), ("untrusted", (False, False)), ("refuse", (False, True))],
)
def test_what_no_rule_is_about(
    asked: dict[str, object], default: str, answer: tuple[bool, bool]
) -> None:
    """The default decides."""
    found = _answer(asked, default=default)
    assert (found.allowed, found.refused) == answer


def test_one_rule_is_enough() -> None:
    """Of several that are about a chunk, one has to allow it; the strictest refusal counts."""
    policy = parse_policy(
        'version = 1\ndefault = "allow"\n'
        '[[rule]]\nsources = ["a"]\notherwise = "untrusted"\n[[rule]]\nsources = ["b"]\n',
        "p",
    )
    answers = [policy.decide(Asked("t", "c", each, "d", TrustTier.INTERNAL)) for each in "abc"]
    assert [(each.allowed, each.refused) for each in answers] == [
        (True, False), (True, False), (False, True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "version: Field required"),
        ("version = 2\ndefault = 'allow'", "version"),
        ("version = 1", "default"),
        ("version = 1\ndefault = 'deny'", "default"),
        ("version = 1\ndefault = 'allow'\nrules = []", "rules: Extra"),
        ("version = 1\ndefault = 'allow'\n[[rule]]", "rule.0.sources"),
        ("version = 1\ndefault = 'allow'\n[[rule]]\nsources = []", "rule.0.sources"),
        ("version = 1\ndefault = 'allow'\n[[rule]]\nsources = ['a']\ntier = 'x'", "rule.0.tier"),
        (
            "version = 1\ndefault = 'allow'\n[[rule]]\nsources = ['a']\nmax_age_days = 0",
            "max_age_days",
        ),
        ("version = 1\ndefault = 'allow'\n[[rule]]\nsources = ['a']\ntopics = []", "topics"),
        ("version = 1\ndefault = 'allow'\n[[rule]]\nsources = ['a']\ntopics = ['']", "printable"),
        ("version =", "not TOML"),
    ],
)
def test_a_wrong_policy_is_named(text: str, why: str) -> None:
    """Every wrong value, and nothing is taken for what it is not."""
    with pytest.raises(SettingsError, match="trust policy p") as refused:
        parse_policy(text, "p")
    assert why in str(refused.value)
