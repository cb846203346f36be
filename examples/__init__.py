"""Runnable examples and the corpus of the demo.

``examples/corpus`` is shipped with the package; `corpus_path` finds it wherever it is installed.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def corpus_path() -> Path:
    """Return the folder of the demo's corpus: one folder a tenant, in it one a source."""
    return Path(str(resources.files(__package__))) / "corpus"
