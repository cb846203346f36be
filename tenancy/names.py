"""Which names a tenant and a collection may have.

A name ends up in folder names, filters, policies and logs, so two that look alike must not be two
tenants. What is refused is named in the error by code point, never echoed raw.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ..core.chunk import TenantId
from ..core.errors import UsageError

MAX_TENANT_CHARS = 128
MAX_COLLECTION_CHARS = 128
MAX_TEXT_CHARS = 256
_KEPT_NAMES = 4_096

_COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
_PUNCTUATION = frozenset("._:@-")
# Letters of other scripts that read as Latin ones in common fonts (Unicode TS 39, confusables.txt).
_LATIN_TWINS = frozenset("авеѕіјкӏмнорԛстухԝһԁАВЕЅІЈКМНОРСТУХԌԜαγικνορτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧօսոհցզ")


def checked_tenant(name: object) -> TenantId:
    """Return ``name`` as a tenant id, or raise `UsageError`.

    Allowed: 1 to 128 letters and digits of one script, and ``. _ : @ -``, in normal form (NFC and
    NFKC), starting with a letter or digit. So no path separator, space, control or invisible
    character passes, and no word made to look Latin out of other letters.
    """
    if not isinstance(name, str) or not name:
        raise UsageError("tenant refused: it must be a text that is not empty")
    # A plain str, whatever a subclass makes of comparing: what was checked before is kept.
    return _checked_tenant(str.__str__(name))


@lru_cache(maxsize=_KEPT_NAMES)
def _checked_tenant(name: str) -> TenantId:
    if len(name) > MAX_TENANT_CHARS:
        raise UsageError(f"tenant refused: {len(name)} characters, at most {MAX_TENANT_CHARS}")
    if not unicodedata.is_normalized("NFKC", name):
        raise UsageError("tenant refused: it is not in Unicode normal form (NFC, NFKC)")
    for position, character in enumerate(name):
        letter = character.isalpha() or character.isdecimal()
        if not letter and (position == 0 or character not in _PUNCTUATION):
            raise UsageError(
                f"tenant refused: character U+{ord(character):04X} at {position}; "
                "use letters, digits and . _ : @ - and start with a letter or digit"
            )
    _refuse_look_alikes(name)
    return TenantId(name)


def checked_collection(name: object) -> str:
    """Return ``name`` if it may name a collection, or raise `UsageError`.

    Allowed: 1 to 128 ASCII letters, digits and ``_ . -``, starting with a letter or digit.
    """
    if not isinstance(name, str) or not _COLLECTION.fullmatch(name):
        raise UsageError(
            f"collection refused: use 1 to {MAX_COLLECTION_CHARS} of A-Z a-z 0-9 _ . - "
            "and start with a letter or digit"
        )
    return name


def check_text(what: str, text: object, *, shortest: int = 0) -> None:
    """Refuse what could be read as another text: not NFC, or with a control or invisible character.

    ``what`` opens the message: ``context refused: principal``. Raises `UsageError`.
    """
    if not isinstance(text, str) or not shortest <= len(text) <= MAX_TEXT_CHARS:
        raise UsageError(f"{what} must be a text of {shortest} to {MAX_TEXT_CHARS} characters")
    if not unicodedata.is_normalized("NFC", text):
        raise UsageError(f"{what} is not in Unicode normal form NFC")
    for position, character in enumerate(text):
        # C*: control, format (zero-width, bidi), surrogate, private use; Zl, Zp: line breaks.
        category = unicodedata.category(character)
        if category[0] == "C" or category in {"Zl", "Zp"}:
            raise UsageError(f"{what} holds character U+{ord(character):04X} at {position}")


def _refuse_look_alikes(name: str) -> None:
    letters = [character for character in name if not character.isascii()]
    scripts = {_script(character) for character in name if character.isalpha()}
    digits = {unicodedata.decimal(c) - ord(c) for c in name if c.isdecimal()}
    if len(scripts) > 1 or len(digits) > 1:
        raise UsageError("tenant refused: it mixes letters or digits of several scripts")
    if letters and all(letter in _LATIN_TWINS for letter in letters):
        raise UsageError("tenant refused: its letters look Latin and are not; spell it in Latin")


def _script(character: str) -> str:
    """Return the first word of the character's Unicode name, which names its script."""
    return unicodedata.name(character, "UNKNOWN").split()[0]
