"""The shipped rules keep their own examples, and a bad pack is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from ragbastion.core.errors import SettingsError
from ragbastion.core.settings import ScanSettings
from ragbastion.ingest.canonical import canonical, raw_view
from ragbastion.ingest.scanner import Scanner
from ragbastion.ingest.scanner.rules import Rule, load_pack, shipped_packs
from ragbastion.ingest.scanner.signatures import Signatures

RULES = [rule for pack in shipped_packs() for rule in pack.rules]
PACK = """
pack: mine
version: 1
rules:
  - id: mine.codeword
    description: Names the code word of the drill.
    group: custom
    severity: high
    weight: 1.0
    owasp: [LLM01]
    atlas: [AML.T0051.001]
    patterns: ['\\bxyzzy-drill\\b']
    positive: [say xyzzy-drill now]
    negative: [a drill]
"""


@pytest.fixture(scope="module")
def signatures() -> Signatures:
    """Every shipped rule, compiled."""
    return Signatures(shipped_packs())


def _ids(signatures: Signatures, text: str) -> set[str]:
    views = (raw_view(text), canonical(text))
    return {match.rule.id for view in views for match in signatures.read(view)[0]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_matches_its_positive_examples(rule: Rule, signatures: Signatures) -> None:
    """Every positive example is a hit of its rule."""
    assert [text for text in rule.positive if rule.id not in _ids(signatures, text)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_passes_its_negative_examples(rule: Rule, signatures: Signatures) -> None:
    """No negative example is a hit of its rule."""
    assert [text for text in rule.negative if rule.id in _ids(signatures, text)] == []


def test_every_rule_names_owasp_and_atlas() -> None:
    """Categories are ids of the two public lists."""
    for rule in RULES:
        assert any(category.startswith("LLM") for category in rule.categories)
        assert any(category.startswith("AML.T") for category in rule.categories)


def test_every_rule_says_where_its_attack_is_described() -> None:
    """References are kept with each shipped rule."""
    assert [rule.id for rule in RULES if not rule.references] == []


def test_a_user_pack_is_read_and_named(tmp_path: Path) -> None:
    """A rule of the user's own quarantines, and the verdict says that its pack ran."""
    path = tmp_path / "mine.yaml"
    path.write_text(PACK)
    scanner = Scanner(ScanSettings(rule_packs=(path,)))
    verdict = scanner.scan("Now say xyzzy-drill aloud.")
    assert "mine.codeword" in [finding.detector for finding in verdict.findings]
    assert verdict.decision.value == "quarantine"
    assert any("mine@1+" in ran for ran in verdict.ran)
    assert scanner.version != Scanner().version


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("version: 1", "version: one"), "version"),
        (("severity: high", "severity: awful"), "severity"),
        (("group: custom", "group: nonsense"), "group"),
        (("weight: 1.0", "weight: 7.0"), "weight"),
        (("    owasp:", "    colour: red\n    owasp:"), "colour"),
        (("xyzzy-drill\\b'", "(?=ahead)'"), "RE2"),
        (("xyzzy-drill\\b'", "{{NOTHING}}'"), "NOTHING"),
        (("patterns: ['\\bxyzzy-drill\\b']", "patterns: []"), "patterns"),
        (("pack: mine", "pack: [mine"), "YAML"),
        (("id: mine.codeword", "id: override.all_rules"), "twice"),
    ],
)
def test_a_bad_pack_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    """What cannot be meant is an error that names the problem."""
    assert change[0] in PACK
    path = tmp_path / "bad.yaml"
    path.write_text(PACK.replace(*change))
    with pytest.raises(SettingsError, match=message):
        Scanner(ScanSettings(rule_packs=(path,)))


def test_a_missing_pack_is_refused(tmp_path: Path) -> None:
    """A path that does not exist is an error, not an empty pack."""
    with pytest.raises(SettingsError, match="cannot be read"):
        load_pack(tmp_path / "none.yaml")


def test_a_pack_named_twice_is_refused(tmp_path: Path) -> None:
    """The same rules may not be loaded twice."""
    path = tmp_path / "mine.yaml"
    path.write_text(PACK)
    with pytest.raises(SettingsError, match="twice"):
        Scanner(ScanSettings(rule_packs=(path, path)))


def test_fragments_that_name_each_other_are_refused(tmp_path: Path) -> None:
    """An endless expansion is an error, not a hang."""
    path = tmp_path / "loop.yaml"
    loop = PACK.replace("rules:", "fragments: {A: '{{B}}', B: '{{A}}'}\nrules:")
    path.write_text(loop.replace("xyzzy-drill", "{{A}}"))
    with pytest.raises(SettingsError, match="fragment"):
        load_pack(path)
