"""``ragbastion sources``: from opening a source to its revocation and back."""

import json
from pathlib import Path

import pytest
from ragbastion.core.settings import load_settings
from ragbastion.ingest.provenance import SourceRegistry
from ragbastion.tenancy.store_location import open_store

from .conftest import Run

ACME = ("--tenant", "acme")


@pytest.fixture
def wiki(run: Run) -> None:
    """An open source of the tenant acme."""
    assert run("sources", "add", "wiki", *ACME, "--owner", "dana").code == 0


def _kinds(run: Run) -> list[str]:
    return [entry["kind"] for entry in run("audit", "tail", "--json").lines]


def test_add_and_show(run: Run) -> None:
    """With every field, by the user who did it; a second time is wrong usage."""
    made = run(
        "sources", "add", "wiki", *ACME, "--tier", "authoritative", "--owner", "dana",
        "--domain", "Example.com", "--path", "docs/*", "--json",
    ).json  # fmt: skip
    shown = run("sources", "show", "wiki", *ACME, "--json").json
    assert {name: shown[name] for name in made} == made
    assert (shown["tier"], shown["domains"], shown["paths"], shown["state"]) == (
        "authoritative", ["example.com"], ["docs/*"], "open"
    )  # fmt: skip
    assert [key["uri"] for key in shown["keys"]] == ["state:0"]
    assert run("sources", "add", "wiki", *ACME).code == 2
    assert "wiki" in run("sources", "show", "wiki", *ACME).out


@pytest.mark.parametrize(
    "wrong",
    [
        ("add", "wiki", *ACME, "--tier", "high"),
        ("add", "a\u202eb", *ACME),
        ("add", "wiki", "--tenant", "a b"),
        ("add", "wiki", *ACME, "--signer", "hsm:2"),
        ("add", "wiki", *ACME, "--signer", "hsm:2", "--public-key", "none.pem"),
        ("show", "wiki", *ACME),
        ("trust", "wiki", *ACME, "--tier", "untrusted"),
        ("rotate", "wiki", *ACME),
        ("revoke", "wiki", *ACME, "--reason", "x"),
        ("revoke", "wiki", *ACME, "--reason", "x", "--hide", "--purge"),
        ("revoke", "wiki", *ACME, "--reason", "x", "--since", "soon"),
        ("revoke", "dana", *ACME, "--reason", "x", "--reviewer"),
        ("revoke", "dana", *ACME, "--reason", "x", "--reviewer", "--hide"),
        ("withdraw", "wiki", *ACME),
        ("reopen", "wiki", *ACME, "--reason", "x"),
        ("reinstate", "wiki", *ACME, "--reason", "x", "--restore"),
    ],
)
def test_wrong_usage(run: Run, wrong: tuple[str, ...]) -> None:
    """It is refused, and no source is made."""
    assert run("sources", *wrong).code == 2
    assert run("sources", "list", "--json").json == []


def test_trust_changes_what_is_given(run: Run, wiki: None) -> None:
    """And leaves the rest; an empty pattern takes all away."""
    run("sources", "trust", "wiki", *ACME, "--tier", "external", "--path", "a/*")
    shown = run("sources", "show", "wiki", *ACME, "--json").json
    assert (shown["tier"], shown["owner"], shown["paths"]) == ("external", "dana", ["a/*"])
    assert run("sources", "trust", "wiki", *ACME, "--path", "", "--json").json["paths"] == []


def test_vouching_names_who_did_it(run: Run, wiki: None) -> None:
    """As if the person had opened the source; the rest stays, and the audit log tells of it."""
    registry = SourceRegistry(load_settings().state_dir)
    registry.register("acme", "forum")
    registry.close()
    before = run("sources", "show", "forum", *ACME, "--json").json
    after = run("sources", "trust", "forum", *ACME, "--vouch", "--json").json
    opener = run("sources", "show", "wiki", *ACME, "--json").json["opened_by"]
    assert (before["opened_by"], after["opened_by"]) == ("", opener)
    assert after["opened"] == before["opened"]
    # Who is not vouched for stands out in the list: such a source may be in probation.
    assert opener in run("sources", "list").out
    assert _kinds(run)[-1] == "source.changed"


