"""The progress bar of an ingest; the only module that knows rich's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from rich.console import Console

    from ..ingest.request import Progress as IngestProgress


@contextmanager
def progress_bar(console: Console) -> Iterator[Callable[[IngestProgress], None]]:
    """Yield a function that moves the bar; the total is unknown until the folders were walked."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("documents", total=None)

        def update(progress: IngestProgress) -> None:
            bar.update(task, completed=progress.documents, total=None)

        yield update
