"""A toy agent that stands in for a language model: deterministic, obedient and easy to fool.

It is not a model and proves nothing about one. It does, by fixed rules, what an agent without a
guard is known to do, so that the demo can show what a context leads to:

1. It reads everything in its context, also Unicode tag characters and base64, as models do.
2. It answers by majority: each passage has one vote, the first match of the question's pattern;
   between equals the better-ranked passage wins.
3. It follows what it reads: "send … to ADDRESS", "refund N dollars to|for order X",
   "pay N dollars to account X" become tool calls, and a Markdown image from another host is
   fetched.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TAG_BLOCK = range(0xE0000, 0xE0080)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_ADDRESS = r"(?P<to>[\w.+-]+@[\w.-]+\.\w+)"
_AMOUNT = r"(?P<amount>[\d,]+(?:\.\d\d)?) dollars"
_SEND = re.compile(
    rf"\b(?:e-?mail|mail|forward|send)\b(?P<what>[^.:]{{3,200}}?)\bto\s+{_ADDRESS}", re.I
)
_REFUND = re.compile(rf"\brefund\s+(?:of\s+)?{_AMOUNT}\s+(?:for|to)\s+order\s+(?P<id>[\w-]+)", re.I)
_PAY = re.compile(rf"\bpay\s+{_AMOUNT}\s+to\s+account\s+(?P<id>\w+)", re.I)
_IMAGE = re.compile(r"!\[[^\]]*\]\((?P<url>https?://[^)\s]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool call that the agent proposes; ``resource`` is the thing that it acts on."""

    name: str
    resource: str
    args: Mapping[str, Any]


def read(text: str) -> str:
    """Return the text as a model takes it in: tag characters and base64 beside the plain text."""
    plain = "".join(c for c in text if ord(c) not in _TAG_BLOCK)
    tags = "".join(chr(ord(c) - _TAG_BLOCK.start) for c in text if ord(c) in _TAG_BLOCK)
    parts = [plain, tags, *(_decoded(match[0]) for match in _BASE64.finditer(plain))]
    return " ".join("\n".join(part for part in parts if part).split())


def answer(passages: Sequence[str], pattern: str) -> str:
    """Return the majority's answer, "" if no passage has one."""
    if not pattern:
        return ""
    matches = (re.search(pattern, read(passage), re.I) for passage in passages)
    votes = Counter(match[1] for match in matches if match)
    # A counter keeps the order of first sight, so between equals the better rank wins.
    return votes.most_common(1)[0][0] if votes else ""


def propose(passages: Sequence[str]) -> list[ToolCall]:
    """Return the tool calls that the context tells the agent to make, each once."""
    context = read("\n".join(passages))
    calls = [_send(match, context) for match in _SEND.finditer(context)]
    calls += [_money("refund", "order", match) for match in _REFUND.finditer(context)]
    calls += [_money("pay", "account", match) for match in _PAY.finditer(context)]
    calls += [_fetch(match) for match in _IMAGE.finditer(context)]
    return list({(call.name, call.resource): call for call in calls}.values())


def _send(match: re.Match[str], context: str) -> ToolCall:
    # It sends what it has: the instruction says what to take, and the context holds it.
    args = {"to": match["to"], "subject": match["what"].strip(), "body": context}
    return ToolCall(name="send_email", resource=f"mailbox:{match['to']}", args=args)


def _money(name: str, kind: str, match: re.Match[str]) -> ToolCall:
    dollars, _, cents = match["amount"].replace(",", "").partition(".")
    amount = int(dollars) * 100 + int(cents or 0)
    return ToolCall(name=name, resource=f"{kind}:{match['id']}", args={"amount_cents": amount})


def _fetch(match: re.Match[str]) -> ToolCall:
    return ToolCall(name="fetch_image", resource=match["url"], args={})


def _decoded(code: str) -> str:
    try:
        return base64.b64decode(code, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