def test_rotation_ends_the_old_key(run: Run, wiki: None) -> None:
    """After the overlap."""
    key = run("sources", "rotate", "wiki", *ACME, "--overlap-hours", "2", "--json").json
    new, old = run("sources", "show", "wiki", *ACME, "--json").json["keys"]
    assert (new["key_id"], new["uri"], new["valid_until"]) == (key["key_id"], "state:1", None)
    assert old["valid_until"] == pytest.approx(new["valid_from"] + 7200, abs=5)


def test_revoke_and_reopen(run: Run, wiki: None) -> None:
    """The list is a finding until then, and every step is in the audit log."""
    done = run("sources", "revoke", "wiki", *ACME, "--reason", "poisoned", "--json")
    assert done.json == {"tenant": "acme", "source": "wiki", "revoked": True, "since": 0.0}
    assert run("sources", "list").code == 1
    assert run("sources", "reopen", "wiki", *ACME, "--reason", "clean").code == 0
    assert run("sources", "list").code == 0
    shown = run("sources", "show", "wiki", *ACME, "--json").json
    assert [each["why"] for each in shown["revocations"]] == ["poisoned", "poisoned"]
    assert _kinds(run) == [
        "key.registered", "source.opened", "source.revoked", "source.reopened", "key.registered"
    ]  # fmt: skip


def test_since_is_kept_as_a_time(run: Run, wiki: None) -> None:
    """In the zone that it names."""
    since = ("--since", "2020-01-01T01:00:00+01:00")
    done = run("sources", "revoke", "wiki", *ACME, "--reason", "x", *since, "--json")
    assert done.json["since"] == 1_577_836_800.0


def test_one_key_is_revoked(run: Run, wiki: None) -> None:
    """The source stays open; a key of another source is not revoked by mistake."""
    run("sources", "add", "hr", *ACME)
    key = run("sources", "show", "wiki", *ACME, "--json").json["keys"][0]["key_id"]
    revoke = ("--reason", "stolen", "--key", key)
    assert run("sources", "revoke", "hr", *ACME, *revoke).code == 2
    assert run("sources", "revoke", "wiki", *ACME, *revoke).code == 0
    shown = run("sources", "show", "wiki", *ACME, "--json").json
    assert (shown["state"], shown["keys"][0]["revoked"]) == ("open", True)


def test_no_secret_is_shown(run: Run, wiki: None) -> None:
    """Neither the private key nor the PIN."""
    for arguments in (("list",), ("show", "wiki", *ACME)):
        out = run("sources", *arguments, "--json").out
        assert "PRIVATE" not in out
        assert "pin" not in out


@pytest.mark.slow
def test_a_source_goes_from_the_answers_and_comes_back(run: Run, tmp_path: Path) -> None:
    """Hidden with its revocation, restored with its reinstatement, purged for good."""
    for name, source in (("a", "wiki"), ("b", "hr")):
        (tmp_path / f"{name}.txt").write_text(f"The harbour {name} opens at six every morning.")
        assert run("ingest", f"{name}.txt", *ACME, "--source", source).code == 0

    def served() -> list[str]:
        answer = run("query", "When does the harbour open?", *ACME, "--json").json
        return sorted(passage["source"] for passage in answer["chunks"])

    assert served() == ["hr", "wiki"]
    reason = (*ACME, "--reason", "x", "--json")
    assert run("sources", "revoke", "wiki", *reason, "--hide").json["hidden"] == 1
    assert served() == ["hr"]
    assert run("verify", "--json").json["clean"]
    back = run("sources", "reinstate", "wiki", *reason, "--restore").json
    assert (back["restored"], back["still_hidden"]) == (1, 0)
    assert served() == ["hr", "wiki"]
    run("sources", "revoke", "wiki", *reason)
    assert served() == ["hr"]
    gone = run("sources", "withdraw", "wiki", *ACME, "--purge", "--yes", "--json").json
    assert gone == {"tenant": "acme", "source": "wiki", "purged": 1}
    settings = load_settings()
    assert json.loads(run("tenants", "list", "--json").out)[0]["points"] == 1
    assert SourceRegistry(settings.state_dir).source("acme", "wiki") is not None


