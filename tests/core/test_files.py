"""Files that are not what they should be."""

import os
from pathlib import Path

import pytest
from ragbastion.core.files import open_regular


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    """Behind a link too."""
    (tmp_path / "a").write_bytes(b"text")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"text"


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A FIFO that nobody writes to, a device without an end, a folder."""
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(path)
