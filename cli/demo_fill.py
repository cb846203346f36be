"""What the demo puts into both stores, and what persons then do: release, vouch, tamper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..core.chunk import TenantId
from ..core.embedding import Embedder
from ..core.events import LoggingEventSink
from ..core.settings import ProvenanceSettings, Settings
from ..ingest.provenance import SourceAdmin
from ..ingest.report import IngestReport, QuarantinedItem
from ..retrieval_guard import Guard, GuardParts
from .demo_clock import days_ago
from .demo_manifest import Manifest, Scenario, SourceFolder
from .demo_tamper import alter_points
from .demo_unguarded import COLLECTION, EVERYONE, UnguardedRag

OLD_DAYS = 30.0
"""Since when most sources are there: past `retrieval.founding_days` and the probation."""

_SIGNAL = "outlier."


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A document in quarantine; ``signals`` name what held it, the scanner among them."""

    item: QuarantinedItem
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What came in on the guarded side: a report for each source, and by file what was held."""

    reports: tuple[IngestReport, ...]
    held: Mapping[str, Held]


def demo_settings(folder: Path, manifest: Manifest) -> Settings:
    """Return the defaults, in the demo's folder; the user's own settings are left out of it."""
    return Settings(
        state_dir=folder / "state",
        store=str(folder / "store"),
        provenance=ProvenanceSettings(untrusted_sources=manifest.untrusted_sources),
    )


def demo_guard(settings: Settings, embedder: Embedder) -> Guard:
    """Return a guard of these settings; the caller closes it."""
    return Guard.from_settings(settings, GuardParts(embedder=embedder))


def fill(
    settings: Settings,
    embedder: Embedder,
    unguarded: UnguardedRag,
    folders: Sequence[SourceFolder],
    new_sources: frozenset[str],
) -> Filled:
    """Ingest the folders on both sides: the old ones as of a month ago, then the new ones."""
    reports: list[IngestReport] = []
    held: dict[str, Held] = {}

    def ingest(chosen: Iterable[SourceFolder]) -> None:
        for folder in chosen:
            unguarded.ingest(folder)
            report = guard.ingest(folder.path, tenant=folder.tenant, source=folder.source)
            reports.append(report)
            for item in report.quarantined_items:
                file = f"{folder.tenant}/{item.source}/{item.document}"
                held[file] = Held(item=item, signals=_signals(guard, item))

    with demo_guard(settings, embedder) as guard:
        with days_ago(OLD_DAYS):
            ingest(each for each in folders if each.name not in new_sources)
        ingest(each for each in folders if each.name in new_sources)
    return Filled(reports=tuple(reports), held=held)


def release(guard: Guard, held: Mapping[str, Held], manifest: Manifest) -> tuple[str, ...]:
    """Release what is held back though clean, as a person who has read it would."""
    known = {file: reason for file, reason in manifest.known_false_alarms.items() if file in held}
    for file, reason in known.items():
        guard.release(held[file].item.id, reviewer="demo-reviewer", reason=reason)
    return tuple(known)


def vouch(settings: Settings, scenario: Scenario) -> None:
    """Answer for the scenario's source, as ``ragbastion sources trust NAME --vouch`` does."""
    if not scenario.vouch:
        return
    admin = SourceAdmin(
        settings.state_dir,
        LoggingEventSink(),
        principal="demo-operator",
        settings=settings.provenance,
    )
    with closing(admin):
        admin.vouch(admin.known(scenario.tenant, scenario.vouch))


def tamper(folder: Path, settings: Settings, scenario: Scenario) -> None:
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


def _signals(guard: Guard, item: QuarantinedItem) -> tuple[str, ...]:
    """Return the kinds of what was found in a held document, less what is for information."""
    findings = guard.quarantine.get(item.id).verdict["findings"]
    kinds = [str(each["kind"]) for each in findings if each["severity"] != "info"]
    return tuple(dict.fromkeys(kind.removeprefix(_SIGNAL) for kind in kinds))
