"""``ragbastion root``: two of three administrators give a trust policy its force, and change it."""

from pathlib import Path

import pytest

from .conftest import Run

PROPOSE = ("propose", "r.json", "--key", "ann.pub", "--threshold", "1")


@pytest.fixture
def keys(run: Run) -> list[str]:
    """Keys of three administrators."""
    names = ["ann", "ben", "cem"]
    for name in names:
        assert run("root", "make-key", name).code == 0
    return [part for name in names for part in ("--key", f"{name}.pub")]


def _sign(run: Run, file: str, name: str) -> int:
    return run(
        "root", "sign", file, "--signer", f"file2:{name}", "--public-key", f"{name}.pub"
    ).code


def test_make_key_shows_no_secret(run: Run, tmp_path: Path) -> None:
    """The file is for its owner only, and is not written over."""
    done = run("root", "make-key", "ann", "--json")
    assert "PRIVATE" not in done.out + (tmp_path / "ann.pub").read_text()
    assert (tmp_path / "ann").stat().st_mode & 0o777 == 0o600
    assert run("root", "make-key", "ann").code == 2


def test_two_of_three(run: Run, keys: list[str], tmp_path: Path) -> None:
    """One signature is not enough, two are; the next root names who comes after."""
    (tmp_path / "trust.toml").write_text('version = 1\ndefault = "allow"\n')
    first = ("root.json", *keys, "--threshold", "2", "--policy", "trust.toml")
    assert run("root", "propose", *first, "--json").json["version"] == 1
    assert _sign(run, "root.json", "ann") == 0
    done = run("root", "accept", "root.json")
    assert (done.code, "1 keys of its own" in done.errors) == (3, True)
    assert _sign(run, "root.json", "ben") == 0
    assert run("root", "accept", "root.json").code == 0
    assert "2 of 3" in run("root", "show").out
    assert run("root", "propose", "2.json", "--key", "cem.pub", "--threshold", "1").code == 0
    assert _sign(run, "2.json", "cem") == 0
    assert run("root", "accept", "2.json").code == 3
    assert [_sign(run, "2.json", name) for name in ("ann", "ben")] == [0, 0]
    assert run("root", "accept", "2.json", "--json").json["version"] == 2
    kinds = [entry["kind"] for entry in run("audit", "tail", "--json").lines]
    refused, accepted = "provenance.refused", "root.accepted"
    assert kinds == [refused, accepted, refused, accepted]


def test_none_yet(run: Run) -> None:
    """It is said."""
    assert run("root", "show", "--json").json == {"root": "none"}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (("propose", "r.json", "--key", "none.pub", "--threshold", "1"), 2),
        (("propose", "r.json", "--key", "ann.pub", "--threshold", "2"), 2),
        (("propose", "r.json", "--key", "ann", "--threshold", "1"), 2),
        ((*PROPOSE, "--expires", "2020-01-01"), 2),
        (("propose", "ann", "--key", "ann.pub", "--threshold", "1"), 2),
        (("accept", "none.json"), 2),
        (("accept", "ann.pub"), 3),
        (("sign", "ann.pub", "--signer", "file2:ann", "--public-key", "ann.pub"), 3),
    ],
)
def test_wrong_usage(run: Run, keys: list[str], wrong: tuple[str, ...], code: int) -> None:
    """It is refused and nothing is kept."""
    assert run("root", *wrong).code == code
    assert run("root", "show", "--json").json == {"root": "none"}
