"""Scanning files one by one, whatever the detectors do."""

from pathlib import Path
from typing import Any

from ragbastion.cli.issues import Limits
from ragbastion.cli.scanned import Failure, FileScan, ScannedDocument, ScanRun
from ragbastion.cli.selection import Selection
from ragbastion.core.errors import DetectorError
from ragbastion.core.settings import LoadSettings
from ragbastion.core.verdict import Verdict

LIMITS = Limits(quarantine=0.5, flag=0.25)


class FailsOnLong:
    """A scanner whose detector fails on long texts, as a model may that runs out of memory."""

    def scan(self, text: str) -> Verdict:
        """Return a clean verdict, or fail."""
        if len(text) > 10:
            raise DetectorError("the classifier failed")
        return Verdict.allow()


def test_a_document_that_was_not_judged_is_a_failure(tmp_path: Path) -> None:
    """It is no clean document, and the others go on."""
    (tmp_path / "a.txt").write_text("short")
    (tmp_path / "b.txt").write_text("a text of more than ten characters")
    (tmp_path / "c.txt").write_text("short")
    scanner: Any = FailsOnLong()
    scan = FileScan(scanner=scanner, limits=LIMITS, hidden_limits=LIMITS, load=LoadSettings())
    run = ScanRun()
    done = list(scan.scan(Selection(paths=[tmp_path], root=tmp_path), run))
    assert [type(item) for item in done] == [ScannedDocument, Failure, ScannedDocument]
    assert str(done[1]) == "'b.txt' was not judged: the classifier failed"
    assert run.paths == ["a.txt", "b.txt", "c.txt"]
