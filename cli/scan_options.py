"""The options of ``ragbastion scan``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..core.verdict import Decision


class BudgetName(StrEnum):
    """Shares of false alarms whose thresholds were measured."""

    ONE_IN_A_THOUSAND = "0.1%"
    ONE_IN_A_HUNDRED = "1%"
    ONE_IN_TWENTY = "5%"


class ReportFormat(StrEnum):
    """How findings in files are told."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"


class FailOn(StrEnum):
    """The mildest decision that makes the exit code 1."""

    FLAG = "flag"
    QUARANTINE = "quarantine"
    NEVER = "never"

    def met_by(self, decision: Decision) -> bool:
        """Return whether a decision is as strict as this, or stricter."""
        return self is not FailOn.NEVER and decision >= Decision(self.value)


Budget = Annotated[
    BudgetName | None,
    typer.Option("--budget", help="Decide where this share of harmless documents alarms."),
]
Report = Annotated[
    ReportFormat | None,
    typer.Option(
        "--format",
        help="How to tell findings in files: table, json, jsonl or sarif; a table if left out.",
    ),
]
ShortJson = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Write the report to FILE, not to stdout."),
]
Fail = Annotated[
    FailOn,
    typer.Option(
        "--fail-on",
        help="The mildest decision that makes the exit code 1: flag, quarantine, or never.",
    ),
]
Accepted = Annotated[
    Path | None,
    typer.Option("--baseline", metavar="FILE", help="Findings listed in FILE do not count."),
]
Accept = Annotated[
    Path | None,
    typer.Option(
        "--write-baseline",
        metavar="FILE",
        help="List every finding in FILE as accepted, by digest; the exit code is then 0.",
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(
        "--include", metavar="GLOB", help="Only files that match; as in .gitignore, repeatable."
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude", metavar="GLOB", help="Not files that match; as in .gitignore, repeatable."
    ),
]
ExcludeFrom = Annotated[
    list[Path] | None,
    typer.Option(
        "--exclude-from",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Not files that match a line of FILE, such as .gitignore; repeatable.",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="FOLDER",
        exists=True,
        file_okay=False,
        help="The folder that paths in SARIF, baselines and globs are relative to; "
        "the current one if left out.",
    ),
]
