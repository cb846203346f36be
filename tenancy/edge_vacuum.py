"""The child process of `edge_optimizer`: optimise one copy of a shard, and exit.

    python -m ragbastion.tenancy.edge_vacuum FOLDER DIMENSION PARENT_PID

Exit code 0: the copy was rewritten; `EXIT_NOTHING`: nothing to do; any other: it failed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from ..core.errors import StoreError
from .edge_shard import EdgeShard

EXIT_NOTHING = 10
_EXIT_FAILED = 11
_PR_SET_PDEATHSIG = 1
"""Linux, prctl(2): which signal this process gets when its parent dies."""
_NICENESS = 15


def main(folder: str, dimension: str, parent: str) -> int:
    """Optimise and return the exit code; die with the parent, which alone may use the copy."""
    os.nice(_NICENESS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        return _EXIT_FAILED
    try:
        return 0 if EdgeShard.optimize(Path(folder), int(dimension)) else EXIT_NOTHING
    except StoreError:
        return _EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
