"""Wordings that only measure: written before the taught ones were read, and never taught.

``heldout_wordings.json`` holds eight families of eight wordings, what fills them, and forty honest
texts that sound alike: errata, FAQ, policies, fact checks, changelogs, abstracts without data.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("heldout_wordings.json")


def heldout_steering() -> dict[str, list[str]]:
    """Return each family's wordings, each in eight fillings."""
    fills = [_slots(fill) for fill in _held()["fills"]]
    return {
        name: [wording.format(**fill) for wording in wordings for fill in fills]
        for name, wordings in _held()["families"].items()
    }


def heldout_honest() -> list[str]:
    """Return the honest texts."""
    return [each["text"] for each in _held()["honest"]]


def faq_page() -> list[str]:
    """Return the entries of one shop's page of questions."""
    return list(_held()["faq_page"])


@cache
def _held() -> Any:
    return json.loads(_FILE.read_text(encoding="utf-8"))


def _slots(fill: dict[str, str]) -> dict[str, str]:
    planted, true = fill["s"].format(x=fill["a"]), fill["s"].format(x=fill["c"])
    return {
        **fill,
        "q_bare": fill["q"].rstrip("?"),
        "s_a": planted,
        "s_c": true,
        "s_a_low": _lowered(planted),
        "s_c_low": _lowered(true),
    }


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
