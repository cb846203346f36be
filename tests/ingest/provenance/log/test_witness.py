"""Witnesses cosign a log that only grows, by whichever way they are reached, and no other."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ragbastion.core.errors import (
    ForkError,
    FreezeError,
    QuorumError,
    SettingsError,
    TransparencyError,
    UsageError,
)
from ragbastion.core.settings import Settings
from ragbastion.core.settings_log import LogSettings, WitnessSettings
from ragbastion.ingest.provenance.log import (
    CommandWitness,
    FolderWitness,
    LocalWitness,
    NoteKey,
    TransparencyLog,
    Witness,
    WitnessConflictError,
    WitnessRequest,
    cosign,
    reachable_witnesses,
    require_quorum,
    serve_folder,
)
from ragbastion.ingest.provenance.log.witnessing import require_fresh

from .conftest import ORIGIN, START_S, Clock, Fill, LogFiles, signer

REQUEST = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGz\
Gku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEj\
w6QUXTS5Rovnzv++qbSzm9Q=
"""
"""The example of https://c2sp.org/tlog-witness."""


def local(folder: Path, seed: int = 9, now_s: int = START_S) -> LocalWitness:
    """Return a witness of the tests' log."""
    own = signer(f"witness.example/{seed}", seed)
    return LocalWitness(folder / f"w{seed}", own, {ORIGIN: signer().key}, Clock(now_s))


def request(log: TransparencyLog, old: int) -> WitnessRequest:
    """Return a request for the newest checkpoint."""
    newest = log.newest()
    assert newest is not None
    return WitnessRequest(old, tuple(log.consistency(old, newest.size)), newest.note)


def test_the_request_of_the_specification_round_trips() -> None:
    """Byte for byte."""
    parsed = WitnessRequest.parse(REQUEST)
    assert (parsed.old_size, len(parsed.proof), parsed.head.size) == (20852014, 4, 20852163)
    assert str(parsed) == REQUEST


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("old 20852014", "old 020852014"),
        ("old 20852014", "20852014"),
        ("old 20852014", "old 20852164"),
        ("Pl", ""),
        ("PlRN", "*"),
        ("\n\nexample", "\nexample"),
        ("pkaw=\n", "pkaw=\n" + "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n" * 60),
    ],
)
def test_malformed_requests_are_refused(old: str, new: str) -> None:
    """Bad numbers, hashes of another length, too many of them, sizes in the wrong order."""
    with pytest.raises(TransparencyError, match="refused"):
        WitnessRequest.parse(REQUEST.replace(old, new, 1))


def test_a_witness_follows_the_log(fill: Fill, tmp_path: Path) -> None:
    """From nothing, then from what it cosigned last; each time its line verifies."""
    log, witness = fill(5), local(tmp_path)
    signed, failed = cosign(log, log.checkpoint(), [witness])
    assert (dict(signed.cosigned), failed) == ({"witness.example/9": START_S}, {})
    log.append([b"x"] * 4)
    later = local(tmp_path, now_s=START_S + 7)
    again, _ = cosign(log, log.checkpoint(), [later])
    assert (again.size, again.cosigned["witness.example/9"]) == (9, START_S + 7)


def test_cosigned_checkpoints_are_kept(files: LogFiles, fill: Fill, tmp_path: Path) -> None:
    """Whatever is appended after; and a checkpoint signed again keeps its witnesses."""
    log, witness = fill(5), local(tmp_path)
    cosign(log, log.checkpoint(), [witness])
    log.append([b"x"])
    assert [size for size, _ in log.storage.checkpoints()] == [5, 6]
    assert "witness.example/9" in log.storage.checkpoints()[0][1]


def test_a_witness_that_knows_another_size_says_so(fill: Fill, tmp_path: Path) -> None:
    """And the log sends the proof from there."""
    log, witness = fill(5), local(tmp_path)
    cosign(log, log.checkpoint(), [witness])
    log.append([b"x"])
    with pytest.raises(WitnessConflictError, match="from size 5"):
        witness.cosign(request(log, 0))
    log.storage.put_meta("witness/witness.example/9", "0")
    signed, failed = cosign(log, log.checkpoint(), [witness])
    assert (len(signed.cosigned), failed) == (1, {})


