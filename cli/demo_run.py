"""The run of the demo: both sides are filled, one store is tampered with, everything is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from rich.console import Console

from ..core.sentence_transformer import SentenceTransformerEmbedder
from ..core.settings import Settings
from .demo_agent import answer, propose
from .demo_embedder import RememberingEmbedder
from .demo_fill import demo_guard, demo_settings, fill, release, tamper, vouch
from .demo_guarded import GuardedRag
from .demo_manifest import Scenario, read_manifest, source_folders
from .demo_outcome import Outcome, Result, reached
from .demo_report import print_ingest, print_result
from .demo_unguarded import UnguardedRag


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """What the demo observed.

    ``released`` are clean files that were held back, as is known of them, and that a reviewer
    released; ``false_alarms`` are the clean files of which it was not known.
    """

    attacks: tuple[Result, ...]
    questions: tuple[Result, ...]
    documents: int
    quarantined: tuple[str, ...]
    released: tuple[str, ...]
    false_alarms: tuple[str, ...]
    failed: tuple[str, ...]
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Whether every outcome is what the manifest says, with no false alarm and no failure."""
        results = (*self.attacks, *self.questions)
        return not (self.false_alarms or self.failed or any(r.differences for r in results))

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "as_expected": self.as_expected,
            "documents": self.documents,
            "quarantined": list(self.quarantined),
            "released": list(self.released),
            "false_alarms": list(self.false_alarms),
            "failed": list(self.failed),
            "attacks": [result.as_dict() for result in self.attacks],
            "questions": [result.as_dict() for result in self.questions],
            "seconds": round(self.seconds, 1),
        }


def observe(folder: Path, console: Console) -> DemoReport:
    """Ingest the corpus on both sides, tamper, ask everything, and return what was observed."""
    start = time.perf_counter()
    corpus = corpus_path()
    manifest = read_manifest(corpus)
    settings = demo_settings(folder, manifest)
    embedder = RememberingEmbedder(SentenceTransformerEmbedder(settings.embedding.model))
    with closing(UnguardedRag(folder / "unguarded", embedder, settings)) as unguarded:
        folders = source_folders(corpus)
        filled = fill(settings, embedder, unguarded, folders, manifest.new_sources)
    print_ingest(console, filled)
    for scenario in manifest.attacks:
        tamper(folder, settings, scenario)
    with (
        closing(UnguardedRag(folder / "unguarded", embedder, settings)) as unguarded,
        demo_guard(settings, embedder) as guard,
    ):
        released = release(guard, filled.held, manifest)
        guarded = GuardedRag(guard, filled.held, manifest.new_sources)
        ask = partial(_result, unguarded, guarded, settings)
        attacks = tuple(_told(console, map(ask, manifest.attacks)))
        questions = tuple(_told(console, map(ask, manifest.questions)))
    attacked = {file for scenario in manifest.attacks for file in scenario.files}
    return DemoReport(
        attacks=attacks,
        questions=questions,
        documents=sum(report.documents for report in filled.reports),
        quarantined=tuple(filled.held),
        released=released,
        false_alarms=tuple(file for file in filled.held if file not in attacked.union(released)),
        failed=tuple(f"{f.path}: {f.message}" for r in filled.reports for f in r.failures),
        seconds=time.perf_counter() - start,
    )


def corpus_path() -> Path:
    """Return the folder of the corpus that is shipped with the package."""
    package = (__package__ or "").rpartition(".")[0]
    return Path(str(resources.files(f"{package}.examples") / "corpus"))


def _result(
    unguarded: UnguardedRag, guarded: GuardedRag, settings: Settings, scenario: Scenario
) -> Result:
    vouch(settings, scenario)
    return Result(
        scenario=scenario,
        without_guard=_unguarded_outcome(unguarded, scenario, settings.retrieval.top_k),
        with_guard=guarded.outcome(scenario),
    )


def _unguarded_outcome(unguarded: UnguardedRag, scenario: Scenario, limit: int) -> Outcome:
    if scenario.says:
        return Outcome(passages=(scenario.says,), reached=reached(scenario.marker, [scenario.says]))
    found = unguarded.ask(scenario.question, limit)
    if scenario.by_id:
        found += unguarded.by_id(scenario.files)
    passages = tuple(passage.text for passage in found)
    return Outcome(
        passages=passages,
        reached=reached(scenario.marker, passages),
        answer=answer(passages, scenario.answer_pattern),
        did=tuple(propose(passages)),
    )


def _told(console: Console, results: Iterator[Result]) -> Iterator[Result]:
    for result in results:
        print_result(console, result)
        yield result
