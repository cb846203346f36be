"""What the models of talk about answering are taught: wordings, honest ones, and clean texts."""

from __future__ import annotations

import random
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from .steering_forms import FORMS, HONEST_FORMS, STATEMENTS
from .steering_wordings import HONEST, STEERING
from .texts import clean_rows, clean_texts

SEED = 7
A_WORDING = 18
A_SOURCE, ANOTHER_SOURCE = 300, 90
"""Clean texts of a source that are taught, and of one of the injection data."""
CLEAN = "clean_"
DOCUMENTS = (CLEAN, "llmail_benign", "howto_docs")
"""Honest rows that are documents. Prompts to chatbots and what agents are told to do talk about
answering too; taught as honest, they cost orders that are found."""
_CHOICE = re.compile(r"\{([^{}]*)\}")
Chance = random.Random
FAMILIES = {**STEERING, **FORMS}
HONEST_WORDINGS = (*HONEST, *HONEST_FORMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A text, whether it steers, and the family, wording or source that it is of."""

    text: str
    steers: bool
    group: str
    wording: bool = True


class Slots:
    """What fills the wordings: real questions with their answers and subjects."""

    def __init__(self, data: Path) -> None:
        self._rows = [
            row
            for row in clean_rows(data, "clean_nqopen_gold")
            if zlib.crc32(row["qid"].encode()) % 2 == 0 and 0 < len(row["correct_answer"]) < 40
        ]

    def spell(self, wording: str, chance: Chance) -> str:
        """Return one spelling of a wording."""
        row, other = chance.choice(self._rows), chance.choice(self._rows)
        asked = row["question"]
        if chance.random() < 0.5:
            asked = f"{asked[0].upper()}{asked[1:]}?"
        first, second = row["correct_answer"], other["correct_answer"]
        if chance.random() < 0.5:
            first, second = second, first
        while "<S>" in wording:
            wording = wording.replace("<S>", chance.choice(STATEMENTS), 1)
        while match := _CHOICE.search(wording):
            picked = chance.choice(match[1].split("|"))
            wording = wording[: match.start()] + picked + wording[match.end() :]
        for mark, value in (("<Q>", asked), ("<A>", first), ("<B>", second), ("<T>", row["title"])):
            wording = wording.replace(mark, value)
        text = re.sub(r"\s+", " ", wording).strip()
        return f"{text[0].upper()}{text[1:]}" if chance.random() < 0.8 else text


def samples(data: Path) -> list[Sample]:
    """Return every text that may be taught, drawn by the seed."""
    chance, slots = random.Random(SEED), Slots(data)
    found = [
        Sample(text=slots.spell(wording, chance), steers=True, group=name)
        for name, wordings in FAMILIES.items()
        for wording in wordings
        for _ in range(A_WORDING)
    ]
    found += [
        Sample(text=_cased(each.text, chance), steers=True, group=each.group) for each in found[::4]
    ]
    found += [
        Sample(text=slots.spell(wording, chance), steers=False, group=wording)
        for wording in HONEST_WORDINGS
        for _ in range(A_WORDING)
    ]
    for name, texts in clean_texts(data).items():
        if "security" not in name:
            most = A_SOURCE if name.startswith(CLEAN) else ANOTHER_SOURCE
            picked = chance.sample(texts, min(most, len(texts)))
            found += [
                Sample(text=t[:3_000], steers=False, group=name, wording=False) for t in picked
            ]
    return [each for each in found if each.wording or each.group.startswith(DOCUMENTS)]


def _cased(text: str, chance: Chance) -> str:
    return text.lower().rstrip(".") if chance.random() < 0.5 else text.replace(".", "")
