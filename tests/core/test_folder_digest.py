"""A model's digest is that of its files, as the shell computes it."""

import subprocess
from pathlib import Path

from ragbastion.core.embedding import folder_digest


def test_it_is_what_sha256sum_says(tmp_path: Path) -> None:
    """Anybody can check it without this package."""
    for name, content in (("b.bin", b"\x00\x01"), ("a/c.json", b"{}"), ("a-b", b"1"), ("Z", b"")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    shell = "find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    done = subprocess.run(shell, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert folder_digest(tmp_path) == done.stdout.split()[0]


def test_a_renamed_or_changed_file_changes_it(tmp_path: Path) -> None:
    """Content and names both count."""
    (tmp_path / "a").write_bytes(b"1")
    first = folder_digest(tmp_path)
    (tmp_path / "a").write_bytes(b"2")
    second = folder_digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, folder_digest(tmp_path)}) == 3
