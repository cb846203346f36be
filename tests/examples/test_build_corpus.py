"""The committed corpus is what its sources build."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from ragbastion.core.errors import UsageError
from ragbastion.examples import corpus_path
from ragbastion.examples.build_corpus import build_text, built_files

BUILT = list(built_files())


def _content(path: Path, data: bytes) -> object:
    """Bytes, or of a DOCX its members: deflated streams differ between compression libraries."""
    if path.suffix != ".docx":
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(("path", "data"), BUILT, ids=[str(path) for path, _ in BUILT])
def test_committed_file_is_what_its_source_builds(path: Path, data: bytes) -> None:
    """Building again gives the file that is committed."""
    assert _content(path, (corpus_path() / path).read_bytes()) == _content(path, data)


def test_every_binary_file_has_a_source() -> None:
    """No PDF, DOCX or e-mail stands in the corpus that a reviewer cannot read as text."""
    binary = {
        path.relative_to(corpus_path())
        for suffix in ("pdf", "docx", "eml")
        for path in corpus_path().rglob(f"*.{suffix}")
    }
    assert binary <= {path for path, _ in BUILT}


def test_tags_directive_is_invisible_and_reversible() -> None:
    """Tag characters carry the text that the directive names, and nothing that shows."""
    built = build_text("ab{{tags: Hi.}}cd").decode()
    assert built[:2] + built[-2:] == "abcd"
    assert "".join(chr(ord(character) - 0xE0000) for character in built[2:-2]) == "Hi."


def test_corpus_is_small_and_has_four_tenants() -> None:
    """The package ships the corpus, so it stays below two megabytes."""
    files = [path for path in corpus_path().rglob("*") if path.is_file()]
    tenants = {path.name for path in corpus_path().iterdir() if path.is_dir()}
    assert tenants == {"aurora-retail", "harbor-health", "northwind-legal", "tern-island"}
    assert sum(path.stat().st_size for path in files) < 2_000_000


def test_building_without_sources_is_an_error(tmp_path: Path) -> None:
    """An installed package holds the corpus and not its sources, and says so."""
    with pytest.raises(UsageError, match="checkout"):
        list(built_files(tmp_path / "sources"))
