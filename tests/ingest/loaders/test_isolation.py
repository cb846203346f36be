"""Isolation: parsers that hang, crash or eat memory cost one file, not the process."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ragbastion.core.errors import LimitError, LoadError
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument, LoadFailure
from ragbastion.ingest.loaders.formats import Format
from ragbastion.ingest.loaders.isolation import WorkerPool
from reportlab.pdfgen.canvas import Canvas

Outcome = list[LoadedDocument | LoadFailure]


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    """Yield a pool of its own, ended after the test."""
    pool = WorkerPool()
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def slow_pdf() -> bytes:
    """Return a PDF that takes seconds to read."""
    out = io.BytesIO()
    canvas = Canvas(out)
    for _ in range(600):
        for line in range(50):
            canvas.drawString(50, 50 + line * 14, "The harbour opens at six in the morning." * 2)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def page(pool: WorkerPool, markup: bytes = b"<p>Open.", **limits: float) -> Outcome:
    """Load markup in the pool."""
    return pool.load(Format.HTML, markup, "a.html", LoadSettings.model_validate(limits))


def texts(found: Outcome) -> list[str]:
    """Return the texts of what was loaded."""
    return [item.text for item in found if isinstance(item, LoadedDocument)]


def error(found: Outcome) -> Exception:
    """Return the error of the one failure."""
    [item] = found
    assert isinstance(item, LoadFailure)
    return item.error


def test_one_warm_child_serves_many_files(pool: WorkerPool) -> None:
    """The second file does not start a process."""
    page(pool)
    before = pool.idle_pids()
    assert texts(page(pool)) == ["Open."]
    assert pool.idle_pids() == before
    assert len(before) == 1


def test_time_limit_kills_the_child(pool: WorkerPool, slow_pdf: bytes) -> None:
    """A parse past its time is a limit error, its child is gone, and the next file loads."""
    page(pool)
    [pid] = pool.idle_pids()
    failed = pool.load(Format.PDF, slow_pdf, "slow.pdf", LoadSettings(timeout_s=0.2))
    assert isinstance(error(failed), LimitError)
    assert "parsing took longer than 0.2 s (load.timeout_s)" in str(error(failed))
    assert not Path(f"/proc/{pid}").exists()
    assert texts(page(pool)) == ["Open."]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_crash_while_parsing_costs_that_file(
    pool: WorkerPool, slow_pdf: bytes, number: signal.Signals
) -> None:
    """A child that dies on a file is a load error that names the signal; the next file loads."""
    page(pool)
    [pid] = pool.idle_pids()
    timer = threading.Timer(0.3, os.kill, (pid, number))
    timer.start()
    failed = pool.load(Format.PDF, slow_pdf, "bad.pdf", LoadSettings())
    timer.join()
    assert isinstance(error(failed), LoadError)
    assert f"its parser ended by signal {int(number)} on it" in str(error(failed))
    assert texts(page(pool)) == ["Open."]


def test_child_killed_while_idle_is_replaced(pool: WorkerPool) -> None:
    """A warm child that was killed between files is not used again."""
    page(pool)
    [pid] = pool.idle_pids()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert texts(page(pool)) == ["Open."]
    assert pool.idle_pids() != [pid]


def test_memory_limit_costs_that_file(pool: WorkerPool) -> None:
    """A page whose tree outgrows the limit is refused, and the next file loads."""
    failed = page(pool, b"<b>x</b>" * 2_000_000, max_memory_bytes=100_000_000)
    assert isinstance(error(failed), LimitError | LoadError)
    assert "memory" in str(error(failed))
    assert texts(page(pool)) == ["Open."]


def test_threads_share_the_pool(pool: WorkerPool) -> None:
    """Calls from many threads each get their own file's answer."""
    with ThreadPoolExecutor(8) as threads:
        found = threads.map(lambda n: page(pool, f"<p>page {n}".encode()), range(40))
    assert [texts(outcome) for outcome in found] == [[f"page {n}"] for n in range(40)]
    assert len(pool.idle_pids()) <= 2


def test_child_holds_no_secret_of_ours(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's environment is its own."""
    monkeypatch.setenv("RAGBASTION_API_KEY", "s3cret")
    page(pool)
    [pid] = pool.idle_pids()
    assert b"s3cret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_child_cannot_write_files(pool: WorkerPool) -> None:
    """A parser that is taken over cannot fill or change the disk."""
    page(pool)
    [pid] = pool.idle_pids()
    limits = Path(f"/proc/{pid}/limits").read_text()
    [line] = [line for line in limits.splitlines() if line.startswith("Max file size")]
    assert line.split()[3:5] == ["0", "0"]


def wait_gone(pid: int) -> bool:
    """Return whether a process ends within ten seconds."""
    for _ in range(200):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def run_python(code: str) -> subprocess.Popen[str]:
    """Start a process that loads a page and prints its child's id."""
    head = (
        "import os, sys, time\n"
        "from ragbastion.core.settings import LoadSettings\n"
        "from ragbastion.ingest.loaders import load_bytes\n"
        "from ragbastion.ingest.loaders.isolation import POOL\n"
        "load = lambda: [d.text for d in load_bytes(b'<p>Open.', 'a.html', LoadSettings())]\n"
        "load()\n"
        "print(*POOL.idle_pids(), flush=True)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", head + code],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        # A shell that starts the tests in the background has interrupts ignored, and so would we.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_child_ends_with_its_parent(number: signal.Signals) -> None:
    """However the parent goes, the child does not stay behind."""
    with run_python("time.sleep(60)") as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(number)
        parent.wait()
    assert wait_gone(pid)


def test_exit_is_clean() -> None:
    """A process that loaded ends with status 0 and its child with it."""
    with run_python("") as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert parent.wait(20) == 0
    assert wait_gone(pid)


def test_fork_starts_its_own_child() -> None:
    """After a fork both processes load, each with a child of its own."""
    code = (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    ok = load() == ['Open.']\n"
        "    print(*POOL.idle_pids(), flush=True)\n"
        "    POOL.close()\n"
        "    os._exit(0 if ok else 1)\n"
        "_, status = os.waitpid(pid, 0)\n"
        "assert status == 0 and load() == ['Open.']\n"
        "print(*POOL.idle_pids(), flush=True)\n"
    )
    with run_python(code) as parent:
        out, _ = parent.communicate(timeout=60)
        assert parent.returncode == 0
    first, forked, again = out.split()
    assert first == again != forked


def test_documents_in_the_working_directory_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load_one: Callable[..., LoadedDocument]
) -> None:
    """A file named like a module, lying among the documents, is never run."""
    (tmp_path / "selectolax.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    pool = WorkerPool()
    try:
        assert texts(page(pool)) == ["Open."]
    finally:
        pool.close()
