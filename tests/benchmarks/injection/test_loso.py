"""The table of sources left out of training: read in its agreed form, or said to be missing."""

import json
from pathlib import Path

import pytest
from ragbastion.benchmarks.injection.loso import NAME, loso_rows, read_loso
from ragbastion.core.errors import LoadError

TABLE = {
    "protocol": "each fold trains without its sources",
    "command": "python -m benchmarks.classifier.train --step folds",
    "commit": "abc1234",
    "sources": {"bipia": {"attacks": 3, "benign": 4, "recall_at_1": 0.5, "auroc": 0.9}},
    "macro": {"recall_at_1": 0.5},
}


def test_the_first_folder_that_has_one_is_read(tmp_path: Path) -> None:
    """Results in the output folder are newer than those of the checkout."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, commit in ((old, "old"), (new, "new")):
        folder.mkdir()
        (folder / NAME).write_text(json.dumps(TABLE | {"commit": commit}))
    found = read_loso((tmp_path, new, old))
    assert found is not None
    assert found["commit"] == "new"


def test_no_file_is_no_table(tmp_path: Path) -> None:
    """Which is for the caller to say."""
    assert read_loso((tmp_path, tmp_path / "missing")) is None


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", json.dumps(TABLE | {"macro": 1}), json.dumps(TABLE | {"sources": {"a": 1}})],
)
def test_another_form_is_refused(tmp_path: Path, content: str) -> None:
    """A table that cannot be read is an error before anything is measured."""
    (tmp_path / NAME).write_text(content)
    with pytest.raises(LoadError, match="not a leave-one-source-out table"):
        read_loso((tmp_path,))


def test_rows_share_their_columns() -> None:
    """The means have no counts; they stand last."""
    assert loso_rows(TABLE) == [
        {"source left out": "bipia", **TABLE["sources"]["bipia"]},  # type: ignore[index]
        {
            "source left out": "mean over sources",
            "attacks": None,
            "benign": None,
            "recall_at_1": 0.5,
            "auroc": None,
        },
    ]
