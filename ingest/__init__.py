"""Ingestion: load, scan, chunk, embed, measure, sign and store documents, or quarantine them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ledger import Ledger
    from .pipeline import IngestPipeline
    from .quarantine import Quarantine, QuarantineRecord, QuarantineState
    from .report import IngestFailure, IngestReport, QuarantinedItem
    from .request import IngestRequest, Progress, Writer

_HOME = {
    "IngestFailure": "report",
    "IngestPipeline": "pipeline",
    "IngestReport": "report",
    "IngestRequest": "request",
    "Ledger": "ledger",
    "Progress": "request",
    "Quarantine": "quarantine",
    "QuarantineRecord": "quarantine",
    "QuarantineState": "quarantine",
    "QuarantinedItem": "report",
    "Writer": "request",
}

__all__ = [
    "IngestFailure",
    "IngestPipeline",
    "IngestReport",
    "IngestRequest",
    "Ledger",
    "Progress",
    "Quarantine",
    "QuarantineRecord",
    "QuarantineState",
    "QuarantinedItem",
    "Writer",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use: `ragbastion.ingest.scanner` alone must not load the loaders.
    if name not in _HOME:
        raise AttributeError(f"module 'ragbastion.ingest' has no attribute '{name}'")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
