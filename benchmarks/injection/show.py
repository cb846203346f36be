"""The tables on stdout, from the same figures that the JSON file holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from ..report import print_table
from . import loso

Fields = dict[str, Any]


def show(results: Mapping[str, Any]) -> None:
    """Print every table; an empty one is left out."""
    documents = results["documents"]
    counts = f"{documents['attacks']} attacks, {documents['harmless']} harmless documents"
    _say(f"{results['scanner']}\nran: {', '.join(results['ran'])}\n{results['caution']}")
    _say("stop: quarantined; at_1: where at most 1 % of these harmless documents are held")
    whole = {"AUROC": results["auroc"]} | results["recall"]
    _print(f"Recall on {counts}", [whole])
    _print("Attacks found", [*results["attacks"], _macro(results)])
    _print("Harmless documents held", results["false_alarms"])
    _print("Beside: in no threshold and no mean", results["beside"])
    _print("Characters stripped", results["spans"])
    _print("Calibration", _calibration(results["calibration"]))
    _print("Caught attacks, quoted in security writing", [results["robustness"]["quoted"]])
    _print("Caught attacks, disguised: still quarantined", [results["robustness"]["disguised"]])
    _print("CPU time of a scan", results["latency"])
    _print("Stages of a scan, median wall-clock milliseconds", [results["stages_ms"]])
    _print("A process that holds only a scanner", [results["process"]])
    _compared(results)
    _loso(results["leave_one_source_out"])


def _macro(results: Mapping[str, Any]) -> Fields:
    named: Fields = {"source": "mean over sources", "kind": ""}
    return {name: {**named, **results["macro"]}.get(name, "") for name in results["attacks"][0]}


def _calibration(found: Mapping[str, Any]) -> list[Fields]:
    return [
        {"classes": name, "ECE": each["ece"], "Brier": each["brier"]}
        for name, each in found.items()
    ]


def _compared(results: Mapping[str, Any]) -> None:
    rows = [
        {"method": name} | {_short(key): v for key, v in fields.items() if key != "how"}
        for name, fields in results["compared"].items()
    ]
    title = f"All methods on the same sample, at most {results['sampled']} a source and label"
    _print(f"{title}; times: our macro_1 by theirs", rows)
    for name, reason in results["skipped"].items():
        _say(f"{name}: {reason}")


def _short(name: str) -> str:
    """Return a heading that lets the widest table fit its lines."""
    return name.removeprefix("recall_").replace("macro_at_", "macro_")


def _loso(found: Fields | None) -> None:
    if found is None:
        _say(f"leave one source out: {loso.MISSING}")
        return
    _print(
        "Classifier, each source left out of training (read, not measured now)",
        loso.loso_rows(found),
    )
    _say(f"protocol: {found['protocol']}")
    _say(f"written at commit {found['commit']} by: {found['command']}")


def _print(title: str, rows: list[Fields]) -> None:
    if rows:
        shown = [{k: "–" if v is None else v for k, v in row.items()} for row in rows]
        print_table(title, shown)


def _say(line: str) -> None:
    Console(width=160).print(line, markup=False, highlight=False, soft_wrap=True)
