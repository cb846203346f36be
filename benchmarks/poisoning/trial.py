"""One attack at a time: its documents arrive, are judged, and its questions are asked."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...core.chunk import Matrix, Vector
from .budgets import Budget, deliveries
from .collection import Candidates, Collection, Planted
from .contexts import CONTEXT, DEEP
from .families import Attack
from .methods import Method
from .screening import Arrival, Ruling, Screening, take_back

FILLERS = 3
"""Clean passages of other sources that arrive in the same batch."""

Embed = Callable[[Sequence[str]], Matrix]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one method served for one question.

    ``poison`` of ``served`` passages in the context; ``kept`` of ``gold`` passages among ten;
    ``bound`` is what the certificate allows, None where there is none; CPU ``ms`` of choosing.
    """

    poison: int
    served: int
    kept: int
    gold: int
    bound: int | None
    ms: float

    @property
    def violated(self) -> bool:
        """Whether the certificate was wrong."""
        return self.bound is not None and self.poison > self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """All attacks of a family within a budget.

    ``asked`` is by method and question in one order; ``rulings`` are those of the poison, by
    attack, as they are once all of it has come; ``clean_held`` of ``clean_judged`` harmless
    passages in the same batches were held; ``clean_taken_back`` of those there before.
    """

    family: str
    budget: Budget
    questions: tuple[str, ...]
    asked: Mapping[str, tuple[Asked, ...]]
    rulings: tuple[tuple[Ruling, ...], ...]
    clean_held: int = 0
    clean_judged: int = 0
    clean_taken_back: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Landed:
    """What became of an attack, of its batches' other documents, and what else it took back."""

    planted: Sequence[Planted]
    others: Sequence[Ruling]
    taken: Mapping[str, Ruling]


class Attacker:
    """Runs attacks on one collection; each finds it as it was."""

    def __init__(
        self,
        collection: Collection,
        screening: Screening,
        peers: Sequence[Screening],
        methods: Sequence[Method],
        embed: Embed,
        seed: int,
    ) -> None:
        self._collection = collection
        self._screening = screening
        self._peers = peers
        self._methods = methods
        self._embed = embed
        self._seed = seed

    def trial(self, family: str, attacks: Sequence[Attack], budget: Budget) -> Trial:
        """Run every attack of a family."""
        asked: dict[str, list[Asked]] = {method.name: [] for method in self._methods}
        rulings, held, judged, back = [], 0, 0, 0
        for number, attack in enumerate(attacks):
            rng = random.Random(f"{self._seed} {family} {number}")
            landed = self._landed(attack, budget, rng)
            rulings.append(tuple(each.ruling for each in landed.planted))
            held += sum(ruling.held for ruling in landed.others)
            judged += len(landed.others)
            back += len(landed.taken)
            for question, query in zip(
                attack.questions, self._embed(attack.questions), strict=True
            ):
                for name, said in self._answers(question, query, landed).items():
                    asked[name].append(said)
        return Trial(
            family=family,
            budget=budget,
            questions=tuple(q for attack in attacks for q in attack.questions),
            asked={name: tuple(found) for name, found in asked.items()},
            rulings=tuple(rulings),
            clean_held=held,
            clean_judged=judged,
            clean_taken_back=back,
        )

    def _landed(self, attack: Attack, budget: Budget, rng: random.Random) -> _Landed:
        """Deliver an attack among clean arrivals, and return what became of all of them."""
        arriving = deliveries(attack, budget)
        # Judging changes nothing, and a copy costs more than a judgement.
        screening = self._screening.fork() if len(arriving) > 1 else self._screening
        arrived: list[Arrival] = []
        rulings: list[Ruling] = []
        taken: dict[str, Ruling] = {}
        for delivery in arriving:
            reserve = self._collection.world.reserve
            fillers = rng.sample(reserve, min(FILLERS, len(reserve)))
            docs = [*delivery.docs, *fillers]
            rng.shuffle(docs)
            vectors = self._embed([doc.text for doc in docs])
            batch = [
                Arrival(doc=doc, vector=vector, day=delivery.day)
                for doc, vector in zip(docs, vectors, strict=True)
            ]
            found = self._judged(screening, batch)
            taken |= take_back(arrived, rulings, screening.taken_back())
            if delivery is not arriving[-1]:
                screening.learn([a for a, r in zip(batch, found, strict=True) if not r.held])
            arrived += batch
            rulings += found
        pairs = list(zip(arrived, rulings, strict=True))
        return _Landed(
            planted=[
                Planted(doc=a.doc, vector=a.vector, ruling=r) for a, r in pairs if a.doc.poison
            ],
            others=[ruling for arrival, ruling in pairs if not arrival.doc.poison],
            taken=taken,
        )

    def _judged(self, screening: Screening, batch: Sequence[Arrival]) -> list[Ruling]:
        rulings = screening.judge(batch)
        for peer in self._peers:
            said = peer.judge(batch)
            rulings = [ours.joined(its) for ours, its in zip(rulings, said, strict=True)]
        return rulings

    def _answers(self, question: str, query: Vector, landed: _Landed) -> dict[str, Asked]:
        """Ask every method; those that choose alike from the same candidates are asked once."""
        known: dict[tuple[int, tuple[str, ...]], Asked] = {}
        answers = {}
        for method in self._methods:
            planted = landed.planted
            found = self._collection.candidates(question, query, method.gate, planted, landed.taken)
            key = id(method.choose), tuple(doc.id for doc in found.docs)
            if key not in known:
                known[key] = ask(self._collection, method, found, planted)
            answers[method.name] = known[key]
        return answers


def ask(
    collection: Collection,
    method: Method,
    found: Candidates,
    planted: Sequence[Planted] = (),
) -> Asked:
    """Let a method choose among candidates, for a context and for a deeper one."""
    started = time.process_time()
    choice = method.choose(found.pool, CONTEXT)
    spent = (time.process_time() - started) * 1000
    gold = collection.gold_of(found.pool.question, found.pool.query, collection.world.gold)
    deep = served_ids(method, found) if gold else []
    bad = [each.doc.party for each in planted]
    return Asked(
        poison=int(found.poison[list(choice.places)].sum()),
        served=len(choice.places),
        kept=len(gold & set(deep)),
        gold=len(gold),
        bound=choice.certified(bad) if choice.certified else None,
        ms=spent,
    )


def served_ids(method: Method, found: Candidates) -> list[str]:
    """Return the ids of the deeper context."""
    return [found.docs[at].id for at in method.choose(found.pool, DEEP).places]


def as_json(trial: Trial) -> dict[str, Any]:
    """Return a trial as JSON values."""
    return asdict(trial)


def from_json(fields: Mapping[str, Any]) -> Trial:
    """Return the trial that `as_json` wrote."""
    from ...core.verdict import Decision

    return Trial(
        family=fields["family"],
        budget=Budget(fields["budget"]),
        questions=tuple(fields["questions"]),
        asked={
            name: tuple(Asked(**each) for each in found) for name, found in fields["asked"].items()
        },
        rulings=tuple(
            tuple(
                Ruling(
                    decision=Decision(each["decision"]),
                    kinds={kind: Decision(said) for kind, said in each["kinds"].items()},
                )
                for each in attack
            )
            for attack in fields["rulings"]
        ),
        clean_held=fields["clean_held"],
        clean_judged=fields["clean_judged"],
        clean_taken_back=fields["clean_taken_back"],
    )
