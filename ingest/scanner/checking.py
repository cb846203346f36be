"""Checking a rule pack before it is used: that it loads, and that its own examples hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...core.errors import SettingsError
from ..canonical import canonical, raw_view
from .rules import RulePack, load_packs
from .signatures import Signatures


def check_pack(path: Path) -> tuple[str, ...]:
    """Return what is wrong with the rule pack at ``path`` (untrusted); nothing if it may be used.

    Each problem names the rule and the cause. A pack that does not load has one problem; in one
    that loads, every positive example must match its own rule, and no negative one may.
    """
    try:
        pack = load_packs([path])[-1]
    except SettingsError as error:
        return (str(error),)
    return tuple(_broken_examples(pack))


def _broken_examples(pack: RulePack) -> Iterator[str]:
    signatures = Signatures([pack])
    for rule in pack.rules:
        for text in rule.positive:
            if rule.id not in _matching(signatures, text):
                yield f"rule '{rule.id}' does not match its positive example {text[:80]!r}"
        for text in rule.negative:
            if rule.id in _matching(signatures, text):
                yield f"rule '{rule.id}' matches its negative example {text[:80]!r}"


def _matching(signatures: Signatures, text: str) -> set[str]:
    views = (raw_view(text), canonical(text))
    return {match.rule.id for view in views for match in signatures.read(view)[0]}
