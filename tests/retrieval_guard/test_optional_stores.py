"""A store that is not installed is skipped by developers and fails in CI."""

import pytest

from .optional_stores import REQUIRED, require_modules


def test_a_missing_store_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names what to install."""
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"ragbastion\[dev-stores\]"):
        require_modules("dev-stores", "json", "no_such_store.at_all")


def test_a_missing_store_fails_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """CI cannot pass by skipping."""
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match=REQUIRED):
        require_modules("dev-stores", "no_such_store")


def test_a_store_that_is_there_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is raised for modules that can be imported."""
    monkeypatch.setenv(REQUIRED, "1")
    require_modules("dev-stores", "json", "llama_index.core")
