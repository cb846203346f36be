"""Results on disk: found again, made again when anything that decides them changes."""

from pathlib import Path

from ragbastion.benchmarks.poisoning.cache import Cache


def test_a_result_is_made_once(tmp_path: Path) -> None:
    """The second time it is read."""
    made: list[int] = []
    for _ in range(2):
        assert Cache(tmp_path).get("x y", [1], lambda: made.append(1) or {"a": 1}) == {"a": 1}
    assert made == [1]


def test_other_decisions_make_another(tmp_path: Path) -> None:
    """The data, and what a whole run shares."""
    cache = Cache(tmp_path, "one")
    assert cache.get("x", [1], lambda: "first") == "first"
    assert cache.get("x", [2], lambda: "second") == "second"
    assert Cache(tmp_path, "two").get("x", [1], lambda: "third") == "third"
    assert cache.get("x", [1], lambda: "never") == "first"


def test_a_file_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    """What a kill left behind is no result."""
    cache = Cache(tmp_path)
    cache.get("x", [1], lambda: [1, 2, 3])
    [path] = tmp_path.glob("*.json")
    path.write_text("[1, 2")
    assert cache.get("x", [1], lambda: [4]) == [4]


def test_without_a_folder_nothing_is_kept() -> None:
    """Each time it is made."""
    assert [Cache(None).get("x", [1], lambda at=at: at) for at in range(2)] == [0, 1]
