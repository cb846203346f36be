"""What an attacker may spend: how many documents, from how many sources, how old, on which days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .families import Attack
from .world import AGED, TODAY, Doc, Party


class Budget(StrEnum):
    """The attacker's budget."""

    ONE_DOC = "one-doc"
    """One document from one new source."""
    ONE_SOURCE = "one-source"
    """Five documents from one new source, at once."""
    SYBIL = "sybil"
    """Five documents from five new sources, one each."""
    DRIP = "drip"
    """Five documents from one aged source, one a day."""
    SYBIL_AGED = "sybil-aged"
    """Five documents from five aged sources, one each."""


MEANING = {
    Budget.ONE_DOC: "one document from one new source",
    Budget.ONE_SOURCE: "five documents from one new source, in one batch",
    Budget.SYBIL: "five documents from five new sources, one each",
    Budget.DRIP: "five documents from one aged source, one a day",
    Budget.SYBIL_AGED: "five documents from five aged sources, one each",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Documents that arrive in one batch on one day."""

    day: int
    docs: tuple[Doc, ...]


def deliveries(attack: Attack, budget: Budget) -> list[Delivery]:
    """Return an attack's documents as they reach the collection, the last ones today."""
    texts = attack.texts[:1] if budget is Budget.ONE_DOC else attack.texts
    docs = [_doc(text, at, budget) for at, text in enumerate(texts)]
    if budget is Budget.DRIP:
        first = TODAY - len(docs) + 1
        return [Delivery(day=first + at, docs=(doc,)) for at, doc in enumerate(docs)]
    if budget in (Budget.SYBIL, Budget.SYBIL_AGED):
        return [Delivery(day=TODAY, docs=(doc,)) for doc in docs]
    return [Delivery(day=TODAY, docs=tuple(docs))]


def applies(attacks: Sequence[Attack], budget: Budget) -> bool:
    """Tell whether a budget of several documents differs from one document for these attacks."""
    return budget is Budget.ONE_DOC or any(len(attack.texts) > 1 for attack in attacks)


def _doc(text: str, at: int, budget: Budget) -> Doc:
    several = budget in (Budget.SYBIL, Budget.SYBIL_AGED)
    aged = budget in (Budget.DRIP, Budget.SYBIL_AGED)
    # A new source of one document a source looks like any newcomer: nothing in its name tells.
    name = f"publisher-x{at if several else 0}"
    party = Party(name=name, opened=AGED if aged else TODAY)
    return Doc(id=f"poison/{at}", text=text, party=party, domain="poison", poison=True)
