"""Write the corpus's e-mails from TOML, with the standard library."""

from __future__ import annotations

import tomllib
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from .corpus_markup import parse_markup
from .corpus_pdf import build_pdf

_BOUNDARY = "=_ragbastion_demo_corpus"


def build_mail(source: str) -> bytes:
    """Return the message that a TOML source describes, its attachments in order."""
    fields = tomllib.loads(source)
    message = EmailMessage(policy=SMTP)
    for header in ("from", "to", "cc", "date", "subject"):
        if header in fields:
            message[header.title()] = fields[header]
    message["Message-ID"] = fields["message_id"]
    message.set_content(fields["body"].lstrip("\n"), cte="8bit")
    for attachment in fields.get("attachments", []):
        _attach(message, attachment)
    if message.is_multipart():
        # The library draws a random boundary; a fixed one keeps builds the same.
        message.set_boundary(_BOUNDARY)
    return message.as_bytes()


def _attach(message: EmailMessage, attachment: dict[str, Any]) -> None:
    maintype, subtype = attachment["media_type"].split("/")
    if "pdf" in attachment:
        data = build_pdf(parse_markup(attachment["pdf"]))
    else:
        data = attachment["text"].lstrip("\n").encode()
    message.add_attachment(data, maintype, subtype, filename=attachment["name"])
