"""The example scripts run and print what they promise."""

from __future__ import annotations

from pathlib import Path

import pytest
from ragbastion.examples import llama_index_retriever, quickstart, wrap_qdrant


def test_quickstart_holds_back_asks_and_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The quickstart quarantines the hostile sheets, serves the policy and asks for approval."""
    quickstart.main(tmp_path)
    out = capsys.readouterr().out
    assert "held back: camp-stove.html" in out
    assert "trusted: policies/returns-policy.md" in out
    assert "require_approval" in out
    assert "219-09-9999" not in out


def test_wrapped_client_keeps_tenants_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Each tenant finds its own note only, and cannot drop the collection."""
    wrap_qdrant.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "clinic finds ['The clinic opens at half past seven.']",
        "office finds ['The office keeps files for seven years.']",
        "points of all tenants: 2",
    ]
    assert "office keeps" not in "".join(lines[3:])
    assert [line.partition(":")[0] for line in lines[3:]] == ["IsolationError", "RefusedNameError"]


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
def test_llama_index_retriever_serves_guarded_nodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The note that gives orders is not indexed; the answer comes from two sources."""
    llama_index_retriever.main(tmp_path)
    out = capsys.readouterr().out
    assert "inbox: 0 nodes indexed" in out
    assert "between 2 and 8 degrees" in out
    assert "previous instructions" not in out
