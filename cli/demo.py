"""``ragbastion demo``: the same documents and questions, with the guard off and on.

A corpus of four tenants with attacks among its documents goes through the real pipeline into the
embedded store, and beside it into one without a guard. A toy agent (`demo_agent`) then answers the
same questions from both. Every outcome is observed; ``attacks.json`` only says what should come.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from ..core.errors import UsageError
from .command import ExitCode
from .demo_report import print_summary, print_table
from .demo_run import observe
from .output import write_json


def run_demo(*, work_dir: Path | None, json_output: bool, console: Console) -> int:
    """Run the demo in a temporary folder, or in ``work_dir``, which is kept; return the exit code.

    0 if every outcome is as expected, else 1. Writes nothing outside that folder.
    """
    with _folder(work_dir) as folder:
        told = Console(quiet=True) if json_output else console
        told.print("Loading the models, and ingesting the corpus with the guard and without it.\n")
        report = observe(folder, told)
    if json_output:
        write_json(report.as_dict())
    else:
        poisons = [each for each in report.attacks if each.scenario.poisons]
        print_table(console, "attack", [each for each in report.attacks if each not in poisons])
        print_table(console, "poisoning attack", poisons)
        print_table(console, "question that nobody attacks", report.questions, acted="acted")
        print_summary(console, report)
    return ExitCode.CLEAN if report.as_expected else ExitCode.FINDINGS


@contextmanager
def _folder(work_dir: Path | None) -> Iterator[Path]:
    if work_dir is not None:
        work_dir.mkdir(parents=True, exist_ok=True)
        if any(work_dir.iterdir()):
            raise UsageError(
                f"folder '{work_dir}' is not empty: name a new one to keep the demo in"
            )
        yield work_dir
        return
    with tempfile.TemporaryDirectory(prefix="ragbastion-demo-") as name:
        yield Path(name)
