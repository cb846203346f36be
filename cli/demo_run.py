"""The run of the demo: both sides are filled, one store is tampered with, everything is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from rich.console import Console

from ..core.chunk import TenantId
from ..core.embedding import Embedder
from ..core.sentence_transformer import SentenceTransformerEmbedder
from ..core.settings import ProvenanceSettings, Settings
from ..ingest.report import IngestReport, QuarantinedItem
from ..retrieval_guard import Guard, GuardParts
from .demo_agent import answer, propose
from .demo_embedder import RememberingEmbedder
from .demo_guarded import GuardedRag, quarantined_file
from .demo_manifest import Manifest, Scenario, SourceFolder, read_manifest, source_folders
from .demo_outcome import Outcome, Result, reached
from .demo_report import print_ingest, print_result
from .demo_tamper import alter_points
from .demo_unguarded import COLLECTION, EVERYONE, UnguardedRag


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
    settings = _settings(folder, manifest)
    embedder = RememberingEmbedder(SentenceTransformerEmbedder(settings.embedding.model))
    with closing(UnguardedRag(folder / "unguarded", embedder, settings)) as unguarded:
        ingested = _ingest(settings, embedder, unguarded, source_folders(corpus))
    held = {
        quarantined_file(source, item): item
        for source, report in ingested
        for item in report.quarantined_items
    }
    print_ingest(console, [report for _, report in ingested], held)
    for scenario in manifest.attacks:
        _tamper(folder, settings, scenario)
    with (
        closing(UnguardedRag(folder / "unguarded", embedder, settings)) as unguarded,
        _guard(settings, embedder) as guard,
    ):
        guarded = GuardedRag(guard, frozenset(held))
        released = _release(guard, held, manifest)
        ask = partial(_result, unguarded, guarded, settings.retrieval.top_k)
        attacks = tuple(_told(console, map(ask, manifest.attacks)))
        questions = tuple(_told(console, map(ask, manifest.questions)))
    attacked = {file for scenario in manifest.attacks for file in scenario.files}
    return DemoReport(
        attacks=attacks,
        questions=questions,
        documents=sum(report.documents for _, report in ingested),
        quarantined=tuple(held),
        released=released,
        false_alarms=tuple(file for file in held if file not in attacked.union(released)),
        failed=tuple(f"{f.path}: {f.message}" for _, r in ingested for f in r.failures),
        seconds=time.perf_counter() - start,
    )


def corpus_path() -> Path:
    """Return the folder of the corpus that is shipped with the package."""
    package = (__package__ or "").rpartition(".")[0]
    return Path(str(resources.files(f"{package}.examples") / "corpus"))


def _settings(folder: Path, manifest: Manifest) -> Settings:
    """Return the defaults, in the demo's folder; the user's own settings are left out of it."""
    return Settings(
        state_dir=folder / "state",
        store=str(folder / "store"),
        provenance=ProvenanceSettings(untrusted_sources=manifest.untrusted_sources),
    )


def _guard(settings: Settings, embedder: Embedder) -> Guard:
    return Guard.from_settings(settings, GuardParts(embedder=embedder))


def _ingest(
    settings: Settings,
    embedder: Embedder,
    unguarded: UnguardedRag,
    folders: Sequence[SourceFolder],
) -> list[tuple[SourceFolder, IngestReport]]:
    reports = []
    with _guard(settings, embedder) as guard:
        for source in folders:
            unguarded.ingest(source)
            report = guard.ingest(source.path, tenant=source.tenant, source=source.source)
            reports.append((source, report))
    return reports


def _tamper(folder: Path, settings: Settings, scenario: Scenario) -> None:
    """Change the same text in both stores, while they are closed."""
    change = scenario.tamper
    if change is None:
        return
    tenant, _, document = change.file.split("/", 2)
    places = [
        (Path(settings.store) / settings.collection, TenantId(tenant), document),
        (folder / "unguarded" / COLLECTION, EVERYONE, change.file),
    ]
    for collection, owner, name in places:
        alter_points(collection, owner, document=name, find=change.find, replace=change.replace)


def _release(
    guard: Guard, held: Mapping[str, QuarantinedItem], manifest: Manifest
) -> tuple[str, ...]:
    """Release what is held back though clean, as a person who has read it would."""
    known = {file: reason for file, reason in manifest.known_false_alarms.items() if file in held}
    for file, reason in known.items():
        guard.release(held[file].id, reviewer="demo-reviewer", reason=reason)
    return tuple(known)


def _result(unguarded: UnguardedRag, guarded: GuardedRag, limit: int, scenario: Scenario) -> Result:
    return Result(
        scenario=scenario,
        without_guard=_unguarded_outcome(unguarded, scenario, limit),
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
