"""Which files a scan reads, and what it calls them."""

import os
from pathlib import Path

import pytest
from ragbastion.cli.selection import Refused, Selection, Target, read_globs
from ragbastion.core.errors import UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with text, code and a picture at several depths."""
    root = tmp_path / "repo"
    for name in ("a.md", "src/b.py", "src/vendor/c.py", "img/d.png", "e f#.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("text")
    return root


def paths(selection: Selection) -> list[str]:
    """Return the paths that a selection gives."""
    return [item.path for item in selection]


def test_paths_are_relative_to_the_root(root: Path) -> None:
    """A file has one name, whichever folder was named on the way."""
    whole = paths(Selection(paths=[root], root=root))
    assert whole == ["a.md", "e f#.txt", "img/d.png", "src/b.py", "src/vendor/c.py"]
    assert paths(Selection(paths=[root / "src"], root=root)) == ["src/b.py", "src/vendor/c.py"]
    assert paths(Selection(paths=[root / "src" / "b.py"], root=root)) == ["src/b.py"]


def test_a_file_outside_the_root_is_absolute(root: Path) -> None:
    """Nothing pretends to lie in the repository."""
    [target] = Selection(paths=[root / "a.md"], root=root / "src")
    assert (target.path, target.uri) == (str(root / "a.md"), f"file://{root}/a.md")


def test_a_uri_is_escaped(root: Path) -> None:
    """Blanks and signs of a name do not end the path of the URI."""
    [target] = Selection(paths=[root / "e f#.txt"], root=root)
    assert target.uri == "e%20f%23.txt"


def test_a_name_that_is_not_utf8_keeps_its_bytes(tmp_path: Path) -> None:
    """The URI has the bytes, the path shows them escaped."""
    name = b"caf\xe9.txt"
    with open(os.fsencode(tmp_path) + b"/" + name, "wb") as stream:
        stream.write(b"text")
    [target] = Selection(paths=[tmp_path], root=tmp_path)
    assert (target.path, target.uri) == ("caf\\udce9.txt", "caf%E9.txt")


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.py"], [], ["src/b.py", "src/vendor/c.py"]),
        ([], ["*.png", "vendor/"], ["a.md", "e f#.txt", "src/b.py"]),
        (["*.py"], ["vendor/"], ["src/b.py"]),
        (["/src/*.py"], [], ["src/b.py"]),
        ([], ["*", "!*.md"], ["a.md"]),
        (["src/**/c.py"], [], ["src/vendor/c.py"]),
    ],
)
def test_globs(root: Path, include: list[str], exclude: list[str], expected: list[str]) -> None:
    """Patterns mean what they mean in a .gitignore at the root."""
    selection = Selection(paths=[root], root=root, include=include, exclude=exclude)
    assert paths(selection) == expected


def test_globs_hold_for_a_file_that_is_named(root: Path) -> None:
    """A hook passes names; what is excluded stays so."""
    selection = Selection(paths=[root / "src" / "vendor" / "c.py"], root=root, exclude=["vendor/"])
    assert paths(selection) == []


def test_a_bad_glob_is_wrong_usage(root: Path) -> None:
    """The option is named."""
    with pytest.raises(UsageError, match="--exclude refused"):
        list(Selection(paths=[root], root=root, exclude=["!"]))


def test_a_file_comes_once(root: Path) -> None:
    """However often it is named."""
    selection = Selection(paths=[root / "a.md", root, root / "a.md"], root=root, include=["*.md"])
    assert paths(selection) == ["a.md"]


def test_the_commands_own_files_are_left_out(root: Path) -> None:
    """A report quotes what was found, and would be found itself."""
    selection = Selection(paths=[root], root=root, include=["*.md"], own=[root / "a.md"])
    assert paths(selection) == []


def test_links_are_not_followed(root: Path) -> None:
    """One that leaves the folder is told, and its target is not read."""
    (root / "out.txt").symlink_to("/etc/hostname")
    (root / "in.txt").symlink_to(root / "a.md")
    found = {
        item.path: type(item) for item in Selection(paths=[root], root=root, include=["*.txt"])
    }
    assert found == {"e f#.txt": Target, "out.txt": Refused}


def test_a_link_can_be_excluded(root: Path) -> None:
    """Then it is no failure."""
    (root / "out.txt").symlink_to("/etc/hostname")
    selection = Selection(paths=[root], root=root, exclude=["out.txt", "src/", "img/"])
    assert paths(selection) == ["a.md", "e f#.txt"]


def test_globs_of_a_file(root: Path) -> None:
    """A .gitignore is read as it is, comments and blank lines included."""
    (root / ".gitignore").write_text("# built\n\n*.png\n/src/\n")
    globs = read_globs([root / ".gitignore"])
    assert paths(Selection(paths=[root], root=root, exclude=globs)) == ["a.md", "e f#.txt"]


def test_a_file_of_globs_that_is_no_text_is_refused(root: Path) -> None:
    """It is named."""
    (root / "globs").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_globs([root / "globs"])
