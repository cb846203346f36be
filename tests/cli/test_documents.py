"""Document access and quotas as a user of the command meets them."""

from pathlib import Path

import pytest

from .conftest import Done, Run

ASK = ("query", "when are refunds paid", "--tenant", "acme", "--json")
NAME = ("refunds.md", "--source", "handbook", "--tenant", "acme")


@pytest.fixture
def office(run: Run, own_state: Path) -> Run:
    """A store where access is enabled, with a document of ann's that sales may read."""
    (own_state / "ragbastion.toml").write_text(
        "[access]\nenabled = true\n[quotas.tenants.acme]\npoints_total = 1\n"
    )
    (own_state / "docs").mkdir()
    (own_state / "docs" / "refunds.md").write_text("Refunds are paid within fourteen days.")
    done = run(
        "ingest", "docs", "--tenant", "acme", "--source", "handbook", "--principal", "ann",
        "--group", "sales", "--classification", "1", "--clearance", "1",
    )  # fmt: skip
    assert (done.code, done.errors) == (0, "")
    return run


def served(done: Done) -> list[str]:
    """Return the documents of a query's answer."""
    return [chunk["document"] for chunk in done.json["chunks"]]


def test_a_query_reads_as_whom_it_names(office: Run) -> None:
    """Group and clearance open what the label says, and neither does alone."""
    bob = ("--principal", "bob")
    assert served(office(*ASK, *bob, "--group", "sales", "--clearance", "1")) == ["refunds.md"]
    assert served(office(*ASK, *bob, "--group", "sales")) == []
    assert served(office(*ASK, *bob, "--clearance", "3", "--department", "sales")) == []


def test_a_document_is_deleted_restored_and_labelled(office: Run) -> None:
    """The owner deletes, a curator restores, the owner opens it to eve."""
    ann = ("--principal", "ann", "--clearance", "1")
    curator = ("--role", "curator", "--clearance", "3")
    deleted = office("documents", "delete", *NAME, *ann, "--json")
    assert deleted.json == {"source": "handbook", "document": "refunds.md", "points": 1}
    assert served(office(*ASK, *ann)) == []
    assert office("documents", "restore", *NAME, *ann).code == 3
    assert "1 passages" in office("documents", "restore", *NAME, *curator).out
    assert office("documents", "label", *NAME, *ann, "--user", "eve").code == 0
    assert served(office(*ASK, "--principal", "eve", "--clearance", "1")) == ["refunds.md"]


def test_refusals_are_one_line_and_tell_nothing(office: Run) -> None:
    """A document of others and one that is not there are the same error."""
    eve = ("--principal", "eve", "--tenant", "acme", "--source", "handbook")
    refused = [office("documents", "delete", name, *eve) for name in ("refunds.md", "none.md")]
    assert [done.code for done in refused] == [3, 3]
    assert refused[0].errors == refused[1].errors
    assert refused[0].errors.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "nothing to change"),
        (("--user", "e\u200bve"), "U+200B"),
        (("--owner", "x" * 257), "1 to 256 characters"),
        (("--classification", "4"), "classification"),
    ],
)
def test_a_wrong_label_is_wrong_usage(run: Run, options: tuple[str, ...], said: str) -> None:
    """It is refused before anything is opened."""
    done = run("documents", "label", *NAME, *options)
    assert (done.code, said in done.errors) == (2, True)


def test_a_full_quota_is_told(office: Run, own_state: Path) -> None:
    """What has no room is not written, and the reason is one line."""
    (own_state / "more").mkdir()
    (own_state / "more" / "tides.md").write_text("Tides come twice a day.")
    done = office("ingest", "more", "--tenant", "acme", "--source", "tides", "--principal", "ann")
    assert (done.code, done.out) == (3, "")
    assert "points_total of 1" in done.errors
