"""Keys, audit, policies and doctor: what an administrator runs."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ragbastion.core.chunk import Integrity
from ragbastion.policies import SessionStore

from .conftest import Run, jsonl

REFUND = {
    "tenant": "acme",
    "principal": "agent-7",
    "roles": ["support"],
    "action": "refund",
    "resource": "order:o-1",
    "args": {"amount_cents": 60_000},
    "session": "s-1",
}


def test_a_key_is_shown_once_and_can_be_revoked(run: Run) -> None:
    """The list has neither secret nor hash."""
    key = run("keys", "create", "--tenant", "acme", "--principal", "a", "--role", "support").out
    (row,) = run("keys", "list", "--json").json
    assert (row["tenant"], row["principal"], row["roles"], row["revoked"]) == (
        "acme", "a", ["support"], None
    )  # fmt: skip
    assert key.strip().split("_")[2] not in json.dumps(row)
    assert run("keys", "revoke", row["id"]).code == 0
    assert run("keys", "list", "--json").json[0]["revoked"] is not None


def test_an_admin_key_has_no_tenant(run: Run) -> None:
    """``--admin`` says so, and ``--json`` gives the key to a program."""
    made = run("keys", "create", "--admin", "--principal", "root", "--json").json
    assert (made["tenant"], made["key"].startswith("rb_")) == (None, True)


def test_a_key_carries_attributes_and_an_end(run: Run) -> None:
    """Groups, department, clearance and expiry, in the answer and in the list."""
    made = run(
        "keys", "create", "--tenant", "acme", "--principal", "a", "--group", "sales",
        "--group", "emea", "--department", "retail", "--clearance", "2",
        "--expires", "2099-01-31T12:00:00+01:00", "--json",
    ).json  # fmt: skip
    (row,) = run("keys", "list", "--json").json
    for found in (made, row):
        assert (found["groups"], found["department"], found["clearance"], found["expires"]) == (
            ["emea", "sales"], "retail", 2, "2099-01-31T11:00:00+00:00"
        )  # fmt: skip
    assert "retail" in run("keys", "list").out


@pytest.mark.parametrize(
    "wrong",
    [
        ("--clearance", "4"),
        ("--expires", "tomorrow"),
        ("--expires", "2001-01-01"),
        ("--expires", "9999-12-31T23:59:59-12:00"),
        ("--department", "a\nb"),
        ("--group", "x" * 257),
    ],
)
def test_odd_attributes_are_wrong_usage(run: Run, wrong: tuple[str, str]) -> None:
    """No key is made."""
    done = run("keys", "create", "--tenant", "acme", "--principal", "a", *wrong)
    assert (done.code, run("keys", "list", "--json").json) == (2, [])


def test_keys_are_in_the_audit_log(run: Run) -> None:
    """Made, revoked and refused, with what a key may do and nothing of the key."""
    made = run("keys", "create", "--tenant", "acme", "--principal", "a", "--group", "g", "--json")
    run("keys", "revoke", made.json["id"])
    run("keys", "create", "--tenant", "../x", "--principal", "a")
    tail = run("audit", "tail", "--json")
    assert [(row["kind"], row["tenant"], row["subject"]) for row in tail.lines] == [
        ("identity.key_created", "acme", made.json["id"]),
        ("identity.key_revoked", "acme", made.json["id"]),
        ("identity.refused", "", ""),
    ]
    assert tail.lines[0]["detail"]["groups"] == ["g"]
    assert tail.lines[2]["detail"]["method"] == "keys create"
    assert made.json["key"].split("_", 2)[2] not in tail.out


def test_a_whole_key_given_for_its_id_is_not_repeated(run: Run) -> None:
    """Neither on the terminal nor in the audit log."""
    key = run("keys", "create", "--tenant", "acme", "--principal", "a").out.strip()
    done = run("keys", "revoke", key)
    shown = done.out + done.errors + run("audit", "tail", "--json").out
    assert (done.code, key in shown) == (2, False)


def test_decisions_are_in_the_audit_log(run: Run) -> None:
    """Each decided line is an entry, and the chain holds."""
    run("authorize", "--jsonl", "-", given=jsonl(REFUND, {"id": 2}))
    entries = run("audit", "tail", "--json").lines
    assert [(entry["kind"], entry["outcome"]) for entry in entries] == [
        ("authorize", "require_approval"), ("authorize", "deny")
    ]  # fmt: skip
    report = run("audit", "verify", "--json")
    assert (report.json["ok"], report.json["entries"], report.code) == (True, 2, 0)


def test_an_altered_audit_log_is_a_finding(run: Run, tmp_path: Path) -> None:
    """Exit code 1, and the entry is named."""
    run("authorize", "--jsonl", "-", given=jsonl(REFUND))
    with sqlite3.connect(tmp_path / "state" / "audit.db") as database:
        database.execute("UPDATE entries SET record = replace(record, 'agent-7', 'agent-8')")
    database.close()
    done = run("audit", "verify")
    assert (done.code, "entry 1" in done.errors) == (1, True)
    assert run("doctor", "--json").code == 3


def test_an_anchor_finds_a_replaced_log(run: Run, tmp_path: Path) -> None:
    """What was printed and kept elsewhere must still be in the log."""
    run("authorize", "--jsonl", "-", given=jsonl(REFUND))
    kept = run("audit", "verify", "--json").json
    anchor = f"{kept['entries']}:{kept['head']}"
    assert run("audit", "verify", "--anchor", anchor).code == 0
    for path in (tmp_path / "state").glob("audit.db*"):
        path.unlink()
    run("authorize", "--jsonl", "-", given=jsonl(REFUND))
    assert run("audit", "verify", "--anchor", anchor).code == 1


def test_the_shipped_policies_are_valid(run: Run) -> None:
    """They are used when no folder is named."""
    done = run("policy", "check", "--json")
    assert (done.json["ok"], done.json["problems"], done.code) == (True, [], 0)


def test_a_folder_with_problems_is_a_finding(run: Run, tmp_path: Path) -> None:
    """Exit code 1, and every problem on stderr."""
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "bad.cedar").write_text("permit (principal, action")
    done = run("policy", "check", str(folder))
    assert (done.code, "bad.cedar" in done.errors) == (1, True)


def test_a_decision_is_explained(run: Run) -> None:
    """Which policies apply, and which decide; nothing is recorded."""
    done = run("policy", "explain", json.dumps(REFUND), "--json")
    decides = {note["id"] for note in done.json["policies"] if note["determining"]}
    assert done.json["decision"] == "require_approval"
    assert "refund-over-500-needs-approval" in decides
    assert done.code == 1
    assert run("audit", "tail", "--json").lines == []


def test_an_explanation_for_a_person(run: Run) -> None:
    """From stdin, as tables."""
    allowed = {**REFUND, "args": {"amount_cents": 100}}
    done = run("policy", "explain", "-", given=json.dumps(allowed))
    assert done.out.startswith("allow\n")
    assert done.code == 0


def test_what_a_session_has_read_counts(run: Run, tmp_path: Path) -> None:
    """A line's session is looked up; the line itself leaves no trace in it."""
    store = SessionStore(tmp_path / "state" / "sessions.db")
    store.observe_read("acme", "agent-7", "tainted", Integrity.UNVERIFIED)
    before = store.facts("acme", "agent-7", "tainted").counts
    line = {**REFUND, "args": {"amount_cents": 100}, "session": "tainted"}
    done = run("authorize", given=jsonl(line))
    after = store.facts("acme", "agent-7", "tainted").counts
    store.close()
    assert done.lines[0]["decision"] != "allow"
    assert after == pytest.approx(before, rel=1e-3)


