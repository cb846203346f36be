"""Other installable detectors, one adapter each, run in the same process on the same documents.

They are never a dependency: ``pip install 'ragbastion[peers]'``. What is not installed is named as
skipped, and what fails as failed.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .methods import Judge, Judged, Judgement, judged
from .rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A package, how its score is read, and what loads it."""

    package: str
    how: str
    load: Callable[[], Judge]

    @property
    def name(self) -> str:
        """Package and version; fails if it is not installed."""
        return f"{self.package} {importlib.metadata.version(self.package)}"


def stackone() -> Judge:
    """Patterns and a MiniLM classifier, cleaned by sentences, as its README starts it."""
    from stackone_defender import create_prompt_defense  # pyright: ignore[reportMissingImports]

    # Without its model it would quietly judge by patterns alone: that is not what is compared.
    defense = create_prompt_defense(block_high_risk=True, require_tier2=True)
    defense.warmup_tier2()

    def judge(text: str) -> Judgement:
        result = defense.defend_tool_result(text, "document")
        return float(result.tier2_score or 0.0), not result.allowed

    return judge


def redoubt() -> Judge:
    """Eight checks by patterns, with decoding."""
    import redoubt as package  # pyright: ignore[reportMissingImports]

    def judge(text: str) -> Judgement:
        report = package.check_corpus([text])
        return len(report.critical) + len(report.warnings) / 100, not report.ok()

    return judge


def protectrag() -> Judge:
    """Weighted patterns; its ingest decision blocks severity HIGH."""
    from protectrag import (  # pyright: ignore[reportMissingImports]
        InjectionSeverity,
        scan_document_for_injection,
    )

    def judge(text: str) -> Judgement:
        result = scan_document_for_injection(text)
        return float(result.score), result.severity >= InjectionSeverity.HIGH

    return judge


def rag_inject_guard() -> Judge:
    """Signatures in English and Turkish; its `quarantine` holds severity medium and above."""
    from rag_inject_guard import SEVERITY_ORDER, scan  # pyright: ignore[reportMissingImports]

    def judge(text: str) -> Judgement:
        findings = scan(text)
        worst = max((finding.severity_rank for finding in findings), default=-1)
        return worst + 1 + min(len(findings), 99) / 100, worst >= SEVERITY_ORDER["medium"]

    return judge


PEERS = (
    Peer(
        package="stackone-defender",
        how="tier2_score; stopped where not allowed (block_high_risk, patterns included)",
        load=stackone,
    ),
    Peer(
        package="redoubt",
        how="critical findings, then warnings; stopped where not ok()",
        load=redoubt,
    ),
    Peer(package="protectrag", how="score; stopped at severity HIGH", load=protectrag),
    Peer(
        package="rag-inject-guard",
        how="worst severity, then number of findings; stopped from medium on",
        load=rag_inject_guard,
    ),
)


def by_peers(
    rows: Sequence[Row], say: Callable[[str], None], peers: Sequence[Peer] = PEERS
) -> tuple[dict[str, Judged], dict[str, str]]:
    """Return what each installed peer said, and why the others said nothing."""
    answers, skipped = {}, {}
    for peer in peers:
        try:
            name = peer.name
        except importlib.metadata.PackageNotFoundError:
            skipped[peer.package] = "skipped: not installed (pip install 'ragbastion[peers]')"
            continue
        say(f"{name}: {len(rows)} documents")
        try:
            answers[name] = judged(peer.load(), peer.how, rows)
        # Foreign code: whatever it raises is its result, and the other methods still run.
        except Exception as error:  # noqa: BLE001
            skipped[name] = f"failed: {type(error).__name__}"
    return answers, skipped
