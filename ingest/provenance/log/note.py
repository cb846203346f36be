"""Signed notes: a text and the lines that sign it (https://c2sp.org/signed-note).

Two kinds of Ed25519 signature: over the text as it is (0x01, the log's), and over the text with a
time before it (0x04, https://c2sp.org/tlog-cosignature, a witness's).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ....core.errors import TransparencyError, UsageError

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
"""As golang.org/x/mod/sumdb/note; the specification asks for at least 16."""

_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_TIME_BYTES = 8
_LINE = re.compile("— ([^ ]+) ([A-Za-z0-9+/]+=*)")
_VKEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)")


class SignatureKind(IntEnum):
    """What a key signs; the byte goes into the key's id."""

    NOTE = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key that signs notes: its name, what it signs, and 32 bytes of Ed25519."""

    name: str
    kind: SignatureKind
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.public) != _KEY_BYTES:
            raise UsageError("note key refused: a name has no spaces and no '+', a key 32 bytes")

    @property
    def id(self) -> bytes:
        """Return the four bytes that stand before each of its signatures."""
        named = f"{self.name}\n".encode() + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:4]

    def __str__(self) -> str:
        """Return the verifier key: name, id in hex, and kind with key in base64."""
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> NoteKey:
        """Read a verifier key; raise `UsageError` if it is none, or its id is another's."""
        found = _VKEY.fullmatch(text)
        data = unbase64(found[3]) if found else None
        kinds = {kind.value for kind in SignatureKind}
        if found is None or not data or data[0] not in kinds or len(data) != 1 + _KEY_BYTES:
            raise UsageError("verifier key refused: write it as NAME+ID+BASE64, of an Ed25519 key")
        key = cls(found[1], SignatureKind(data[0]), data[1:])
        if key.id.hex() != found[2]:
            raise UsageError("verifier key refused: its id is not that of its name and key")
        return key

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Return whether a bare Ed25519 signature is this key's over a message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the key's name and id, and what follows the id."""

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        """Return the line, without its newline."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.value).decode()}"

    def is_of(self, key: NoteKey) -> bool:
        """Return whether the line claims to be this key's; it is not verified."""
        return (self.name, self.key_id) == (key.name, key.id)

    def time_under(self, key: NoteKey, text: str) -> int | None:
        """Verify the signature over a text; return its time (0 for a kind without), or None."""
        if key.kind is SignatureKind.NOTE:
            return 0 if key.verifies(text.encode(), self.value) else None
        if len(self.value) != _TIME_BYTES + _SIGNATURE_BYTES:
            return None
        time_s = int.from_bytes(self.value[:_TIME_BYTES], "big")
        message = cosigned_message(text, time_s)
        signed = time_s < 1 << 63 and key.verifies(message, self.value[_TIME_BYTES:])
        return time_s if signed else None


class NoteSigner:
    """A private key under a name, for both kinds of signature."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key = NoteKey(name, SignatureKind.NOTE, public)
        self.cosigner = NoteKey(name, SignatureKind.COSIGNATURE, public)

    def sign(self, text: str) -> NoteSignature:
        """Sign a text as it is."""
        return NoteSignature(self.key.name, self.key.id, self._key.sign(text.encode()))

    def cosign(self, text: str, time_s: int) -> NoteSignature:
        """Sign a text with the time, in seconds since the epoch, at which it was seen."""
        signature = self._key.sign(cosigned_message(text, time_s))
        value = time_s.to_bytes(_TIME_BYTES, "big") + signature
        return NoteSignature(self.cosigner.name, self.cosigner.id, value)


def cosigned_message(text: str, time_s: int) -> bytes:
    """Return the bytes that a cosignature signs."""
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def format_note(text: str, signatures: Iterable[NoteSignature]) -> str:
    """Return the note: the text, an empty line, and one line a signature."""
    return f"{text}\n" + "".join(f"{signature}\n" for signature in signatures)


def parse_note(note: str) -> tuple[str, tuple[NoteSignature, ...]]:
    """Return a note's text and signatures, unverified; raise `TransparencyError` if it is none."""
    text, gap, lines = note.rpartition("\n\n")
    if len(note) > MAX_NOTE_BYTES or not gap or not text or not lines.endswith("\n"):
        raise TransparencyError("signed note refused: it has no text, or no signatures, or is cut")
    if any(ord(character) < 32 and character != "\n" for character in note):
        raise TransparencyError("signed note refused: it has control characters")
    return text + "\n", parse_signatures(lines)


def parse_signatures(lines: str) -> tuple[NoteSignature, ...]:
    """Return the signatures of lines that each end in a newline, unverified."""
    signatures = []
    for line in lines.removesuffix("\n").split("\n"):
        found = _LINE.fullmatch(line)
        data = unbase64(found[2]) if found else None
        if found is None or not data or len(data) <= 4 or not is_key_name(found[1]):
            raise TransparencyError("signed note refused: a line is no signature")
        signatures.append(NoteSignature(found[1], data[:4], data[4:]))
    if len(signatures) > MAX_SIGNATURES:
        raise TransparencyError(f"signed note refused: more than {MAX_SIGNATURES} signatures")
    return tuple(signatures)


def is_key_name(name: str) -> bool:
    """Return whether a name may stand in a note: no spaces, controls or '+', and not empty."""
    odd = any(
        each == "+" or each.isspace() or unicodedata.category(each)[0] == "C" for each in name
    )
    return bool(name) and not odd


def unbase64(text: str) -> bytes | None:
    """Return the bytes of standard base64 as one encoder would write it, else None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None
