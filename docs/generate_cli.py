"""Write ``docs/cli.md`` from the command itself: ``python docs/generate_cli.py``.

``--check`` writes nothing and fails if the page is not what the command says.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from ragbastion.cli.app import app

PAGE = Path(__file__).with_name("cli.md")

_HEAD = """\
# The `ragbastion` command

Written by `docs/generate_cli.py` from the command itself; a test compares the two.

## What all commands share

| exit code | meaning |
| --- | --- |
| 0 | clean: done, and nothing was found |
| 1 | findings: done, and something was found, held back, removed, masked or not allowed |
| 2 | wrong usage: an option, a path, a name or a setting is not valid; nothing was done |
| 3 | failure: a file or line failed (the others were done), or the whole command did |
| 130, 141 | interrupted; the reader of stdout went away |

Results go to stdout, errors and progress to stderr. An error is one line, for an option that is not valid a box with a line of
help; `--verbose`, before or
after the command's name, adds the traceback. `--json` gives one JSON value in place of tables
(`audit tail`: JSON Lines); `scan` has [more formats](scan_folders.md). What comes from documents is untrusted, so control characters in it
are written as escapes.

Settings come from `ragbastion.toml` and `RAGBASTION_…` variables; options are stronger than both.

## JSON Lines

`scan`, `strip`, `redact` and `authorize` read `--jsonl FILE`, or stdin for `-`, and write one
answer a line, in order, as soon as it is there. A line that is not UTF-8, not a JSON object,
longer than `load.max_line_bytes`, gives a field twice, or lacks what is asked for gives

    {"id": null, "line": 2, "error": "field 'text' is missing"}

and the rest go on; the exit code at the end is then 3, and otherwise 1 if any line had findings.
An empty line counts as one that is not JSON. `id` may be any JSON scalar and comes back as it
came; without one it is null.

| command | line in | line out | finding |
| --- | --- | --- | --- |
| `scan` | `{"id","text"}` | `{"id","decision","score","findings":[{"kind","detector","score","severity","span","evidence"}],"ms"}` | decision above `allow` |
| `strip` | `{"id","text"}` | `{"id","text","removed":[[start,end],…]}` | something removed |
| `strip --neutralise` | `{"id","text"}` | `{"id","text","neutralised":[[start,end],…]}` | something marked |
| `redact` | `{"id","text"}` | `{"id","text","entities":[{"type","start","end","score"}]}` | something masked |
| `authorize` | `{"id","tenant","principal","roles","action","resource","args","session"}` | `{"id","decision","reasons","obligations"}` | decision other than `allow` |

Spans and places count characters of the text that came in. `score` is the probability, in [0, 1],
that the text holds instructions aimed at the model. `authorize` looks up what is known of the
session and does not change it; each decision is in the audit log before its answer is written.
Money is in integer cents (`args.amount_cents`).

`ingest` takes a JSON Lines file too, with the fields `text` and optionally `id`, `title`,
`source`, `url`. A document in quarantine is a finding (1), a file that cannot be read a failure
(3): a script that accepts quarantine should accept both 0 and 1.
"""  # noqa: E501 - a table row is one line


def main() -> int:
    """Write or check the page; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    page = reference()
    if not parser.parse_args().check:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write(f"{PAGE} is out of date: run python docs/generate_cli.py\n")
    return 1


def reference() -> str:
    """Return the page."""
    root: Any = typer.main.get_command(app)
    return _HEAD + "".join(_section(("ragbastion", name), c) for name, c in root.commands.items())


def _section(path: tuple[str, ...], command: Any) -> str:
    children = getattr(command, "commands", None)
    title = f"\n{'#' * len(path)} {' '.join(path)}\n\n{inspect.cleandoc(command.help or '')}\n"
    if children:
        return title + "".join(_section((*path, name), each) for name, each in children.items())
    return title + "".join(_table(command))


def _table(command: Any) -> Iterator[str]:
    yield "\n| option | |\n| --- | --- |\n"
    for parameter in sorted(command.params, key=lambda each: each.param_type_name):
        if parameter.name == "help":
            continue
        name = parameter.metavar if parameter.param_type_name == "argument" else None
        shown = f"`{name or ', '.join(parameter.opts)}`"
        needed = "" if not parameter.required else " Required."
        help_text = (parameter.help or "").replace("|", "\\|")
        yield f"| {shown} | {help_text}{_default(parameter)}{needed} |\n"


def _default(parameter: Any) -> str:
    value = parameter.default
    if value in (None, "", False, ()) or callable(value):
        return ""
    return f" Default: {value}."


if __name__ == "__main__":
    sys.exit(main())
