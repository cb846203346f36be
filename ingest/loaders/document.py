"""What a loader yields: visible text, hidden text with where it stood, and the original bytes.

A loader is a function ``load(data, name, settings)`` that yields documents and
failures. Every document is made by `make_document`, which keeps the invariants:

- INVARIANT: no text that leaves holds a lone surrogate or NUL.
- INVARIANT: visible and hidden text together are at most ``settings.max_text_chars`` long.
- INVARIANT: ``digest`` is the SHA-256 of ``raw``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...core.chunk import Digest, DocumentId
from ...core.errors import LimitError, RagbastionError
from ...core.settings import LoadSettings

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_UNSAFE = re.compile("[\ud800-\udfff\x00]")
_MAX_HIDDEN_ITEMS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenText:
    """Text (untrusted) that the file holds and a reader does not see.

    ``reason`` is a stable id such as ``css-display-none``; ``where`` names the place in the file.
    """

    text: str
    reason: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDocument:
    """One document of a file, its visible and hidden text apart (all untrusted).

    ``digest`` is the hex SHA-256 of ``raw``. ``source`` is set only where a JSON Lines row names
    one. ``metadata`` holds JSON values: facts about the loading, and the scalar fields of a row.
    """

    document: DocumentId
    text: str
    hidden: tuple[HiddenText, ...]
    raw: bytes
    digest: Digest
    media_type: str
    title: str = ""
    source: str | None = None
    url: str = ""
    metadata: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFailure:
    """A file, or the part of it that ``where`` names, that was refused; the others go on."""

    path: str
    where: str
    error: RagbastionError


class HiddenCollector:
    """Gathers hidden text in order; past 2,000 items the rest of a reason is joined into one."""

    def __init__(self) -> None:
        self._items: list[HiddenText] = []
        self._rest: dict[str, list[str]] = {}

    def add(self, text: str | None, reason: str, where: str) -> None:
        """Keep ``text`` unless it is blank."""
        if text is None or not text.strip():
            return
        if len(self._items) < _MAX_HIDDEN_ITEMS:
            self._items.append(HiddenText(text=text.strip(), reason=reason, where=where))
        else:
            self._rest.setdefault(reason, []).append(text.strip())

    def extend(self, items: Sequence[HiddenText], prefix: str = "") -> None:
        """Keep items that another loader found, with ``prefix`` before their place."""
        for item in items:
            self.add(item.text, item.reason, prefix + item.where)

    def items(self) -> tuple[HiddenText, ...]:
        """Return everything that was kept."""
        rest = (
            HiddenText(text="\n".join(texts), reason=reason, where="more places")
            for reason, texts in self._rest.items()
        )
        return (*self._items, *rest)


def clean_text(text: str) -> str:
    r"""Return ``text`` with line ends as LF, and lone surrogates and NUL as U+FFFD.

    >>> clean_text("a\r\nb\x00")
    'a\nb�'
    """
    return _UNSAFE.sub("�", text.replace("\r\n", "\n").replace("\r", "\n"))


def clean_json(value: Json) -> Json:
    """Return a JSON value with `clean_text` applied to every string; depth must be bounded."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): clean_json(item) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a document comes from: its name, its bytes and the limits that it is held to."""

    name: str
    raw: bytes
    media_type: str
    settings: LoadSettings


def make_document(
    origin: Origin,
    text: str,
    hidden: Sequence[HiddenText] = (),
    *,
    title: str = "",
    metadata: Mapping[str, Json] | None = None,
) -> LoadedDocument:
    """Build a document that keeps the module's invariants, or raise `LimitError`."""
    size = len(text) + sum(len(item.text) for item in hidden)
    if size > origin.settings.max_text_chars:
        raise LimitError(
            f"'{origin.name}' refused: {size} characters of text, the limit is "
            f"{origin.settings.max_text_chars} (load.max_text_chars); split it, or raise the limit"
        )
    facts = clean_json(dict(metadata or {}))
    assert isinstance(facts, dict)  # noqa: S101 - clean_json keeps the type
    return LoadedDocument(
        document=DocumentId(clean_text(origin.name)),
        text=clean_text(text).strip(),
        hidden=tuple(
            HiddenText(text=clean_text(h.text), reason=h.reason, where=clean_text(h.where))
            for h in hidden
        ),
        raw=origin.raw,
        digest=Digest(hashlib.sha256(origin.raw).hexdigest()),
        media_type=origin.media_type,
        title=" ".join(clean_text(title).split())[:300],
        metadata=facts,
    )
