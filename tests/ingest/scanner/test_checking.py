"""A bad or hostile rule pack is refused by rule and cause, or bounded by the engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from ragbastion.core.errors import SettingsError
from ragbastion.ingest.canonical import raw_view
from ragbastion.ingest.scanner.checking import check_pack
from ragbastion.ingest.scanner.rules import load_pack
from ragbastion.ingest.scanner.signatures import Signatures

RULE = r"""
  - id: mine.codeword
    description: Names the code word of the drill.
    group: custom
    severity: high
    weight: 1.0
    owasp: [LLM01]
    atlas: [AML.T0051.001]
    references: ['https://example.org/drill', 'arXiv:2302.12173']
    patterns: ['\bxyzzy-drill\b']
    positive: [say xyzzy-drill now]
    negative: [a drill]
"""
PACK = "pack: mine\nversion: 1\nrules:" + RULE


def _written(folder: Path, content: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(content)
    return path


def test_a_good_pack_has_no_problems(tmp_path: Path) -> None:
    """A pack that loads and keeps its examples may be used."""
    assert check_pack(_written(tmp_path, PACK)) == ()


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("'\\bxyzzy-drill\\b'", "'xyzzy(?=-drill)'", "invalid perl operator"),
        ("'\\bxyzzy-drill\\b'", "'(xyzzy)-\\1'", "invalid escape sequence"),
        ("'\\bxyzzy-drill\\b'", "'(?>xyzzy)-drill'", "invalid perl operator"),
        ("'\\bxyzzy-drill\\b'", "'xyzzy++'", "bad repetition operator"),
        ("'\\bxyzzy-drill\\b'", "'(xyzzy-drill'", "missing \\)"),
        ("'\\bxyzzy-drill\\b'", "'(((x{1,99}){1,99}){1,99}){1,99}'", "RE2"),
        ("'\\bxyzzy-drill\\b'", "'x{1,5000}'", "invalid repetition size"),
        ("'\\bxyzzy-drill\\b'", "'(?:xyzzy)*'", "empty text"),
        ("'\\bxyzzy-drill\\b'", "'{{DRILL}}'", "unknown fragment"),
        ("    positive: [say xyzzy-drill now]\n", "", "positive: Field required"),
        ("positive: [say xyzzy-drill now]", "positive: []", "positive: List should have"),
        ("    negative: [a drill]\n", "", "negative: Field required"),
        ("arXiv:2302.12173", "a paper that I read", "no https URL"),
        ("weight: 1.0", "weight: 0", "weight"),
        ("say xyzzy-drill now", "say nothing", "does not match its positive example"),
        ("[a drill]", "[an xyzzy-drill]", "matches its negative example"),
    ],
)
def test_a_problem_names_the_rule_and_the_cause(
    tmp_path: Path, old: str, new: str, cause: str
) -> None:
    """What is wrong with one rule is told of that rule."""
    assert old in PACK
    problems = check_pack(_written(tmp_path, PACK.replace(old, new)))
    assert len(problems) == 1
    assert "'mine.codeword'" in problems[0]
    assert cause.replace("\\", "") in problems[0]


def test_an_id_given_twice_is_refused(tmp_path: Path) -> None:
    """Two rules of one pack may not share an id."""
    (problem,) = check_pack(_written(tmp_path, PACK + RULE))
    assert "'mine.codeword' is defined twice" in problem


def test_an_id_of_a_shipped_rule_is_refused(tmp_path: Path) -> None:
    """A pack may not take the place of a shipped rule."""
    path = _written(tmp_path, PACK.replace("mine.codeword", "override.all_rules"))
    (problem,) = check_pack(path)
    assert "'override.all_rules' is defined twice" in problem


def test_every_broken_example_is_told(tmp_path: Path) -> None:
    """Problems of examples come all at once."""
    broken = PACK.replace("say xyzzy-drill now", "nothing").replace("a drill", "xyzzy-drill")
    assert len(check_pack(_written(tmp_path, broken))) == 2


def test_a_folder_is_no_pack(tmp_path: Path) -> None:
    """What cannot be read is a problem, not an exception."""
    assert "cannot be read" in check_pack(tmp_path)[0]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + PACK,
        "a" * 1_000_001,
        "[" * 5_000,
        PACK.replace(
            "rules:",
            "fragments:\n"
            + "\n".join(f"  A{i}: '{('{{A' + str(i + 1) + '}}') * 40}'" for i in range(7))
            + "\n  A7: 'xyzzy'\nrules:",
        ).replace("\\bxyzzy-drill\\b", "{{A0}}"),
    ],
    ids=["aliases", "size", "nesting", "fragments"],
)
def test_a_file_that_would_grow_without_bound_is_refused(tmp_path: Path, bomb: str) -> None:
    """Aliases, size, nesting and fragments are bounded before they are expanded."""
    with pytest.raises(SettingsError):
        load_pack(_written(tmp_path, bomb))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "pattern",
    [
        "(x+x+)+y",
        "(?:x|xx|x?x)*y",
        "(?:.{0,400}x){2}y",
        "(?:x?){200}x{200}y",
        "[xz]{1,900}[xz]{0,60}y",
    ],
)
def test_a_regular_expression_bomb_takes_linear_time(tmp_path: Path, pattern: str) -> None:
    """What would take a backtracking engine for ever is read through and found nowhere."""
    path = _written(tmp_path, PACK.replace("'\\bxyzzy-drill\\b'", f"'{pattern}'"))
    signatures = Signatures([load_pack(path)])
    matches, _ = signatures.read(raw_view("x" * 200_000))
    assert matches == []
