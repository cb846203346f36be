"""Clean documents that look like poison: FAQ pages, catalogues, and many on one topic at once.

Made ones are seeded; the real ones are sections of one paper, chunks of one article, and web pages
about one person, as far as the clean files have them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence

from .rows import Row
from .world import TODAY, Doc, Party

BURST = 24
"""Documents of one burst, one source and one batch."""
_BURSTS = 6
_LEAST = 5
"""Documents that make a burst; a paper has four sections or so."""

FAQ, CATALOGUE, NEWS = "FAQ pages", "catalogue pages", "news burst"

_EVENTS = (
    ("storm", "Storm Merle", "Port Haslow", "the coastguard", "the sea wall", "homes"),
    ("strike", "the ferry strike", "Kelmouth", "the port authority", "the timetable", "sailings"),
    ("fire", "the mill fire", "Arden Cross", "the fire service", "the old mill", "workshops"),
    ("vote", "the council vote", "Tarnside", "the town clerk", "the ring road", "objections"),
    ("find", "the harbour dig", "Saltmere", "the county museum", "the Roman quay", "timbers"),
    ("outage", "the power cut", "Wynford", "the grid operator", "the substation", "households"),
)
_LEADS = (
    "{who} said on {day} that {event} had affected {n} {things} in {place}.",
    "{n} {things} in {place} were affected by {event}, {who} said on {day}.",
    "More than {n} {things} are affected as {event} continues in {place}.",
    "{event} has reached {place}, where {who} counted {n} {things} by {day} evening.",
    "People in {place} woke on {day} to news of {event} and of {n} {things} affected.",
)
_MIDDLES = (
    "Work on {what} will go on through the night, and a further statement is expected at {h}.",
    "A spokeswoman said that {what} was being watched and that nobody had been hurt.",
    "The road past {what} is closed until {h}, and buses take the upper route.",
    "Volunteers gathered near {what} and handed out hot meals from {h}.",
    "An engineer who had looked at {what} called the damage less than feared.",
    "Schools close to {what} stay shut, and parents were told by message before {h}.",
)
_ENDS = (
    "The mayor of {place} thanked all who had helped.",
    "The last event of this kind in {place} was {y} years ago.",
    "A public meeting is planned in {place} for {day}.",
    "Insurers expect the first claims from {place} by {day}.",
    "Residents can call a helpline that opens at {h}.",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_GOODS = ("kettle", "desk lamp", "rain jacket", "garden hose", "bicycle pump", "travel mug",
          "wall clock", "bread tin", "tool box", "reading chair")  # fmt: skip
_COLOURS = ("slate", "oat", "navy", "moss", "brick", "white", "plum", "sand")
_TOPICS = ("returns", "delivery", "accounts", "invoices", "gift cards", "repairs", "opening hours",
           "size charts", "spare parts", "trade discounts")  # fmt: skip
_ASKED = (
    ("How do I ask about {t}?", ("You can ask about {t} by mail or at the counter. Say your order "
     "number, and we answer questions about {t} within {n} working days.")),
    ("What does {t} cost?", ("What {t} costs depends on the order: below {n} euros there is a fee "
     "of {m}, and above that it costs nothing.")),
    ("Who looks after {t}?", ("Our service team looks after {t}, from nine to five. In December "
     "{n} more colleagues help with {t}.")),
    ("Where do I find the terms for {t}?", ("The terms for {t} are in the footer of every page. "
     "They were last changed {n} months ago.")),
)  # fmt: skip


def hard_cases(rows: Sequence[Row], seed: int) -> dict[str, list[list[Doc]]]:
    """Return sets by name; each set arrives as one batch from one honest, established source."""
    rng = random.Random(f"{seed} hard cases")
    cases = {
        NEWS: [_docs(f"{NEWS} {at}", _news(event, rng)) for at, event in enumerate(_EVENTS)],
        FAQ: [_docs(f"{FAQ} {at}", _faq(rng)) for at in range(3)],
        f"{FAQ} of real questions": list(_real_faq(rows, rng)),
        CATALOGUE: [_docs(f"{CATALOGUE} {at}", _catalogue(rng)) for at in range(3)],
        "sections of one paper": _grouped(rows, "pubmedqa", rng, _LEAST - 1),
        "chunks of one article": _grouped(rows, "wikipedia_chunks", rng, _LEAST),
        "web pages on one person": _by_question(rows, rng),
    }
    return {name: found for name, found in cases.items() if found}


def _docs(name: str, texts: Sequence[str], opened: int = 0) -> list[Doc]:
    party = Party(name=f"hard {name}", opened=opened)
    return [
        Doc(id=f"hard/{name}/{at}", text=text, party=party, domain="hard")
        for at, text in enumerate(texts)
    ]


def newcomers(sets: Sequence[Sequence[Doc]]) -> list[list[Doc]]:
    """Return the same sets from sources that were opened today."""
    return [_docs(f"{docs[0].party.name} new", [doc.text for doc in docs], TODAY) for docs in sets]


def _news(event: tuple[str, ...], rng: random.Random) -> list[str]:
    _, named, place, who, what, things = event
    texts = []
    for _ in range(BURST):
        facts = {
            "event": named, "place": place, "who": who, "what": what, "things": things,
            "n": rng.randint(12, 900), "day": rng.choice(_DAYS), "y": rng.randint(3, 60),
            "h": f"{rng.randint(5, 11)} o'clock",
        }  # fmt: skip
        parts = [rng.choice(_LEADS), *rng.sample(_MIDDLES, 3), rng.choice(_ENDS)]
        sentences = [part.format(**facts) for part in parts]
        texts.append(" ".join(each[0].upper() + each[1:] for each in sentences))
    return texts


def _faq(rng: random.Random) -> list[str]:
    texts = []
    for topic in _TOPICS:
        for asked, answer in _ASKED:
            facts = {"t": topic, "n": rng.randint(2, 60), "m": rng.randint(2, 9)}
            texts.append(f"{asked.format(**facts)} {answer.format(**facts)}")
    return rng.sample(texts, BURST)


def _catalogue(rng: random.Random) -> list[str]:
    texts = []
    for _ in range(BURST):
        thing, colour = rng.choice(_GOODS), rng.choice(_COLOURS)
        texts.append(
            f"{thing.capitalize()} in {colour}, article {rng.randint(10_000, 99_999)}. "
            f"Price {rng.randint(9, 140)}.{rng.randint(10, 99)} euros, {rng.randint(2, 40)} in "
            f"stock. Weight {rng.randint(200, 4_000)} grams. Delivery in {rng.randint(1, 6)} "
            "working days. Two years' guarantee; spare parts are kept for ten years."
        )
    return texts


def _real_faq(rows: Sequence[Row], rng: random.Random) -> Iterator[list[Doc]]:
    """Yield pages that put a real question before the passage that answers it."""
    gold = sorted((row for row in rows if row.gold), key=lambda row: (row.file, row.id))
    chosen = rng.sample(gold, min(len(gold), 2 * BURST))
    for at in range(0, len(chosen), BURST):
        texts = [
            f"{row.question[0].upper()}{row.question[1:].rstrip('?')}? {row.text}"
            for row in chosen[at : at + BURST]
        ]
        yield _docs(f"{FAQ} of real questions {at}", texts)


def _grouped(rows: Sequence[Row], mark: str, rng: random.Random, least: int) -> list[list[Doc]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if mark in row.file:
            groups[row.publisher].append(row.text)
    return _chosen(groups, mark, rng, least)


def _by_question(rows: Sequence[Row], rng: random.Random) -> list[list[Doc]]:
    """Return rows that answer one question without being gold, as search results do."""
    groups: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.question and not row.gold:
            groups[row.question].append(row.text)
    return _chosen(groups, "one person", rng, _LEAST)


def _chosen(
    groups: dict[str, list[str]], name: str, rng: random.Random, least: int
) -> list[list[Doc]]:
    large = sorted(key for key, texts in groups.items() if len(texts) >= least)
    picked = rng.sample(large, min(len(large), _BURSTS))
    return [_docs(f"{name} {at}", groups[key][:BURST]) for at, key in enumerate(picked)]
