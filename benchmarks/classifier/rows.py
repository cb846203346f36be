"""Public documents as training examples, and the folds of the leave-one-source-out protocol."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from .synthesis import Example

FOLDS: dict[str, tuple[str, ...]] = {
    "bipia": ("bipia", "howto_docs_dev"),
    "tasktracker": ("tasktracker_xquad", "wildguard_benign"),
    "indirect_pia": ("indirect_pia", "security_docs_dev"),
    "mail": ("llmail_attacks", "llmail_benign", "small_corpora", "piguard_valid"),
    "tools": ("injecagent", "agentdojo"),
}
"""What each fold leaves out, attacks and harmless texts: harder than one file at a time."""
_BARE = ("bare_task", "ds_base", "dh_base")
"""Attacks of these names, and all of BIPIA, do without a phrase that gives the trick away."""
_PLAIN = ("naive", "direct")
_ACTING = ("injecagent", "agentdojo", "llmail_attacks")
FAMILIES: dict[str, Callable[[Example], bool]] = {
    "bare": lambda e: without_trigger(e) or e.attack.endswith(_PLAIN),
    "trigger": lambda e: not without_trigger(e) and not e.attack.endswith(_PLAIN),
    "actions": lambda e: e.source in _ACTING,
}
"""Kinds of attack: no trigger phrase, one, and orders to use tools (the others want words)."""
ABOUT = ("security_docs_dev",)
NOT_ABOUT = ("howto_docs_dev", "bipia", "tasktracker_xquad", "indirect_pia")


def public_examples(data: Path) -> list[Example]:
    """Read ``data/injection/*.jsonl``."""
    return [
        _example(path.stem, json.loads(line))
        for path in sorted((data / "injection").glob("*.jsonl"))
        for line in path.read_text("utf-8").split("\n")
        if line
    ]


def clean_passages(data: Path) -> list[Example]:
    """Read the harmless passages of ``data/poison/*.jsonl``."""
    found = []
    for path in sorted((data / "poison").glob("*.jsonl")):
        for line in path.read_text("utf-8").split("\n"):
            if line and not (row := json.loads(line))["label"]:
                source, group = f"poison/{path.stem}", row.get("title") or row["text"][:40]
                found += [Example(text=row["text"], label=0, spans=(), source=source, group=group)]
    return found


def left_out(examples: list[Example], fold: str) -> Iterator[Example]:
    """Yield the examples of the files that ``fold`` leaves out."""
    return (e for e in examples if e.source in FOLDS[fold])


def kept(examples: list[Example], fold: str | None) -> list[Example]:
    """Return the examples that ``fold`` trains on; all of them where it is None."""
    return [e for e in examples if fold is None or e.source not in FOLDS[fold]]


def without_trigger(example: Example) -> bool:
    """Tell whether the attack is one of the bare orders and questions of these files."""
    if not example.label:
        return False
    return example.source == "bipia" or example.attack.startswith(_BARE)


def left_out_family(examples: list[Example], family: str) -> Iterator[Example]:
    """Yield the attacks of ``family``, and half of the harmless texts, by group."""
    return (e for e in examples if _of_family(e, family))


def kept_families(examples: list[Example], family: str) -> list[Example]:
    """Return the other attacks, and the other half of the harmless texts."""
    return [e for e in examples if not _of_family(e, family)]


def _of_family(example: Example, family: str) -> bool:
    if example.label:
        return FAMILIES[family](example)
    return zlib.crc32(example.group.encode("utf-8", "replace")) % 2 == 0


def sample(examples: list[Example], each: int, seed: int) -> list[Example]:
    """Return at most ``each`` examples of every source and label, spread over their groups."""
    rng = random.Random(seed)
    chosen: list[Example] = []
    for key in sorted({(e.source, e.label) for e in examples}):
        groups: dict[str, list[Example]] = {}
        for e in examples:
            if (e.source, e.label) == key:
                groups.setdefault(e.group, []).append(e)
        pools = [rng.sample(g, len(g)) for _, g in sorted(groups.items())]
        rng.shuffle(pools)
        deep = [
            e for rank in range(max(map(len, pools))) for p in pools for e in p[rank : rank + 1]
        ]
        chosen += deep[:each]
    return chosen


def _example(source: str, row: dict[str, str | int | None]) -> Example:
    text, span = str(row["text"]), str(row.get("span") or "")
    start = text.find(span) if span else -1
    label = int(row["label"] or 0)
    spans: tuple[tuple[int, int], ...] | None = () if not label else None
    if label and start >= 0:
        spans = ((start, start + len(span)),)
    return Example(
        text=text,
        label=label,
        spans=spans,
        source=source,
        group=span or str(row.get("pair") or row.get("attack") or text[:40]),
        attack=str(row.get("attack") or ""),
        about=1 if source in ABOUT else 0 if source in NOT_ABOUT else None,
    )
