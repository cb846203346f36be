"""A log that is killed at any moment has every entry that was acknowledged, and goes on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import LogFiles
from .test_audit import audit

WORKER = Path(__file__).with_name("kill_worker.py")


@pytest.mark.parametrize("delays_s", [(0.0, 0.003, 0.011, 0.02, 0.031, 0.0473)])
def test_a_killed_log_is_whole(files: LogFiles, delays_s: tuple[float, ...]) -> None:
    """SIGKILL again and again, at moments that fall before, in and after a commit."""
    files.clock.now_s = time.time()
    size = 0
    for delay_s in delays_s:
        size = max(size, _killed_after(files.folder, delay_s))
        report = audit(files)
        assert report.clean, report.findings
        assert report.size >= size
        assert report.size % 3 == 0
    log = files.open()
    assert [data for _, _, data in log.storage.entries(0, size)] == [
        b"%d" % at for at in range(size)
    ]
    assert log.append([b"more"]) == log.storage.size() - 1
    assert size > 0


def _killed_after(folder: Path, delay_s: float) -> int:
    """Return how many entries were acknowledged before the kill."""
    worker = subprocess.Popen(
        [sys.executable, str(WORKER), str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    first = worker.stdout.readline()
    time.sleep(delay_s)
    worker.send_signal(signal.SIGKILL)
    rest, _ = worker.communicate(timeout=60)
    lines = [first, *rest.splitlines(keepends=True)]
    return max(int(line) for line in lines if line.endswith("\n"))
