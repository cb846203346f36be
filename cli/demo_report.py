"""What the demo prints: each scenario on both sides, and a table at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .demo_agent import ToolCall, read
from .demo_manifest import Scenario
from .demo_outcome import Outcome, Result
from .output import printable

if TYPE_CHECKING:
    from .demo_fill import Filled
    from .demo_run import DemoReport

_EXCERPT_CHARS = 220
_CONTEXT_CHARS = 60


def print_result(console: Console, result: Result) -> None:
    """Print one scenario: the question, what the agent was fed and did, on both sides."""
    scenario = result.scenario
    body = Text()
    asked = scenario.question or f"(agent's answer) {scenario.says}"
    body.append(f"{scenario.tenant} · {scenario.principal} · ", style="dim")
    body.append(f"{printable(asked)}\n")
    for side, outcome, style in (
        ("guard off", result.without_guard, "red" if result.scenario.files else "default"),
        ("guard on ", result.with_guard, "green"),
    ):
        body.append(f"\n{side}  ", style=f"bold {style}")
        body.append(_story(scenario, outcome))
    for difference in result.differences:
        body.append(f"\nNOT AS EXPECTED: {printable(difference)}", style="bold red")
    console.print(Panel(body, title=Text(scenario.title), title_align="left"))


def print_table(
    console: Console, what: str, results: Sequence[Result], *, acted: str = "stopped by"
) -> None:
    """Print a closing table: what was tried, without guard, with guard, which layers acted."""
    table = Table(show_lines=True, expand=True)
    for column, ratio in (
        (what, 4), ("without guard", 4), ("with guard", 4), (acted, 3), ("", None)
    ):  # fmt: skip
        table.add_column(column, ratio=ratio, overflow="fold")
    for result in results:
        good = not result.differences
        table.add_row(
            Text(result.scenario.title),
            Text(_short(result.scenario, result.own_without_guard)),
            Text(_short(result.scenario, result.with_guard)),
            Text(_stopped_by(result)),
            Text("ok" if good else "NO", style="green" if good else "bold red"),
        )
    console.print(table)


def print_ingest(console: Console, filled: Filled) -> None:
    """Print what came in, and what the guard held back with its first reason."""
    reports = filled.reports
    documents, chunks = (sum(getattr(r, name) for r in reports) for name in ("documents", "chunks"))
    text = Text(f"{documents} documents came in with the guard: {chunks} passages")
    text.append(f", {len(filled.held)} documents in quarantine:\n")
    for file, held in filled.held.items():
        text.append(f"  {printable(file)}  ")
        told = f"{', '.join(held.signals)}: {' '.join(held.item.reasons[:1])}"
        text.append(f"{printable(told)[:_EXCERPT_CHARS]}\n", style="dim")
    text.append("Without the guard everything went into one collection, hidden text included.")
    console.print(text)


def print_summary(console: Console, report: DemoReport) -> None:
    """Print whether everything came as expected, and what did not."""
    for file in report.released:
        console.print(Text(f"clean, held back, and released by a reviewer: {printable(file)}"))
    for name, files in (("clean, held back", report.false_alarms), ("failed", report.failed)):
        for file in files:
            console.print(Text(f"{name}: {printable(file)}", style="bold red"))
    results = (*report.attacks, *report.questions)
    wrong = sum(bool(result.differences) for result in results)
    good = f"{len(results) - wrong} of {len(results)} outcomes as expected"
    style = "bold green" if report.as_expected else "bold red"
    console.print(Text(f"{good}, {report.seconds:.0f} seconds", style=style))


def _story(scenario: Scenario, outcome: Outcome) -> Text:
    text = Text()
    shown = _excerpt(outcome.passages, scenario.marker) if outcome.reached else ""
    if shown:
        text.append("is fed: ")
        text.append(f"…{printable(shown)}…", style="italic")
        text.append("\n           ")
    text.append(_short(scenario, outcome))
    for note in outcome.notes if scenario.poisons else outcome.notes[:3]:
        shown = printable(note) if scenario.poisons else printable(note)[:_EXCERPT_CHARS]
        text.append(f"\n           - {shown}", style="dim")
    return text


def _short(scenario: Scenario, outcome: Outcome) -> str:
    """Say in a few words what the agent was fed, did and answered."""
    if scenario.says:
        return "the answer leaves as it is" if outcome.reached else "the answer leaves masked"
    parts = ["is fed it" if outcome.reached else ""]
    parts += [f"does {_call(call)}" for call in outcome.did]
    parts += [f"{name}: {effect}" for name, effect in outcome.held.items()]
    parts += [f"answers {outcome.answer!r}" if outcome.answer else ""]
    return printable("; ".join(part for part in parts if part)) or "is not fed it, does nothing"


def _call(call: ToolCall) -> str:
    cents = call.args.get("amount_cents")
    amount = f" {cents / 100:,.2f} dollars" if isinstance(cents, int) else ""
    return f"{call.name}{amount} → {call.resource.removeprefix('mailbox:')}"


def _stopped_by(result: Result) -> str:
    """Name the layer that should stop it if it acted, else all that did."""
    by, layers = result.scenario.with_guard.by, result.with_guard.layers
    if result.scenario.poisons:
        signals = f"quarantine: {', '.join(result.with_guard.signals)}"
        acted = [signals if each == "quarantine" else each for each in layers]
        return "; ".join(each for each in acted if each != "redaction")
    return by if by in layers and by is not None else ", ".join(layers) or "–"


def _excerpt(passages: Sequence[str], marker: str) -> str:
    """Return the surroundings of the marker, decoded as the agent reads them."""
    text = read("\n".join(passages))
    at = text.find(marker)
    return text[max(0, at - _CONTEXT_CHARS) : at + _EXCERPT_CHARS - _CONTEXT_CHARS]
