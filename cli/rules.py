"""``ragbastion rules``: what is looked for, and a user's rule pack checked."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import SettingsError, UsageError
from .command import ExitCode, command, complain
from .options import Config, Json
from .output import write_json, write_table
from .state import load

if TYPE_CHECKING:
    from ..core.settings import ScanSettings
    from ..ingest.scanner.rules import Rule


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(help="Show the scanner's rules and check your own.", no_args_is_help=True)
    command(group, "list")(list_rules)
    command(group, "show")(show)
    command(group, "check")(check)
    app.add_typer(group, name="rules")


def list_rules(json_output: Json = False, config: Config = None) -> ExitCode:
    """List the shipped rules and those of the setting 'scan.rule_packs'."""
    rules = [_fields(pack, rule) for pack, rule in _rules(load(config).scan).values()]
    if json_output:
        write_json({"rules": rules})
    else:
        rows = [
            (rule["id"], rule["group"], rule["severity"], " ".join(rule["owasp"] + rule["atlas"]))
            for rule in rules
        ]
        write_table(f"{len(rules)} rules", ("rule", "group", "severity", "OWASP, ATLAS"), rows)
    return ExitCode.CLEAN


def show(
    rule_id: Annotated[str, typer.Argument(metavar="RULE", help="The id of a rule.")],
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Show one rule: what it means, its patterns, and the examples that are its tests."""
    rules = _rules(load(config).scan)
    if rule_id not in rules:
        near = difflib.get_close_matches(rule_id, rules, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else "'ragbastion rules list' has all"
        raise UsageError(f"rule '{rule_id}' does not exist: {hint}")
    fields = _fields(*rules[rule_id])
    if json_output:
        write_json(fields)
        return ExitCode.CLEAN
    rows = [
        (name, "\n".join(map(str, value)) if isinstance(value, list) else value)
        for name, value in fields.items()
    ]
    write_table(fields["description"], ("", ""), rows)
    return ExitCode.CLEAN


def check(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A rule pack (YAML)."),
    ],
    json_output: Json = False,
) -> ExitCode:
    """Check a rule pack: its form, its patterns, and its examples, which must (not) match.

    Exit code: 0 valid, 1 problems found.
    """
    from ..ingest.scanner.checking import check_pack
    from ..ingest.scanner.rules import load_pack

    problems = list(check_pack(path))
    try:
        ids = [rule.id for rule in load_pack(path).rules]
    except SettingsError:
        ids = []
    if json_output:
        write_json({"file": str(path), "ok": not problems, "rules": ids, "problems": problems})
    else:
        good = "all examples hold" if not problems else f"{len(problems)} problems"
        write_table(f"{len(ids)} rules, {good}", ("rule",), [[name] for name in ids])
        for problem in problems:
            complain(problem)
    return ExitCode.FINDINGS if problems else ExitCode.CLEAN


def _rules(settings: ScanSettings) -> dict[str, tuple[str, Rule]]:
    """Return the rules with the names of their packs, by id."""
    from ..ingest.scanner.rules import load_packs

    packs = load_packs(settings.rule_packs)
    return {rule.id: (pack.version, rule) for pack in packs for rule in pack.rules}


def _fields(pack: str, rule: Rule) -> dict[str, Any]:
    from .sarif_rules import is_atlas

    return {
        "id": rule.id,
        "description": rule.description,
        "group": rule.group,
        "severity": rule.severity.value,
        "weight": rule.weight,
        "owasp": [name for name in rule.categories if not is_atlas(name)],
        "atlas": [name for name in rule.categories if is_atlas(name)],
        "references": list(rule.references),
        "pack": pack,
        "patterns": list(rule.patterns),
        "positive": list(rule.positive),
        "negative": list(rule.negative),
    }
