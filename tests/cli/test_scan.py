"""Scanning files, and stripping a single one."""

from pathlib import Path

import pytest

from .conftest import INJECTION, Run, jsonl

HIDDEN = f"<p>Boats moor here.</p><p style='display:none'>{INJECTION}</p>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a clean file, an attack, and an attack that a reader cannot see."""
    folder = tmp_path / "docs"
    (folder / "mail").mkdir(parents=True)
    (folder / "clean.md").write_text("# Harbour\n\nThe harbour opens at six.")
    (folder / "mail" / "attack.txt").write_text(INJECTION)
    (folder / "page.html").write_text(HIDDEN)
    return folder


def test_a_folder_is_scanned_with_its_hidden_text(run: Run, folder: Path) -> None:
    """Every document has its decision; hidden text says where it stood and why it is hidden."""
    done = run("scan", str(folder), "--json")
    decisions = {one["id"]: one["decision"] for one in done.json["documents"]}
    assert decisions == {
        "clean.md": "allow",
        "mail/attack.txt": "quarantine",
        "page.html": "quarantine",
    }
    (page,) = (one for one in done.json["documents"] if one["id"] == "page.html")
    assert page["hidden"][0]["reason"] == "css-display-none"
    assert page["findings"] == []
    assert done.code == 1


def test_a_clean_file_is_0(run: Run, folder: Path) -> None:
    """Nothing found, nothing but a line for a person."""
    done = run("scan", str(folder / "clean.md"))
    assert (done.code, done.out) == (0, "1 documents scanned, 1 of them clean\n")


def test_a_person_sees_each_finding_once(run: Run, folder: Path) -> None:
    """The table names document, place and words."""
    done = run("scan", str(folder / "mail"))
    assert "attack.txt" in done.out
    assert "Ignore all" in done.out
    assert done.code == 1


def test_a_broken_file_does_not_stop_the_others(run: Run, folder: Path) -> None:
    """It is named on stderr and in the JSON, and the exit code is 3."""
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\ntruncated")
    done = run("scan", str(folder), "--json")
    assert len(done.json["documents"]) == 3
    assert done.json["failures"][0]["path"].endswith("broken.pdf")
    assert ("broken.pdf" in done.errors, done.code) == (True, 3)


def test_evidence_cannot_drive_a_terminal(run: Run, tmp_path: Path) -> None:
    """Escape sequences in a document come out as visible escapes."""
    path = tmp_path / "tricky.txt"
    path.write_text(f"\u001b]0;owned\u0007 {INJECTION}\u001b[2J")
    assert not {"\u001b", "\u0007"} & set(run("scan", str(path)).out)


@pytest.mark.parametrize(("threshold", "decision"), [("0", "quarantine"), ("1", "flag")])
def test_the_threshold_decides(run: Run, threshold: str, decision: str) -> None:
    """A higher threshold quarantines less, a lower one more; the score does not change."""
    done = run("scan", "--jsonl", "-", "--threshold", threshold, given=jsonl({"text": INJECTION}))
    assert done.lines[0]["decision"] == decision


def test_a_file_is_stripped(run: Run, tmp_path: Path) -> None:
    """The rest of the text goes to stdout."""
    path = tmp_path / "note.txt"
    path.write_text(f"The harbour opens at six.\n\n{INJECTION}\n")
    done = run("strip", str(path))
    assert "The harbour opens at six." in done.out
    assert ("Ignore" in done.out, done.code) == (False, 1)


def test_a_file_is_neutralised(run: Run, tmp_path: Path) -> None:
    """``--neutralise`` keeps the instruction, as marked data."""
    path = tmp_path / "note.txt"
    path.write_text(f"The harbour opens at six.\n\n{INJECTION}\n")
    done = run("strip", str(path), "--neutralise")
    assert "The harbour opens at six.\n" in done.out
    assert ("⟪quoted-data:Ignoreˆ" in done.out, done.code) == (True, 1)
    assert INJECTION not in done.out


def test_a_stripped_file_as_json(run: Run, tmp_path: Path) -> None:
    """``--json`` gives the form of a line."""
    path = tmp_path / "note.txt"
    path.write_text("The harbour opens at six.")
    done = run("strip", str(path), "--json")
    expected = {"id": "note.txt", "text": "The harbour opens at six.", "removed": []}
    assert (done.json, done.code) == (expected, 0)


def test_a_file_of_many_documents_needs_lines(run: Run, tmp_path: Path) -> None:
    """One text in, one text out; for many there is --jsonl."""
    path = tmp_path / "rows.jsonl"
    path.write_text(jsonl({"text": "a"}, {"text": "b"}))
    done = run("strip", str(path))
    assert (done.code, "--jsonl" in done.errors) == (2, True)


def test_a_budget_names_a_threshold(run: Run, folder: Path) -> None:
    """A smaller budget of false alarms stops no more than a larger one."""
    codes = [
        run("scan", str(folder), "--budget", name, "--fail-on", "quarantine", "--json").json
        for name in ("0.1%", "5%")
    ]
    strict, loose = (
        {d["id"] for d in j["documents"] if d["decision"] == "quarantine"} for j in codes
    )
    assert {"mail/attack.txt"} <= strict <= loose


def test_a_budget_beside_a_threshold_is_refused(run: Run, folder: Path) -> None:
    """Two thresholds cannot be meant."""
    done = run("scan", str(folder), "--budget", "1%", "--threshold", "0.3")
    assert (done.code, "give one of the two" in done.errors) == (2, True)