def test_a_witness_refuses_another_history(files: LogFiles, fill: Fill, tmp_path: Path) -> None:
    """Longer, shorter, or as long as what it cosigned, and signed by the log's own key."""
    log, witness = fill(6), local(tmp_path)
    cosign(log, log.checkpoint(), [witness])
    log.close()
    files.path.unlink()
    files.seen_path.unlink()
    forged = files.open()
    for count, problem in ((3, "was put back"), (3, "does not hold"), (3, "does not hold")):
        forged.append([b"forged"] * count)
        signed, failed = cosign(forged, forged.checkpoint(), [witness])
        assert (dict(signed.cosigned), problem in failed["witness.example/9"]) == ({}, True)


def test_a_witness_knows_its_logs(fill: Fill, tmp_path: Path) -> None:
    """Another origin, or another key of the same origin, is refused."""
    log = fill(3)
    own = signer("witness.example/9", 9)
    stranger = LocalWitness(tmp_path / "a", own, {})
    other_key = LocalWitness(tmp_path / "b", own, {ORIGIN: signer(seed=2).key})
    for witness in (stranger, other_key):
        with pytest.raises(TransparencyError, match=r"does not know|has not signed"):
            witness.cosign(request(log, 0))


def test_two_requests_at_once_cannot_fork_a_witness(
    files: LogFiles, fill: Fill, tmp_path: Path
) -> None:
    """Two histories from one size, in two threads: one is cosigned, the other is not."""
    one = request(fill(3), 0)
    files.path.unlink()
    files.seen_path.unlink()
    forged = files.open()
    forged.append([b"forged"] * 3)
    two = request(forged, 0)
    witness, outcomes = local(tmp_path), []

    def ask(each: WitnessRequest) -> None:
        try:
            outcomes.append(witness.cosign(each)[:1])
        except WitnessConflictError as error:
            outcomes.append(error.size)

    threads = [threading.Thread(target=ask, args=(each,)) for each in (one, two)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(outcomes, key=str) == [3, "—"]


def command(tmp_path: Path, key: NoteKey) -> tuple[list[str], NoteKey]:
    """Return the command line of a witness of the log with a key, and the witness's own key."""
    line = [sys.executable, "-m", "ragbastion", "log", "witness", "--folder", str(tmp_path / "w")]
    line += ["--name", "witness.example/c", "--log", str(key)]
    done = subprocess.run([*line, "--key"], capture_output=True, text=True, check=True)
    return line, NoteKey.parse(done.stdout.strip())


def test_a_command_is_a_witness(fill: Fill, tmp_path: Path) -> None:
    """The shipped one: it cosigns, and then asks for the proof from what it knows."""
    log = fill(4)
    line, own = command(tmp_path, log.key)
    witness = CommandWitness(own, line)
    signed, failed = cosign(log, log.checkpoint(), [witness])
    assert (list(signed.cosigned), failed) == (["witness.example/c"], {})
    log.append([b"x"])
    with pytest.raises(WitnessConflictError) as conflict:
        witness.cosign(request(log, 0))
    assert conflict.value.size == 4


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (["/nowhere/at/all"], "does not answer"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "does not answer"),
        ([sys.executable, "-c", "raise SystemExit(3)"], "ended with 3"),
        ([sys.executable, "-c", "print('hello')"], "no signature"),
        ([sys.executable, "-c", "print('— w.example/9 AAAAAAAA')"], "without a cosignature"),
    ],
)
def test_a_command_that_fails_is_no_witness(fill: Fill, line: list[str], reason: str) -> None:
    """It gives a reason, and the checkpoint stays as it was."""
    log = fill(2)
    witness = CommandWitness(signer("w.example/9", 9).cosigner, line, timeout_s=0.5)
    signed, failed = cosign(log, log.checkpoint(), [witness])
    assert (dict(signed.cosigned), reason in failed["w.example/9"]) == ({}, True)


