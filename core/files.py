"""Opening files that others may have put in place of the expected ones."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; raise `OSError` for anything else, a FIFO or device too.

    What is checked is the open file, not its name. Symbolic links are followed.
    """
    # O_NONBLOCK: opening a FIFO without a writer returns, and fstat then refuses it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")
