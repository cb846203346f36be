"""The adapter of our own ingestion: the scanner and the signals, as the pipeline runs them."""

from __future__ import annotations

import copy
import gc
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from ...core.embedding import Embedder
from ...core.verdict import Decision, Severity, Verdict, merge_verdicts
from ...ingest.signals import Baseline, Screen, SignalInput
from ...ingest.signals.screen import ScreenOptions
from .scans import Scans
from .screening import Arrival, Ruling
from .shelf import Shelf
from .world import Party

SCANNER = "injection"
"""The scanner's name among the kinds of a ruling; a signal's is its finding's kind."""
_SAID = {Severity.INFO: Decision.ALLOW, Severity.LOW: Decision.FLAG}
"""What a finding's severity says of its signal's decision; from higher ones on it holds."""


class OwnSignals:
    """Judges as ingestion does. ``ms`` are CPU milliseconds of the signals, a document each."""

    def __init__(self, scans: Scans, embedder: Embedder) -> None:
        self._scans = scans
        self._embedder = embedder
        self._shelf = Shelf(embedder.identity.dimension)
        # Never saved: the folder holds no more than a key.
        with tempfile.TemporaryDirectory() as folder:
            self._baseline = Baseline.open(Path(folder), "bench", "bench")
        options = ScreenOptions(is_new=self._is_new)
        self._screen = Screen(self._baseline, self._shelf.nearest, embedder, options)
        self._parties: dict[str, Party] = {}
        self._day = 0
        self._said: dict[str, Verdict] = {}
        self._taken: dict[str, Ruling] = {}
        self._held: list[tuple[SignalInput, Verdict]] = []
        self.ms: list[float] = []
        self._unchanging: dict[int, object] = {}

    @property
    def version(self) -> str:
        """Names and versions of all signals."""
        return self._screen.version

    @property
    def kinds(self) -> list[str]:
        """Every kind that a ruling may name."""
        names = dict.fromkeys(each.split("@")[0] for each in self.version.split(","))
        return [SCANNER, *(f"outlier.{name}" for name in names)]

    @property
    def bytes_held(self) -> int:
        """Memory of what was learnt."""
        return self._baseline.bytes_held

    def observe(self, questions: Sequence[str]) -> None:
        """Take note of questions that were asked before anything is ingested."""
        for question, vector in zip(questions, self._embedder.embed(questions), strict=True):
            self._baseline.observe(question, vector)

    def judge(self, arrivals: Sequence[Arrival]) -> list[Ruling]:
        """Return a ruling for each document; what a step holds, the next one does not see."""
        scanned = self._scans.decisions([each.doc.text for each in arrivals])
        self._day = max((each.day for each in arrivals), default=0)
        started = time.process_time()
        batch = [_input(each) for each in arrivals]
        verdicts = [Verdict(decision=decision) for decision in scanned]
        for look in (self._screen.texts, self._screen.vectors):
            open_ = [at for at, said in enumerate(verdicts) if said.decision < Decision.QUARANTINE]
            found = look([batch[at] for at in open_])
            for place, verdict in zip(open_, found, strict=True):
                verdicts[place] = merge_verdicts([verdicts[place], verdict])
        self._taken = self._taken_back()
        spent = (time.process_time() - started) * 1000
        self.ms += [spent / max(len(batch), 1)] * len(batch)
        self._said = {a.doc.id: said for a, said in zip(arrivals, verdicts, strict=True)}
        self._held = [
            (each, said)
            for each, said in zip(batch, verdicts, strict=True)
            if said.decision >= Decision.QUARANTINE
        ]
        return [_ruling(*each) for each in zip(scanned, verdicts, strict=True)]

    def taken_back(self) -> Mapping[str, Ruling]:
        """Return what the last judgement takes back of what was admitted before, by id."""
        return self._taken

    def learn(self, arrivals: Sequence[Arrival]) -> None:
        """Store admitted documents, and teach the baseline what the pipeline teaches it."""
        batch = [_input(each) for each in arrivals]
        said = [self._said.get(each.doc.id, Verdict()) for each in arrivals]
        self._screen.remember([each for each, _ in self._held], [said for _, said in self._held])
        self._held = []
        self._screen.learn(batch, said)
        self._shelf.remove(self._taken)
        self._shelf.add(arrivals)
        self._parties |= {each.doc.party.name: each.doc.party for each in arrivals}

    def _taken_back(self) -> dict[str, Ruling]:
        earlier = self._screen.earlier()
        stored = self._shelf.ids if earlier else ()
        return {
            each.document: _ruling(Decision.ALLOW, verdict)
            for each, verdict in earlier
            if each.document in stored and self._is_new(each.source)
        }

    def _is_new(self, source: str) -> bool:
        """Tell whether a source of what is stored is in probation on the day of the last batch."""
        return source in self._parties and self._parties[source].in_probation(self._day)

    def fork(self) -> Self:
        """Return a copy that learns apart from this one, and counts its time with it."""
        if not self._unchanging:
            self._unchanging = _frozen()
        own = (self._scans, self._embedder, self.ms, self._unchanging)
        return copy.deepcopy(self, {**self._unchanging, **{id(each): each for each in own}})


def _frozen() -> dict[int, object]:
    """Return every record that nothing can change, by id: a copy shares the thousands of them."""
    return {
        id(each): each
        for each in gc.get_objects()
        if getattr(getattr(type(each), "__dataclass_params__", None), "frozen", False)
    }


def _input(each: Arrival) -> SignalInput:
    return SignalInput(
        document=each.doc.id,
        source=each.doc.party.name,
        text=each.doc.text,
        pieces=(each.doc.text,),
        vectors=each.vector[None, :],
        at=each.at,
        probation=each.doc.party.in_probation(each.day),
    )


def _ruling(scanned: Decision, verdict: Verdict) -> Ruling:
    kinds: dict[str, Decision] = {} if scanned is Decision.ALLOW else {SCANNER: scanned}
    for finding in verdict.findings:
        kinds[finding.kind] = _SAID.get(finding.severity, Decision.QUARANTINE)
    return Ruling(decision=verdict.decision, kinds=kinds)
