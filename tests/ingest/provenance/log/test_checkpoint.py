"""Checkpoints are C2SP's, and one that does not follow on another is named for why."""

import pytest
from ragbastion.core.errors import ClockError, ForkError, RollbackError, TransparencyError
from ragbastion.ingest.provenance.log import NoteKey, TreeHead, open_checkpoint
from ragbastion.ingest.provenance.log.checkpoint import (
    Checkpoint,
    require_progress,
    sign_checkpoint,
)
from ragbastion.ingest.provenance.log.note import SignatureKind, format_note

from .conftest import ORIGIN, START_S, signer
from .vectors import CONSISTENCY, ROOTS

TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
"""The example of the specification."""

START, END = "AAABlU", "AAABmU"
"""Of the base64 of the time."""


def at(size: int, time_s: int = START_S, root: str | None = None) -> Checkpoint:
    """Return a signed checkpoint of the published tree of a size."""
    head = TreeHead(ORIGIN, size, bytes.fromhex(root or ROOTS[size]))
    return open_checkpoint(sign_checkpoint(head, signer(), time_s), signer().key)


def test_the_example_of_the_specification_round_trips() -> None:
    """Origin, size and root."""
    head = TreeHead.parse(TEXT)
    assert (head.origin, head.size, head.text) == ("example.com/behind-the-sofa", 20852163, TEXT)


def test_extension_lines_are_kept() -> None:
    """They are part of what is signed."""
    assert TreeHead.parse(f"{TEXT}more\n").text == f"{TEXT}more\n"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "a\n1\n",
        TEXT.replace("20852163", "020852163"),
        TEXT.replace("20852163", "-1"),
        TEXT.replace("20852163", "9" * 19),
        TEXT.replace("20852163", "0"),
        TEXT.replace("2I=", "2I"),
        TEXT.replace("CsUY", ""),
        TEXT.replace("\n2085", "\n\n2085"),
    ],
)
def test_what_is_no_checkpoint_is_refused(wrong: str) -> None:
    """Missing lines, odd numbers, sizes no tree has, roots of another length."""
    with pytest.raises(TransparencyError, match="checkpoint refused"):
        TreeHead.parse(wrong)


def test_a_checkpoint_says_when_it_was_signed() -> None:
    """The log's own time is under its signature; one that signs none has none."""
    plain = format_note(at(3).head.text, [signer().sign(at(3).head.text)])
    assert (at(3).time_s, open_checkpoint(plain, signer().key).time_s) == (START_S, None)


@pytest.mark.parametrize(
    ("old", "new"),
    [("\n3\n", "\n4\n"), ("rra8", "rrb8"), (f"— {ORIGIN} ", "— log.example/x "), (START, END)],
    ids=["size", "root", "name", "time"],
)
def test_a_changed_checkpoint_is_refused(old: str, new: str) -> None:
    """Size, root, missing signatures, or the time."""
    note = at(3).note
    assert old in note
    with pytest.raises(TransparencyError, match="checkpoint refused"):
        open_checkpoint(note.replace(old, new), signer().key)


def test_another_key_of_the_same_name_is_refused() -> None:
    """Whoever has another key cannot sign for the log."""
    with pytest.raises(TransparencyError, match="has not signed"):
        open_checkpoint(at(3).note, signer(seed=2).key)


def test_lines_of_unknown_keys_are_left_alone() -> None:
    """They do not count, and they do not harm."""
    stranger = signer("w.example/1", 9)
    note = at(3).with_lines([stranger.cosign(at(3).head.text, 5)])
    assert open_checkpoint(note, signer().key).cosigned == {}
    assert open_checkpoint(note, signer().key, [stranger.cosigner]).cosigned == {"w.example/1": 5}


def test_a_bad_line_of_a_known_witness_is_refused() -> None:
    """The specification: reject the whole note."""
    witness = signer("w.example/1", 9)
    note = at(3).with_lines([witness.cosign("another text\n", 5)])
    with pytest.raises(TransparencyError, match=r"w\.example/1"):
        open_checkpoint(note, signer().key, [witness.cosigner])


def test_a_new_cosignature_takes_the_place_of_the_old() -> None:
    """Lines do not pile up."""
    witness = signer("w.example/1", 9)
    once = at(3).with_lines([witness.cosign(at(3).head.text, 5)])
    opened = open_checkpoint(once, signer().key, [witness.cosigner])
    twice = opened.with_lines([witness.cosign(at(3).head.text, 6)])
    assert twice.count("w.example/1") == 1
    assert open_checkpoint(twice, signer().key, [witness.cosigner]).cosigned == {"w.example/1": 6}


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCY)
def test_growth_is_accepted(old: int, new: int, proof: list[str]) -> None:
    """With the published proofs."""
    require_progress(at(old), at(new, START_S + 1), [bytes.fromhex(each) for each in proof])


@pytest.mark.parametrize(
    ("now", "error"),
    [
        (at(4), RollbackError),
        (at(5, root=ROOTS[4]), ForkError),
        (at(6), ForkError),
        (at(5, START_S - 1), ClockError),
    ],
    ids=["smaller", "another root", "no proof", "earlier"],
)
def test_what_is_no_growth_is_named(now: Checkpoint, error: type[Exception]) -> None:
    """Each in its own way."""
    with pytest.raises(error, match="log refused"):
        require_progress(at(5), now, [])


def test_another_origin_is_a_fork() -> None:
    """A log cannot be exchanged for another of the same key."""
    own = signer("log.example/other")
    head = TreeHead("log.example/other", 5, bytes.fromhex(ROOTS[5]))
    other = open_checkpoint(sign_checkpoint(head, own, START_S), own.key)
    with pytest.raises(ForkError, match="another origin"):
        require_progress(at(5), other, [])
    with pytest.raises(ForkError, match="another log"):
        open_checkpoint(other.note, NoteKey(ORIGIN, SignatureKind.NOTE, own.key.public))
