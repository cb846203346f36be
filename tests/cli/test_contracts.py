"""The forms that others script against, held by the real command in a process of its own."""

import json
from pathlib import Path

from .conftest import INJECTION, Run, jsonl

FINDING = {"kind", "detector", "score", "severity", "span", "evidence"}


def test_scan_lines(execute: Run) -> None:
    """``scan --jsonl -``: a verdict a line, in order, bad lines among them."""
    rows = jsonl({"id": "a", "text": INJECTION}, {"id": 2, "text": "The harbour opens at six."})
    done = execute("scan", "--jsonl", "-", given=rows + "not json\n")
    attack, clean, bad = done.lines
    assert list(attack) == list(clean) == ["id", "decision", "score", "findings", "ms"]
    assert (attack["id"], attack["decision"], clean["id"], clean["decision"]) == (
        "a", "quarantine", 2, "allow"
    )  # fmt: skip
    assert 0 <= clean["score"] < 0.5 <= attack["score"] <= 1
    assert all(set(finding) == FINDING for finding in attack["findings"])
    start, end = attack["findings"][0]["span"]
    assert INJECTION[start:end].startswith("Ignore")
    assert isinstance(clean["ms"], float)
    assert (bad["id"], bad["line"], done.code, done.errors) == (None, 3, 3, "")


def test_scan_exit_codes(execute: Run) -> None:
    """0 for nothing found, 1 for findings."""
    codes = [
        execute("scan", "--jsonl", "-", given=jsonl({"id": 1, "text": text})).code
        for text in ("The harbour opens at six.", INJECTION)
    ]
    assert codes == [0, 1]


def test_strip_lines(execute: Run) -> None:
    """``strip --jsonl -``: the rest of the text, and spans of the input."""
    text = f"The harbour opens at six.\n\n{INJECTION}\n\nIt closes at nine."
    done = execute("strip", "--jsonl", "-", given=jsonl({"id": "a", "text": text}))
    (answer,) = done.lines
    assert list(answer) == ["id", "text", "removed"]
    kept, at = "", 0
    for start, end in answer["removed"]:
        kept += text[at:start]
        at = end
    assert answer["text"] == kept + text[at:]
    assert ("Ignore" in answer["text"], "harbour" in answer["text"], done.code) == (False, True, 1)


def test_neutralise_lines(execute: Run) -> None:
    """``strip --neutralise --jsonl -``: the whole text with marks, and spans of the input."""
    text = f"The harbour opens at six.\n\n{INJECTION}\n\nIt closes at nine."
    done = execute("strip", "--neutralise", "--jsonl", "-", given=jsonl({"id": "a", "text": text}))
    (answer,) = done.lines
    assert list(answer) == ["id", "text", "neutralised"]
    assert answer["neutralised"] == [[27, 27 + len(INJECTION)]]
    before, marked, after = answer["text"].split("\n\n")
    assert (before, after, done.code) == ("The harbour opens at six.", "It closes at nine.", 1)
    assert marked == f"⟪quoted-data:{INJECTION.replace(' ', 'ˆ')}:quoted-data⟫"


def test_redact_lines(execute: Run) -> None:
    """``redact --jsonl -``: masked text, and entities by places in the input."""
    text = "Write to ann@example.com about SSN 536-90-4399."
    done = execute("redact", "--jsonl", "-", given=jsonl({"id": "a", "text": text}, {"text": "x"}))
    masked, plain = done.lines
    assert list(masked) == ["id", "text", "entities"]
    assert all(list(found) == ["type", "start", "end", "score"] for found in masked["entities"])
    found = {text[one["start"] : one["end"]]: one["type"] for one in masked["entities"]}
    assert found == {"ann@example.com": "EMAIL_ADDRESS", "536-90-4399": "US_SSN"}
    assert (plain, done.code) == ({"id": None, "text": "x", "entities": []}, 1)


def test_authorize_lines(execute: Run) -> None:
    """``authorize --jsonl -``: a decision a line; what is missing or unknown denies."""
    action = {
        "id": "1",
        "tenant": "acme",
        "principal": "agent-7",
        "roles": ["support"],
        "action": "refund",
        "resource": "order:o-1",
        "args": {"amount_cents": 50_000},
        "session": "s-1",
    }
    done = execute(
        "authorize",
        "--jsonl",
        "-",
        given=jsonl(
            action,
            {**action, "id": 2, "args": {"amount_cents": 50_001}},
            {**action, "id": 3, "action": "launch"},
            {"id": 4},
            {**action, "id": 5, "approved": True},
        )
        + "{\n",
    )
    *answers, bad = done.lines
    assert all(list(line) == ["id", "decision", "reasons", "obligations"] for line in answers)
    assert [(line["id"], line["decision"]) for line in answers] == [
        ("1", "allow"), (2, "require_approval"), (3, "deny"), (4, "deny"), (5, "deny")
    ]  # fmt: skip
    assert "'tenant' is missing" in answers[3]["reasons"]
    assert (bad["id"], bad["line"], done.code) == (None, 6, 3)


def test_ingest_and_query(execute: Run, tmp_path: Path) -> None:
    """``ingest`` a JSON Lines file with an attack in it, then ``query`` what it left."""
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(
        jsonl(
            {"id": "h", "title": "Harbour", "text": "The harbour opens at six in the morning."},
            {"id": "c", "text": "The crane lifts forty tons.", "source": "yard", "url": "http://x"},
            {"id": "bad", "text": INJECTION},
        )
    )
    where = ("--tenant", "acme", "--collection", "docs", "--store", str(tmp_path / "store"))
    done = execute("ingest", str(corpus), "--source", "wiki", *where, "--json")
    counts = [done.json[name] for name in ("documents", "ingested", "quarantined", "failed")]
    assert (counts, done.code, done.errors) == ([3, 2, 1, 0], 1, "")
    asked = execute("query", "When does the harbour open?", *where, "--json")
    answer = asked.json
    assert {"context", "chunks", "verdict", "ms"} <= set(answer)
    fields = {"id", "text", "source", "integrity", "score", "verdict"}
    assert all(fields <= set(chunk) for chunk in answer["chunks"])
    assert "six in the morning" in answer["context"]
    assert "Ignore" not in json.dumps(answer)
    assert (answer["chunks"][0]["source"], answer["chunks"][0]["integrity"]) == ("wiki", "trusted")
    assert (asked.code, asked.errors) == (0, "")