@pytest.mark.parametrize("reason", ["", "  ", "a\x1b[31mb", "x" * 5_000])
@pytest.mark.parametrize("what", ["revoke", "reopen", "reinstate"])
def test_a_reason_says_something(run: Run, wiki: None, what: str, reason: str) -> None:
    """It is read years later: an empty one, a book, or one that moves the cursor is refused."""
    if what != "revoke":
        run("sources", "revoke", "wiki", *ACME, "--reason", "x")
    before = run("sources", "show", "wiki", *ACME, "--json").json
    assert run("sources", what, "wiki", *ACME, "--reason", reason).code == 2
    assert run("sources", "show", "wiki", *ACME, "--json").json == before


@pytest.mark.parametrize("answer", ["", "n\n"])
def test_a_purge_that_nobody_confirms_does_nothing(run: Run, wiki: None, answer: str) -> None:
    """It is wrong usage, not a finding: a script must not take it for done."""
    revoke = ("sources", "revoke", "wiki", *ACME, "--reason", "x", "--purge")
    done = run(*revoke, given=answer)
    assert (done.code, "--yes" in done.errors) == (2, True)
    assert run("sources", "list").code == 0


def test_a_store_that_cannot_be_opened_tells_what_is_done(run: Run, wiki: None) -> None:
    """The source is revoked all the same, and the command that does the rest is named."""
    done = run("sources", "revoke", "wiki", *ACME, "--reason", "x", "--hide")
    assert (done.code, "sources withdraw" in done.errors) == (3, True)
    assert run("sources", "list").code == 1


def test_a_broken_audit_log_holds_up_no_revocation(run: Run, wiki: None, own_state: Path) -> None:
    """The source is revoked, and the command fails and says what the log lacks."""
    log = own_state / "state" / "audit.db"
    log.write_bytes(b"not a database" * 100)
    revoked = run("sources", "revoke", "wiki", *ACME, "--reason", "poisoned")
    assert (revoked.code, "it is done and holds" in revoked.errors) == (3, True)
    log.unlink()
    assert run("sources", "list").code == 1


def test_a_restore_that_was_cut_is_run_again(run: Run, wiki: None, own_state: Path) -> None:
    """The first run took the revocation back and met no store; the second one finishes."""
    run("sources", "revoke", "wiki", *ACME, "--reason", "x")
    again = ("sources", "reinstate", "wiki", *ACME, "--reason", "x", "--restore")
    cut = run(*again)
    assert (cut.code, "--restore" in cut.errors) == (3, True)
    open_store(str(own_state / "store")).close()
    done = run(*again, "--store", str(own_state / "store"), "--json")
    assert (done.code, done.json["restored"]) == (0, 0)


def test_people_read_times(run: Run, wiki: None) -> None:
    """Of opening, keys and revocations; what has no time says so."""
    run("sources", "revoke", "wiki", *ACME, "--reason", "bad feed", "--since", "2026-01-02T03:04")
    shown = run("sources", "show", "wiki", *ACME).out
    assert "2026-01-02 03:04:00Z" in shown
    assert "bad feed" in shown
    assert "None" not in shown
    assert "2026-01-02 03:04:00Z" in run(
        "sources", "revoke", "wiki", *ACME, "--reason", "x", "--since", "2026-01-02T03:04"
    ).out  # fmt: skip


@pytest.mark.parametrize("hours", ["nan", "inf", "-1", "1e300", "100000"])
def test_an_overlap_ends_within_years(run: Run, wiki: None, hours: str) -> None:
    """A key that never ends would not be rotated."""
    assert run("sources", "rotate", "wiki", *ACME, "--overlap-hours", hours).code == 2
    assert len(run("sources", "show", "wiki", *ACME, "--json").json["keys"]) == 1
