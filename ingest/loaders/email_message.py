"""The e-mail loader: headers and body as a reader sees them, and each attachment on its own.

The body is the HTML alternative where there is one, since that is what mail programs show; what the
plain alternative says beyond it is hidden text. An attachment is a document of its own, named
``mail.eml/attachment-name`` and loaded by the loader that fits its content.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from email.policy import EmailPolicy

from ...core.errors import InputError, LimitError, LoadError
from ...core.settings import LoadSettings
from .dispatch import parse_nested
from .document import HiddenCollector, Json, LoadedDocument, LoadFailure, Origin, make_document
from .encoding import decode
from .formats import SUPPORTED, Format
from .html_page import read_page

_SHOWN_HEADERS = ("subject", "from", "to", "cc", "date")
_WORD = re.compile(r"[^\W\d_]+")
_URL = re.compile(r"<?(?:https?|mailto|cid):[^\s>]*>?")
_BAD_NAME = re.compile(r"[\x00-\x1f\x7f/\\]+")
_MAX_NAME_CHARS = 120
_MAX_NESTED_MAILS = 8
# Values that MIME itself writes (RFC 2045); a parameter that is no such token is kept.
_STRUCTURAL = re.compile(
    r"(?:1\.0|7bit|8bit|binary|base64|quoted-printable|"
    r"(?:text|multipart)/[a-z]+(?:;\s*(?:charset|boundary|format|delsp)=\"?[^\s\";]{1,80}\"?)*)\Z",
    re.IGNORECASE,
)
_MULTIPART_NOTICE = "This is a multi-part message in MIME format."


@dataclass(slots=True)
class _Parts:
    """The parts of one message, sorted by what a reader does with them."""

    html: list[EmailMessage] = field(default_factory=list)
    plain: list[EmailMessage] = field(default_factory=list)
    attached: list[EmailMessage] = field(default_factory=list)
    inline_images: int = 0


def load(data: bytes, name: str, settings: LoadSettings) -> Iterator[LoadedDocument | LoadFailure]:
    """Yield the message, then its attachments; raises `LimitError` for too many parts."""
    if name.count("/") and _depth(name) > _MAX_NESTED_MAILS:
        raise LimitError(f"'{name}' refused: messages nested deeper than {_MAX_NESTED_MAILS}")
    _check_boundaries(data, name, settings)
    message = _parsed(data)
    hidden = HiddenCollector()
    headers = _headers(message, name, hidden)
    parts = _sorted(message, name, settings, hidden)
    body = _body(parts, name, settings, hidden)
    facts: dict[str, Json] = {"attachments": len(parts.attached)}
    if parts.inline_images:
        facts["inline_images_skipped"] = parts.inline_images
    origin = Origin(name=name, raw=data, media_type=Format.EMAIL, settings=settings)
    yield make_document(
        origin,
        "\n\n".join(text for text in ("\n".join(headers), body) if text),
        hidden.items(),
        title=_header(message, "subject"),
        metadata=facts,
    )
    yield from _attachments(parts.attached, name, settings)


def _parsed(data: bytes) -> EmailMessage:
    policy: EmailPolicy[EmailMessage] = email.policy.default.clone(raise_on_defect=False)
    return email.message_from_bytes(data, policy=policy)


def _check_boundaries(data: bytes, name: str, settings: LoadSettings) -> None:
    """Refuse a message with far too many boundary lines before the parser builds its parts."""
    boundaries = set(
        re.findall(rb"boundary=\"?([^\"\s;]{1,200})", data[:10_000_000], re.IGNORECASE)
    )
    lines = sum(data.count(b"\n--" + boundary) for boundary in list(boundaries)[:100])
    # A part takes one line, a multipart one more at its end.
    if lines > 2 * settings.max_parts + 2 or len(boundaries) > settings.max_parts:
        raise _too_many(name, settings)


def _headers(message: EmailMessage, name: str, hidden: HiddenCollector) -> list[str]:
    """Return the lines of the headers that a mail program shows; the others are hidden text."""
    if not message.keys():
        raise LoadError(f"'{name}' refused: not an e-mail, it has no headers")
    shown = []
    for header in _SHOWN_HEADERS:
        value = _header(message, header)
        if value:
            shown.append(f"{header.capitalize()}: {value}")
    seen: set[str] = set()
    for header, value in message.raw_items():
        lowered = header.lower()
        # A second Subject is shown by no program.
        text = _unfolded(str(value))
        if (lowered not in _SHOWN_HEADERS or lowered in seen) and not _STRUCTURAL.match(text):
            hidden.add(text, "email-header", f"header {header[:80]}")
        seen.add(lowered)
    return shown


def _header(message: Message, name: str) -> str:
    """Return a decoded header; one that the parser cannot take comes as it stands."""
    try:
        return _unfolded(str(message.get(name, "")))
    except Exception:  # noqa: BLE001 - the header parser raises many kinds on hostile values
        raw = next((str(v) for key, v in message.raw_items() if key.lower() == name), "")
        return _unfolded(raw)


def _unfolded(value: str) -> str:
    return " ".join(value.split())


def _sorted(
    message: EmailMessage, name: str, settings: LoadSettings, hidden: HiddenCollector
) -> _Parts:
    """Sort the leaves of the message's tree, without recursion and within the part limit."""
    parts = _Parts()
    stack: list[tuple[Message, int]] = [(message, 0)]
    count = 0
    while stack:
        part, depth = stack.pop()
        count += 1
        hidden.add(_header(part, "content-description"), "email-header", f"part {count}")
        if count > settings.max_parts:
            raise _too_many(name, settings)
        if depth > settings.max_depth:
            raise LimitError(f"'{name}' refused: nested deeper than {settings.max_depth} levels")
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            _margins(part, hidden)
            children = part.get_payload()
            if isinstance(children, list):
                stack.extend((c, depth + 1) for c in reversed(children) if isinstance(c, Message))
        elif isinstance(part, EmailMessage):
            _place(part, parts)
    return parts


