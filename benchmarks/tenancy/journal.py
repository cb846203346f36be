"""What a long run has done, block by block, on disk: a run that was killed goes on from there.

One JSON object a line: the run's settings first, then each block. A line that was cut short by a
kill is left out, and its block is run again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import UsageError
from .attack import Tallies, add_up
from .findings import Tally


class Journal:
    """The file of a run; raises `UsageError` if it is that of a run with other settings.

    ``done``: numbers of blocks; ``found``: what they counted, by subject; ``seconds``: of all
    processes together.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], subjects: Sequence[str]) -> None:
        self._path = path
        self.done: set[int] = set()
        self.found: Tallies = {name: Tally() for name in subjects}
        self.seconds = 0.0
        lines = _whole_lines(path)
        if lines and lines[0] != settings:
            raise UsageError(
                f"'{path}' is of a run with other settings: give another --out, or remove the file"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        # What a kill cut short goes away before more is written behind it.
        path.write_text("".join(json.dumps(line) + "\n" for line in lines or [dict(settings)]))
        for line in lines[1:]:
            found = {name: Tally.from_json(each) for name, each in line["found"].items()}
            self._count(line["block"], found, line["seconds"])

    def add(self, number: int, tallies: Tallies, seconds: float) -> None:
        """Write a block down and count it."""
        listed = {name: tally.as_json() for name, tally in tallies.items()}
        with self._path.open("a") as file:
            file.write(json.dumps({"block": number, "seconds": seconds, "found": listed}) + "\n")
        self._count(number, tallies, seconds)

    @property
    def calls(self) -> int:
        """How many calls were made on the clients under test."""
        return sum(tally.calls for tally in self.found.values())

    def _count(self, number: int, tallies: Tallies, seconds: float) -> None:
        add_up(self.found, tallies)
        self.done.add(number)
        self.seconds += seconds


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines
