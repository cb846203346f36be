"""Files: what is found in a folder, and what is never opened."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument, LoadFailure, load_paths


def outcome(paths: list[Path]) -> dict[str, str]:
    """Return the text of each document and the message of each failure, by name."""
    found: dict[str, str] = {}
    for item in load_paths(paths, LoadSettings()):
        if isinstance(item, LoadedDocument):
            found[item.document] = item.text
        else:
            found[item.path] = str(item.error)
    return found


def test_folder_is_walked_sorted_and_named_relative(tmp_path: Path) -> None:
    """Documents are named by their path below the folder, in a stable order."""
    (tmp_path / "b" / "c").mkdir(parents=True)
    for name in ("b/c/z.txt", "b/y.txt", "a.txt"):
        (tmp_path / name).write_text(name)
    assert list(outcome([tmp_path])) == ["a.txt", "b/y.txt", "b/c/z.txt"]


def test_named_file_has_its_name(tmp_path: Path) -> None:
    """A file that is named itself is loaded even if its name starts with a dot."""
    (tmp_path / ".notes.txt").write_text("words")
    assert outcome([tmp_path / ".notes.txt"]) == {".notes.txt": "words"}


def test_hidden_entries_of_a_folder_are_left_out(tmp_path: Path) -> None:
    """Dot files and dot folders are not the reader's documents."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.txt").write_text("x")
    (tmp_path / ".env").write_text("SECRET=1")
    (tmp_path / "a.txt").write_text("words")
    assert outcome([tmp_path]) == {"a.txt": "words"}


def test_links_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    """Neither a linked file nor a linked folder outside is read; broken links are named."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_text("SECRET")
    (inside / "file.txt").symlink_to(outside / "secret.txt")
    (inside / "folder").symlink_to(outside)
    (inside / "broken.txt").symlink_to(outside / "missing")
    (inside / "a.txt").write_text("words")
    (inside / "again.txt").symlink_to(inside / "a.txt")
    found = outcome([inside])
    assert found.pop("a.txt") == "words"
    assert "a link that leaves the folder" in found.pop("file.txt")
    assert "a link that leaves the folder" in found.pop("folder")
    assert "cannot be opened" in found.pop("broken.txt")
    assert found == {}


def make_fifo(path: Path) -> None:
    """Make a FIFO without a writer."""
    os.mkfifo(path)


def make_device_link(path: Path) -> None:
    """Link to an endless device."""
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_fifo, make_device_link])
def test_what_is_no_regular_file_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    """A FIFO does not block and a device is not read."""
    make(tmp_path / "x.txt")
    told = "'x.txt' refused: it cannot be opened (not a regular file)"
    assert outcome([tmp_path / "x.txt"]) == {"x.txt": told}


def test_missing_path_is_named(tmp_path: Path) -> None:
    """A path that does not exist is a failure, and the others load."""
    (tmp_path / "a.txt").write_text("words")
    found = outcome([tmp_path / "no.txt", tmp_path / "a.txt"])
    assert found["a.txt"] == "words"
    assert "cannot be opened (No such file or directory)" in found["no.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_named(tmp_path: Path) -> None:
    """A file without permission is a failure of its own."""
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "a.txt").chmod(0)
    assert "cannot be opened (Permission denied)" in outcome([tmp_path])["a.txt"]


def test_names_that_are_not_utf8_load(tmp_path: Path) -> None:
    """A byte that is no UTF-8 in a name comes escaped, never as a lone surrogate."""
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("words")
    [name] = outcome([tmp_path])
    assert name.encode("utf-8").decode("utf-8") == "caf\\udce9.txt"


def test_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """100 MB of one line is a limit, by the size that the system tells."""
    with (tmp_path / "big.txt").open("wb") as file:
        file.truncate(100_000_000)
    [failure] = load_paths([tmp_path], LoadSettings())
    assert isinstance(failure, LoadFailure)
    assert "100000000 bytes, the limit is 50000000 (load.max_file_bytes)" in str(failure.error)