def _margins(part: Message, hidden: HiddenCollector) -> None:
    if (part.preamble or "").strip() != _MULTIPART_NOTICE:
        hidden.add(part.preamble, "mime-preamble", "before the first part")
    hidden.add(part.epilogue, "mime-preamble", "after the last part")


def _place(part: EmailMessage, parts: _Parts) -> None:
    kind = part.get_content_type()
    attached = part.get_content_disposition() == "attachment" or bool(_file_name(part))
    if kind == "text/html" and not attached:
        parts.html.append(part)
    elif kind.startswith("text/") and not attached:
        parts.plain.append(part)
    elif kind.startswith("image/") and part.get_content_disposition() != "attachment":
        # Pictures of the layout and signatures: no attachment to a reader.
        parts.inline_images += 1
    else:
        parts.attached.append(part)


def _body(parts: _Parts, name: str, settings: LoadSettings, hidden: HiddenCollector) -> str:
    plain = "\n\n".join(_text(part, name) for part in parts.plain).strip()
    if not parts.html:
        return plain
    shown = []
    for part in parts.html:
        page = read_page(_text(part, name), name, settings)
        shown.append(page.text)
        hidden.extend(page.hidden, "HTML part, ")
    body = "\n\n".join(shown).strip()
    if not body:
        return plain
    hidden.add(_beyond(plain, body), "alternative-part", "plain text part")
    return body


def _beyond(plain: str, shown: str) -> str:
    """Return the lines of the plain alternative whose words the shown one does not have."""
    known = f" {_words(shown)} "
    return "\n".join(line for line in plain.splitlines() if f" {_words(line)} " not in known)


def _words(text: str) -> str:
    return " ".join(_WORD.findall(_URL.sub(" ", text).lower()))


def _text(part: EmailMessage, name: str) -> str:
    """Return a text part's content, by its charset if that decodes it and else as other files."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or not payload:
        return ""
    declared = None
    with suppress(Exception):
        declared = part.get_content_charset()
    return decode(payload, f"{name} ({part.get_content_type()} part)", declared).text


def _attachments(
    attached: list[EmailMessage], name: str, settings: LoadSettings
) -> Iterator[LoadedDocument | LoadFailure]:
    used: dict[str, int] = {}
    unpacked = 0
    for number, part in enumerate(attached, start=1):
        file_name = _file_name(part) or _default_name(part, number)
        used[file_name] = used.get(file_name, 0) + 1
        if used[file_name] > 1:
            file_name = f"{used[file_name]}-{file_name}"
        path = f"{name}/{file_name}"
        try:
            data = _content(part)
        except (InputError, ValueError, KeyError, LookupError):
            error = LoadError(f"'{path}' refused: its transfer encoding is damaged")
            yield LoadFailure(path=path, where="", error=error)
            continue
        unpacked += len(data)
        if unpacked > settings.max_unpacked_bytes:
            raise LimitError(
                f"'{name}' refused: its attachments unpack to more than "
                f"{settings.max_unpacked_bytes} bytes (load.max_unpacked_bytes)"
            )
        yield from parse_nested(data, path, file_name, settings)


def _content(part: EmailMessage) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        first = inner[0] if isinstance(inner, list) and inner else None
        if not isinstance(first, Message):
            raise LoadError("no message inside")
        return first.as_bytes(policy=email.policy.compat32)
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        raise LoadError(f"no content; supported are {SUPPORTED}")
    return payload


def _file_name(part: EmailMessage) -> str:
    """Return an attachment's name without folders and control characters, or an empty string."""
    name: str | None = None
    with suppress(Exception):
        name = part.get_filename()
    last = (name or "").replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    clean = _BAD_NAME.sub("_", last).strip(" .")
    return clean[-_MAX_NAME_CHARS:]


def _default_name(part: EmailMessage, number: int) -> str:
    suffix = {
        "message/rfc822": ".eml",
        "text/html": ".html",
        "text/markdown": ".md",
        "text/csv": ".csv",
        "application/json": ".json",
        "application/pdf": ".pdf",
    }.get(part.get_content_type(), "")
    return f"attachment-{number}{suffix}"


def _depth(name: str) -> int:
    return sum(step.lower().endswith(".eml") for step in name.split("/"))


def _too_many(name: str, settings: LoadSettings) -> LimitError:
    return LimitError(f"'{name}' refused: more than {settings.max_parts} parts (load.max_parts)")
