"""Options that take several values after one another: ``--clean a.jsonl b.jsonl``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from typer.core import TyperCommand

if TYPE_CHECKING:
    # The Click that typer brings along, of which it exports no name for this.
    from typer._click.core import Context


def many_values(*options: str) -> type[TyperCommand]:
    """Return a command class in which each of ``options`` may be followed by several values.

    For a command without positional arguments: whatever follows such an option, up to the next
    option, belongs to it.
    """

    class ManyValues(TyperCommand):
        def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
            return super().parse_args(ctx, list(repeated(args, options)))

    return ManyValues


def repeated(args: Sequence[str], options: Sequence[str]) -> Iterator[str]:
    """Yield the arguments with the option's name put before each further value.

    >>> list(repeated(["--clean", "a", "b", "--json"], ["--clean"]))
    ['--clean', 'a', '--clean', 'b', '--json']
    """
    current, values = "", 0
    for at, each in enumerate(args):
        if each == "--":
            yield from args[at:]
            return
        if each.startswith("-") and len(each) > 1:
            name, joined, _ = each.partition("=")
            current, values = (name if name in options else ""), (1 if joined else 0)
        elif current:
            values += 1
            if values > 1:
                yield current
        yield each
