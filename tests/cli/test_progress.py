"""Progress is for a person at a terminal, on stderr, and for nobody else."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from ragbastion.cli.output import console
from ragbastion.cli.progress import progress_bar
from ragbastion.ingest import Progress


def test_a_terminal_sees_documents_go_by(tmp_path: Path) -> None:
    """The count of documents moves while they go in."""
    code = (
        "from ragbastion.cli.output import console\n"
        "from ragbastion.cli.progress import progress_bar\n"
        "from ragbastion.ingest import Progress\n"
        "with progress_bar(console(stderr=True)) as update:\n"
        "    update(Progress(documents=7, ingested=7, unchanged=0, quarantined=0, failed=0,\n"
        "                    chunks=9, current='a.md'))\n"
        "print('done')\n"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=tmp_path,
        check=True,
    )
    os.close(theirs)
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stdout == b"done\n"
    assert "7/" in seen


def test_a_bar_takes_any_number_of_updates() -> None:
    """Also none, and also where stderr is no terminal."""
    with progress_bar(console(stderr=True)) as update:
        for at in range(3):
            update(
                Progress(
                    documents=at, ingested=at, unchanged=0, quarantined=0, failed=0, chunks=0,
                    current="",
                )
            )  # fmt: skip