def test_doctor_finds_nothing_wrong_here(run: Run) -> None:
    """Every check has a name, a health and a detail."""
    done = run("doctor", "--json")
    assert {check["health"] for check in done.json} == {"ok"}
    assert {"python", "store", "policies", "audit log", "state folder"} <= {
        check["name"] for check in done.json
    }
    assert done.code == 0


def test_doctor_warns_of_an_open_state_folder(run: Run, tmp_path: Path) -> None:
    """It says which command closes it."""
    run("keys", "list")
    os.chmod(tmp_path / "state", 0o755)
    done = run("doctor", "--json")
    (state,) = (check for check in done.json if check["name"] == "state folder")
    assert (state["health"], "chmod" in state["advice"], done.code) == ("warn", True, 1)


def test_doctor_says_what_setting_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong settings are a result of the check, not the end of it."""
    monkeypatch.setenv("RAGBASTION_RETRIEVAL__TOP_K", "0")
    done = run("doctor", "--json")
    (settings,) = (check for check in done.json if check["name"] == "settings")
    assert (settings["health"], "retrieval.top_k" in settings["detail"]) == ("fail", True)
    assert done.code == 3


def test_doctor_knows_a_locked_store(run: Run, tmp_path: Path) -> None:
    """A store that another process holds is a warning, with the reason."""
    code = (
        "import sys\nfrom ragbastion.tenancy import open_store\n"
        "store = open_store(sys.argv[1])\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "store")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        done = run("doctor", "--json", "--store", str(tmp_path / "store"))
    (store,) = (check for check in done.json if check["name"] == "store")
    assert (store["health"], done.code) == ("warn", 1)
