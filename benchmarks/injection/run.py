"""The whole benchmark: everything measured in one process on the same documents, then written."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...core.errors import MissingExtraError, SettingsError
from ...core.settings import ScanSettings
from ...ingest.scanner import Scanner
from .. import report
from . import loso, plots, show, tables
from .latency import documents, latency_table
from .memory import scanner_process
from .methods import Judged, by_keywords, by_scanner, by_tfidf
from .metrics import Calibration, auroc, calibration, share_at
from .peers import by_peers
from .robustness import robustness
from .rows import MEASURED, Row, load_rows, sampled
from .spans import span_table

SEED = 7
SAMPLED = 150
"""Documents of each source and label that every method is compared on; a peer reads 30 a second."""
BUDGETS = ("0.1%", "1%", "5%")
"""The presets of `ScanSettings.budget`."""
PRIOR = 0.1
"""Share of attacks of the second calibration; public files hold as many attacks as texts."""
CAUTION = (
    "The shipped rules and classifier were made with public files in view; on those files these "
    "figures are no forecast for other attacks. The table with each source left out is."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to measure: folders, documents of each source and label (None: all), and with whom."""

    data: Path
    out: Path
    limit: int | None = None
    peers: bool = True
    settings: ScanSettings = field(default_factory=ScanSettings)


def run(request: Request, say: Callable[[str], None]) -> Path:
    """Measure, print tables, write JSON and plots into ``out``; return the JSON file.

    ``say`` is told what is measured next. Raises `MissingExtraError` before anything is measured.
    """
    require_extra()
    found = loso.read_loso((request.out, loso.CHECKOUT))
    rows = load_rows(request.data)
    if request.limit is not None:
        rows = [rows[place] for place in sampled(rows, request.limit, SEED)]
    request.out.mkdir(parents=True, exist_ok=True)
    scanner = Scanner(request.settings)
    say(f"scanner: {len(rows)} documents")
    said = by_scanner(scanner, rows)
    # A peer is slow, and what is beside counts in no figure that compares.
    places = [p for p in sampled(rows, SAMPLED, SEED) if rows[p].part == MEASURED]
    sample = [rows[place] for place in places]
    methods, skipped = _methods(request, rows, places, said, say)
    left_out = found["macro"].get("recall_at_1") if found else None
    results = _scores(rows, said, presets(request.settings)) | {
        "caution": CAUTION,
        "scanner": scanner.version,
        "ran": list(said.ran),
        "settings": request.settings.model_dump(mode="json"),
        "limit": request.limit,
        "sampled": SAMPLED,
        "compared": tables.compared(sample, methods, left_out),
        "skipped": skipped,
        "leave_one_source_out": found,
    }
    results |= _costs(rows, sample, scanner, say)
    results["process"] = scanner_process(request.settings, _texts(rows))
    show.show(results)
    _draw(request.out, rows, said, results, sample, methods)
    return report.write_json(request.out, "injection", results, seed=SEED)


def require_extra() -> None:
    """Raise `MissingExtraError` if the plots or the TF-IDF floor cannot be made."""
    for module, package in (("matplotlib", "matplotlib"), ("sklearn", "scikit-learn")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(
                f"{package} is not installed, and the benchmark needs it: "
                "pip install 'ragbastion[bench]'"
            )


def _methods(
    request: Request,
    rows: Sequence[Row],
    places: Sequence[int],
    said: Judged,
    say: Callable[[str], None],
) -> tuple[dict[str, Judged], dict[str, str]]:
    sample = [rows[place] for place in places]
    say(f"floors: {len(sample)} documents")
    methods = {"ragbastion": said.of(places), "key words": by_keywords(sample)}
    skipped = {}
    if (tfidf := by_tfidf(rows, places)) is not None:
        methods["TF-IDF"] = tfidf
    else:
        skipped["TF-IDF"] = "skipped: without one source, the others must hold both labels"
    if not request.peers:
        return methods, skipped | {"peers": "skipped: --no-peers"}
    answers, silent = by_peers(sample, say)
    return methods | answers, skipped | silent


def presets(settings: ScanSettings) -> dict[str, float]:
    """Return the threshold of every preset; none where the scanner has no classifier."""
    found = {}
    for budget in BUDGETS:
        try:
            scanner = Scanner(settings.model_copy(update={"budget": budget}))
        except SettingsError:
            return {}
        found[f"preset_{budget.rstrip('%')}"] = scanner.threshold
    return found


def _scores(rows: Sequence[Row], said: Judged, at: dict[str, float]) -> dict[str, Any]:
    """Return what the scanner's scores on all rows are worth, at presets and at exact budgets."""
    at = at | tables.limits(rows, said)
    attacks = tables.attack_table(rows, said, at)
    measured = [i for i, row in enumerate(rows) if row.part == MEASURED]
    truth = tables.is_attack([rows[i] for i in measured])
    own = said.of(measured)
    return {
        "documents": {
            "attacks": int(truth.sum()),
            "harmless": int((~truth).sum()),
            "beside": len(rows) - len(measured),
        },
        "limits": {name: limit if math.isfinite(limit) else None for name, limit in at.items()},
        "auroc": auroc(own.scores, truth),
        "recall": {name: share_at(own.scores[truth], limit) for name, limit in at.items()},
        "macro": tables.macro(attacks),
        "attacks": attacks,
        "false_alarms": tables.alarm_table(rows, said, at),
        "beside": tables.beside_table(rows, said, at),
        "calibration": {name: asdict(found) for name, found in _calibrations(rows, said).items()},
        "stages_ms": said.stages_ms,
    }


def _calibrations(rows: Sequence[Row], said: Judged) -> dict[str, Calibration]:
    measured = [i for i, row in enumerate(rows) if row.part == MEASURED]
    truth = tables.is_attack([rows[i] for i in measured])
    scores = said.of(measured).scores
    return {
        "as the data are": calibration(scores, truth),
        f"as if {PRIOR:.0%} were attacks": calibration(scores, truth, PRIOR),
    }


def _costs(
    rows: Sequence[Row], sample: Sequence[Row], scanner: Scanner, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return what stripping does, what robustness and time are, and what a process weighs."""
    say("stripping")
    clean = [row for row in sample if not row.label]
    spans = span_table(rows, clean, scanner)
    say("quotations and disguises")
    kept = robustness(rows, scanner, SEED)
    say("time and memory")
    return {
        "spans": spans,
        "robustness": kept,
        "latency": latency_table(rows, scanner, SEED),
    }


def _texts(rows: Sequence[Row]) -> list[str]:
    """Return what the process that is weighed scans."""
    return [t for length in (1_000, 20_000) for t in documents(rows, "attacked", length, 4, SEED)]


def _draw(
    out: Path,
    rows: Sequence[Row],
    said: Judged,
    results: dict[str, Any],
    sample: Sequence[Row],
    methods: dict[str, Judged],
) -> None:
    plots.write_roc(out, sample, methods)
    plots.write_sources(out, results["attacks"], results["false_alarms"])
    plots.write_calibration(out, _calibrations(rows, said))
