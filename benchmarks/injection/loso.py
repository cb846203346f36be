"""The leave-one-source-out table of the classifier, which its training writes: read, not measured.

Training again without each source takes about an hour, so this command shows the last such run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.errors import LoadError

NAME = "injection_loso.json"
CHECKOUT = Path(__file__).parents[1] / "results"
MISSING = (
    f"no {NAME} found: python -m benchmarks.classifier.train writes it "
    "(in a checkout, see docs/bench.md)"
)


def read_loso(folders: Sequence[Path]) -> dict[str, Any] | None:
    """Return the table of the first folder that has one, or None.

    Raises `LoadError` if it has not the agreed form.
    """
    for folder in folders:
        if (path := folder / NAME).is_file():
            try:
                found = json.loads(path.read_text("utf-8"))
                texts = [found[name] for name in ("protocol", "command", "commit")]
                tables = [found["macro"], found["sources"], *found["sources"].values()]
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise LoadError(f"'{path}' refused: not a leave-one-source-out table") from error
            if not all(isinstance(t, str) for t in texts) or not all(
                isinstance(t, dict) for t in tables
            ):
                raise LoadError(f"'{path}' refused: not a leave-one-source-out table")
            return dict(found)
    return None


def loso_rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row a source that was left out, and their means."""
    named = {**found["sources"], "mean over sources": found["macro"]}
    columns = list(dict.fromkeys(name for fields in named.values() for name in fields))
    return [
        {"source left out": source} | {name: fields.get(name) for name in columns}
        for source, fields in named.items()
    ]
