"""Signed notes read and write as the specification's other implementations do."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.core.errors import TransparencyError, UsageError
from ragbastion.ingest.provenance.log import NoteKey, NoteSigner
from ragbastion.ingest.provenance.log.note import (
    NoteSignature,
    SignatureKind,
    format_note,
    parse_note,
    parse_signatures,
)

from .vectors import (
    COSIGNATURE_BLOB,
    COSIGNATURE_KEY,
    COSIGNATURE_TIME_S,
    NOTE_KEY,
    NOTE_LINE,
    NOTE_SIGNING_KEY,
    NOTE_TEXT,
    OTHER_NOTE_KEY,
    OTHER_NOTE_LINE,
)

NOTE = f"{NOTE_TEXT}\n{NOTE_LINE}"


def peter() -> NoteSigner:
    """Return the signer of the published example."""
    seed = base64.b64decode(NOTE_SIGNING_KEY)[1:]
    return NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(seed))


def test_the_published_note_is_written_byte_for_byte() -> None:
    """Key id, signature line and note are Go's."""
    signer = peter()
    assert str(signer.key) == NOTE_KEY
    assert format_note(NOTE_TEXT, [signer.sign(NOTE_TEXT)]) == NOTE


@pytest.mark.parametrize(
    ("key", "at"), [(NOTE_KEY, 0), (OTHER_NOTE_KEY, 1)], ids=["Peter", "Enoch"]
)
def test_the_published_signatures_verify(key: str, at: int) -> None:
    """Both signers of the example, and not over another text."""
    text, signatures = parse_note(NOTE + OTHER_NOTE_LINE)
    parsed = NoteKey.parse(key)
    assert [each.is_of(parsed) for each in signatures] == [at == 0, at == 1]
    assert signatures[at].time_under(parsed, text) == 0
    assert signatures[at].time_under(parsed, text + "\n") is None


@pytest.mark.parametrize("key", [NOTE_KEY, OTHER_NOTE_KEY, COSIGNATURE_KEY])
def test_published_keys_round_trip(key: str) -> None:
    """Of both kinds; the id in them is computed anew."""
    assert str(NoteKey.parse(key)) == key


def test_a_published_cosignature_has_its_time() -> None:
    """Eight bytes after the key's id, big-endian."""
    [line] = parse_signatures(f"— w.example {COSIGNATURE_BLOB}\n")
    assert line.key_id.hex() == "646846b9"
    assert int.from_bytes(line.value[:8], "big") == COSIGNATURE_TIME_S


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        NOTE_KEY[:-4],
        NOTE_KEY.replace("c74f20a3", "c74f20a4"),
        NOTE_KEY.replace("Peter", "Paul"),
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_mangled_keys_are_refused(wrong: str) -> None:
    """Those of the published tests among them: a wrong length, an unknown kind."""
    with pytest.raises(UsageError, match="verifier key refused"):
        NoteKey.parse(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        NOTE_TEXT,
        f"{NOTE_TEXT}\n",
        f"{NOTE_TEXT}\n{NOTE_LINE[:-1]}",
        f"\x01{NOTE}",
        f"{NOTE_TEXT}\n{NOTE_LINE.replace('PeterNeumann', 'Bad Name')}",
        f"{NOTE}Unexpected line.\n",
        f"{NOTE_TEXT}\n{NOTE_LINE * 101}",
        f"{NOTE_TEXT}\n— a+b {NOTE_LINE.split(' ')[2]}",
        f"{NOTE_TEXT}\n— Short AAAA\n",
        "x" * 1_000_001 + NOTE,
    ],
)
def test_malformed_notes_are_refused(wrong: str) -> None:
    """Those of the published tests among them."""
    with pytest.raises(TransparencyError, match="signed note refused"):
        parse_note(wrong)


def test_the_last_empty_line_ends_the_text() -> None:
    """A text may have empty lines of its own."""
    signer = peter()
    text = "a\n\nb\n"
    assert parse_note(format_note(text, [signer.sign(text)]))[0] == text


@pytest.mark.parametrize("kind", SignatureKind)
def test_one_kind_does_not_pass_for_the_other(kind: SignatureKind) -> None:
    """The same key signs both, and each line verifies as its own kind only."""
    signer = peter()
    made = [(signer.key, signer.sign("t\n"), 0), (signer.cosigner, signer.cosign("t\n", 5), 5)]
    (key, line, time_s), (other, _, _) = made if kind is SignatureKind.NOTE else made[::-1]
    assert line.time_under(key, "t\n") == time_s
    assert NoteSignature(other.name, other.id, line.value).time_under(other, "t\n") is None


@given(st.integers(0, 75), st.integers(0, 7))
def test_any_flipped_bit_of_a_cosignature_shows(byte: int, bit: int) -> None:
    """Whether in id, time or signature: the line is another key's, or does not verify."""
    signer = peter()
    line = signer.cosign(NOTE_TEXT, COSIGNATURE_TIME_S)
    data = bytearray(line.key_id + line.value)
    data[byte] ^= 1 << bit
    changed = NoteSignature(line.name, bytes(data[:4]), bytes(data[4:]))
    good = changed.is_of(signer.cosigner) and changed.time_under(signer.cosigner, NOTE_TEXT)
    assert not good