def test_a_folder_is_a_way_to_a_witness(fill: Fill, tmp_path: Path) -> None:
    """The request lies there until it is answered; a conflict takes one more round."""
    log, behind, folder = fill(4), local(tmp_path), tmp_path / "exchange"
    witness = FolderWitness(behind.key, folder)
    _, failed = cosign(log, log.checkpoint(), [witness])
    assert "has not answered yet" in failed["witness.example/9"]
    assert list(serve_folder(behind, folder).values()) == ["cosigned"]
    signed, _ = cosign(log, log.checkpoint(), [witness])
    assert list(signed.cosigned) == ["witness.example/9"]
    log.append([b"x"])
    log.storage.put_meta("witness/witness.example/9", "0")
    cosign(log, log.checkpoint(), [witness])
    assert list(serve_folder(behind, folder).values()) == ["knows size 4"]
    cosign(log, log.checkpoint(), [witness])
    assert list(serve_folder(behind, folder).values()) == ["cosigned"]
    signed, _ = cosign(log, log.checkpoint(), [witness])
    assert list(signed.cosigned) == ["witness.example/9"]


def test_a_folder_that_cannot_be_used_is_no_witness(fill: Fill, tmp_path: Path) -> None:
    """Something else stands there, or the answer is not text; the others are asked all the same."""
    log, good = fill(4), local(tmp_path, 7)
    (tmp_path / "file").write_text("")
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / f"{request(log, 0).name}.size").write_text("many")
    asked: list[Witness] = [
        FolderWitness(signer("w.example/1", 11).cosigner, tmp_path / "file"),
        FolderWitness(signer("w.example/2", 12).cosigner, odd),
        LocalWitness(tmp_path / "file", signer("w.example/3", 13), {ORIGIN: signer().key}),
        good,
    ]
    signed, failed = cosign(log, log.checkpoint(), asked)
    assert (list(signed.cosigned), len(failed)) == (["witness.example/7"], 3)


def test_a_refused_request_stays(tmp_path: Path) -> None:
    """So that somebody looks at it."""
    (tmp_path / "a.request").write_text("nonsense")
    assert "refused" in serve_folder(local(tmp_path), tmp_path)["a"]
    assert (tmp_path / "a.request").exists()


def test_quorum_counts_known_witnesses(fill: Fill, tmp_path: Path) -> None:
    """Two of three are enough for two, and not for three."""
    log = fill(3)
    witnesses: list[Witness] = [local(tmp_path, seed) for seed in (7, 8)]
    dead = CommandWitness(signer("w.example/dead", 9).cosigner, ["/nowhere"])
    signed, failed = cosign(log, log.checkpoint(), [*witnesses, dead])
    assert list(failed) == ["w.example/dead"]
    require_quorum(signed, 2)
    with pytest.raises(QuorumError, match="2 of the 3"):
        require_quorum(signed, 3)


def test_an_old_checkpoint_is_frozen(fill: Fill) -> None:
    """By the log's own signed time."""
    newest = fill(1).newest()
    assert newest is not None
    require_fresh(newest, 60, START_S + 60)
    with pytest.raises(FreezeError, match="older than 60 s"):
        require_fresh(newest, 60, START_S + 61)


def test_settings_name_witnesses(tmp_path: Path) -> None:
    """By key, and how each is reached; one that is not reached is only checked."""
    key = str(signer("w.example/9", 9).cosigner)
    made = reachable_witnesses(
        LogSettings(
            witnesses=(
                WitnessSettings(key=key, command=("true",)),
                WitnessSettings(key=key, folder=tmp_path),
                WitnessSettings(key=key),
            )
        )
    )
    assert [type(each) for each in made] == [CommandWitness, FolderWitness]
    with pytest.raises(UsageError, match="it is a log's key"):
        reachable_witnesses(
            LogSettings(witnesses=(WitnessSettings(key=str(signer().key), folder=tmp_path),))
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"quorum": 1},
        {"witnesses": [{"key": "k", "command": ["a"], "folder": "b"}]},
        {"max_age_s": 0},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, object]) -> None:
    """A quorum without witnesses, two ways to one witness, an age of nothing."""
    with pytest.raises(SettingsError, match=r"provenance\.log"):
        Settings().with_(provenance={"log": wrong})


def test_a_fork_error_is_a_refusal_for_good(fill: Fill, tmp_path: Path) -> None:
    """A proof that does not fit is not taken for a conflict."""
    log, witness = fill(4), local(tmp_path)
    cosign(log, log.checkpoint(), [witness])
    log.append([b"x"])
    bad = request(log, 4)
    with pytest.raises(ForkError, match="witness refuses"):
        witness.cosign(WitnessRequest(4, bad.proof[:-1], bad.note))
