"""The form of a sealed value: text that fits a JSON payload and says which key opens it.

    rbseal1.<base64url, no padding, of: kind (1 byte), key version (4), nonce (12), ciphertext, tag>

- INVARIANT: a value has one spelling; another base64 of the same bytes is refused.
- INVARIANT: the associated data names format, kind, key version, tenant, field and point without
  ambiguity: each part but the last carries its length.
"""

from __future__ import annotations

import struct
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from enum import IntEnum
from typing import NamedTuple

from ...core.errors import SealError

PREFIX = "rbseal1."
NONCE_BYTES = 12
"""96 bits, the length that GCM is made for (NIST SP 800-38D, 8.2)."""
MAX_VERSION = 2**32 - 1

_FAMILY = "rbseal"
_TAG_BYTES = 16
_HEADER = struct.Struct(f">BI{NONCE_BYTES}s")
_LENGTH = struct.Struct(">I")
# "+" and "/" are no letters of base64url, so they become what the strict decoder refuses.
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_PADDING = (b"", None, b"==", b"=")
# The last letters whose unused low bits are zero, by what is left over of four letters.
_LAST = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")


class Kind(IntEnum):
    """What was sealed: a text, or another JSON value."""

    TEXT = ord("T")
    JSON = ord("J")


class SealedValue(NamedTuple):
    """The parts of a sealed value; none of them is trusted before the tag was checked."""

    kind: int
    version: int
    nonce: bytes
    ciphertext: bytes


def is_sealed(value: object) -> bool:
    """Say whether the value claims to be sealed, in this format or another one."""
    return isinstance(value, str) and value.startswith(_FAMILY)


def formatted(kind: int, version: int, nonce: bytes, ciphertext: bytes) -> str:
    """Return the text form; ``ciphertext`` ends with its tag."""
    raw = _HEADER.pack(kind, version, nonce) + ciphertext
    body = b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL)
    return PREFIX + body.decode("ascii")


def parsed(sealed: str) -> SealedValue:
    """Return the parts of a text form (untrusted), or raise `SealError`."""
    if not sealed.startswith(PREFIX):
        raise SealError("it is not of the format 'rbseal1': upgrade ragbastion, or ingest again")
    try:
        body = sealed[len(PREFIX) :].encode("ascii").translate(_FROM_URL)
        left = len(body) & 3
        padding = _PADDING[left]
        if padding is None or (left and body[-1] not in _LAST[left]):
            raise _malformed()
        raw = a2b_base64(body + padding, strict_mode=True)
    except (UnicodeEncodeError, Base64Error):
        raise _malformed() from None
    if len(raw) < _HEADER.size + _TAG_BYTES:
        raise _malformed()
    kind, version, nonce = _HEADER.unpack_from(raw)
    return SealedValue(kind, version, nonce, raw[_HEADER.size :])


def associated_data(tenant: str, field: str, kind: int, version: int) -> bytes:
    """Return the associated data up to the point's id, which the caller appends as UTF-8."""
    names = (name.encode("utf-8", "surrogatepass") for name in (PREFIX, tenant, field))
    parts = (bytes([kind]), _LENGTH.pack(version), *names)
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def _malformed() -> SealError:
    return SealError("its form is damaged: it was altered or cut")
