"""Scanning folders: formats, what makes the exit code, files that are no documents."""

import json
import os
import stat
from pathlib import Path

import pytest

from .conftest import INJECTION, Run, jsonl

QUOTED = (
    "Prompt injection is an attack in which a document tells the model what to do. A common "
    "example is the phrase 'ignore all previous instructions', which researchers call an override."
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a clean file and an attack."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "clean.md").write_text("# Harbour\n\nThe harbour opens at six.")
    (folder / "attack.txt").write_text(f"Dear all,\n{INJECTION}\n")
    return folder


def test_json_is_the_short_form(run: Run, folder: Path) -> None:
    """``--json`` and ``--format json`` give the same fields, which scripts rely on."""
    short, long = run("scan", "docs", "--json"), run("scan", "docs", "--format", "json")
    assert list(short.json) == list(long.json) == ["documents", "failures"]
    for document in short.json["documents"] + long.json["documents"]:
        assert list(document) == ["id", "decision", "score", "findings", "hidden", "ms"]
    assert (short.code, short.errors) == (1, "")


def test_json_lines(run: Run, folder: Path) -> None:
    """An object a document, and one for each file that failed."""
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    done = run("scan", "docs", "--format", "jsonl")
    attack, clean, failed = done.lines
    assert (attack["id"], attack["decision"]) == ("attack.txt", "quarantine")
    assert (clean["id"], clean["decision"]) == ("clean.md", "allow")
    assert list(failed) == ["path", "where", "error"]
    assert done.code == 3


def test_the_table_shows_lines(run: Run, folder: Path) -> None:
    """A person finds the words in the file."""
    done = run("scan", "docs")
    assert "line 2" in done.out
    assert "characters" not in done.out


def test_the_summary(run: Run, folder: Path) -> None:
    """Files, documents, findings and time, on stderr."""
    (folder / "rows.jsonl").write_text(jsonl({"text": "a"}, {"text": "b"}))
    (folder / "attack.txt").unlink()
    done = run("scan", "docs")
    assert done.errors.startswith("ragbastion: 2 files, 3 documents, 0 findings; 0.")
    assert done.errors.endswith(" s\n")


@pytest.mark.parametrize(
    ("text", "fail_on", "code"),
    [
        (INJECTION, "flag", 1),
        (INJECTION, "quarantine", 1),
        (INJECTION, "never", 0),
        (QUOTED, "flag", 1),
        (QUOTED, "quarantine", 0),
        (QUOTED, "never", 0),
        ("The harbour opens at six.", "flag", 0),
    ],
)
def test_fail_on(run: Run, tmp_path: Path, text: str, fail_on: str, code: int) -> None:
    """The mildest decision that makes the exit code 1, for files and for lines."""
    (tmp_path / "a.txt").write_text(text)
    # Thresholds of the test's own: what is quarantined and what is flagged may change.
    at = ("--threshold", "0.9", "--fail-on", fail_on)
    assert run("scan", "a.txt", *at).code == code
    assert run("scan", "--jsonl", "-", *at, given=jsonl({"text": text})).code == code


def test_never_still_tells_failures(run: Run, folder: Path) -> None:
    """A file that was not read is no finding that one may let pass."""
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    assert run("scan", "docs", "--fail-on", "never").code == 3


def test_output_goes_to_a_file(run: Run, folder: Path) -> None:
    """Stdout stays empty, and the summary tells a person what was done."""
    done = run("scan", "docs", "--json", "--output", "report.json")
    report = folder.parent / "report.json"
    assert (done.code, done.out) == (1, "")
    assert "1 finding" in done.errors or "findings" in done.errors
    assert len(json.loads(report.read_text())["documents"]) == 2
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(report.stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("format_", ["table", "jsonl", "sarif"])
def test_every_format_goes_to_a_file(run: Run, folder: Path, format_: str) -> None:
    """Also a table and lines."""
    done = run("scan", "docs", "--format", format_, "--output", "report")
    content = (folder.parent / "report").read_text()
    assert ("attack.txt" in content, done.out) == (True, "")


@pytest.mark.parametrize("where", ["-", "/dev/stdout"])
def test_output_may_be_stdout(execute: Run, folder: Path, where: str) -> None:
    """By the usual names; a device is written to, not replaced."""
    done = execute("scan", "docs", "--json", "--output", where)
    assert (len(done.json["documents"]), done.code) == (2, 1)


def test_a_link_stays_a_link(run: Run, folder: Path) -> None:
    """The report goes where it leads, as into /dev/stdout where that is a file."""
    link = folder.parent / "link"
    link.symlink_to(folder.parent / "report.json")
    run("scan", "docs", "--json", "--output", "link")
    assert link.is_symlink()
    assert len(json.loads((folder.parent / "report.json").read_text())["documents"]) == 2


def test_a_report_is_not_scanned(run: Run, folder: Path) -> None:
    """It quotes what was found; scanning again finds nothing more."""
    where = ("--format", "json", "--output", "docs/report.json")
    run("scan", "docs", *where)
    before = len(json.loads((folder / "report.json").read_text())["documents"])
    run("scan", "docs", *where)
    after = json.loads((folder / "report.json").read_text())["documents"]
    assert (before, [one["id"] for one in after]) == (2, ["attack.txt", "clean.md"])


def test_a_report_that_cannot_be_made_leaves_the_old_one(run: Run, folder: Path) -> None:
    """A baseline that is refused does not empty the report."""
    (folder.parent / "report.json").write_text("old")
    done = run("scan", "docs", "--output", "report.json", "--baseline", "nowhere")
    assert (done.code, (folder.parent / "report.json").read_text()) == (2, "old")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["docs", "report.json"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output", "docs"], "is a folder"),
        (["--output", "no/where"], "is no folder"),
        (["--write-baseline", "no/where"], "is no folder"),
        (["--json", "--format", "sarif"], "one of the two"),
        (["--format", "xml"], "xml"),
        (["--fail-on", "nothing"], "nothing"),
    ],
)
def test_wrong_usage(run: Run, folder: Path, arguments: list[str], said: str) -> None:
    """The exit code is 2 and nothing is scanned."""
    done = run("scan", "docs", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.errors


@pytest.mark.parametrize(
    "arguments", [["--format", "sarif"], ["--output", "x"], ["--baseline", "x"], ["--include", "x"]]
)
def test_options_of_files_are_not_for_lines(run: Run, arguments: list[str]) -> None:
    """They would be ignored, so they are refused."""
    done = run("scan", "--jsonl", "-", *arguments, given=jsonl({"text": "a"}))
    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize(
    "name",
    ["a.py", "a.js", "a.ts", "a.go", "a.rs", "a.yaml", "a.toml", "a.ini", "a.sh", "a.sql", "a.xyz",
     "Makefile", "LICENSE", "a.rst", "a.tex"],
)  # fmt: skip
def test_source_code_is_scanned_as_text(run: Run, tmp_path: Path, name: str) -> None:
    """By its content, whatever its name."""
    (tmp_path / name).write_text(f"first\n// {INJECTION}\n")
    [document] = run("scan", name, "--json").json["documents"]
    assert (document["id"], document["decision"]) == (name, "quarantine")


def test_binary_files_are_refused_one_by_one(run: Run, folder: Path) -> None:
    """A line for each; the other files go on."""
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    (folder / "data.bin").write_bytes(bytes(range(256)))
    done = run("scan", "docs", "--json")
    failed = [failure["path"] for failure in done.json["failures"]]
    assert (len(done.json["documents"]), failed) == (2, ["data.bin", "picture.png"])
    assert ("a PNG image" in done.errors, "a binary file" in done.errors) == (True, True)
    assert len(done.errors.splitlines()) == 2


def test_excluded_binaries_do_not_fail(run: Run, folder: Path) -> None:
    """What a repository holds beside text can be left out."""
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    (folder / "attack.txt").unlink()
    done = run("scan", "docs", "--exclude", "*.png")
    assert (done.code, done.out) == (0, "1 documents scanned, 1 of them clean\n")


def test_an_empty_file_is_clean(run: Run, tmp_path: Path) -> None:
    """Repositories are full of them."""
    (tmp_path / "__init__.py").write_text("")
    done = run("scan", "__init__.py", "--json")
    [document] = done.json["documents"]
    assert (document["id"], document["decision"], done.code) == ("__init__.py", "allow", 0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tsconfig.json", f'{{\n  // {INJECTION}\n  "a": 1\n}}\n'),
        ("log.jsonl", jsonl({"message": "ok"}, {"message": INJECTION})),
        ("values.ndjson", f'1\n"{INJECTION}"\n'),
    ],
)
def test_text_of_another_form_is_scanned_as_text(
    run: Run, tmp_path: Path, name: str, content: str
) -> None:
    """Ingestion refuses it; a scan must read it, and says how."""
    (tmp_path / name).write_text(content)
    done = run("scan", name, "--json")
    [document] = done.json["documents"]
    assert (document["id"], document["decision"], done.code) == (name, "quarantine", 1)
    assert f"'{name}'" in done.errors
    assert "scanned as text" in done.errors


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", b'{"text": "fine"}\n{"id": 1}\n'), ("b.json", b"\x00\x01{"), ("c.jsonl", b"x\n")],
)
def test_a_broken_corpus_still_fails(run: Run, tmp_path: Path, name: str, content: bytes) -> None:
    """A bad row among documents, and what is no text, are failures."""
    (tmp_path / name).write_bytes(content)
    assert run("scan", name, "--json").code == 3


def test_an_unreadable_file_fails(run: Run, folder: Path) -> None:
    """A pipe would block for ever; it is refused and the others go on."""
    os.mkfifo(folder / "pipe")
    done = run("scan", "docs", "--json")
    assert (len(done.json["documents"]), done.code) == (2, 3)
    assert "not a regular file" in done.json["failures"][0]["error"]


def test_no_file_left_is_no_error(run: Run, folder: Path) -> None:
    """A hook may pass excluded files only."""
    done = run("scan", "docs", "--exclude", "*")
    assert (done.code, done.out) == (0, "0 documents scanned, 0 of them clean\n")
