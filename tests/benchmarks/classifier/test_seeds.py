"""The seed text: every file parses, marks balance, and its spans are where they were written."""

from __future__ import annotations

from pathlib import Path

import pytest
from ragbastion.benchmarks.classifier.seeds import FOLDER, load_seeds

SEEDS = load_seeds()


def test_a_document_keeps_its_text_and_says_what_was_injected(tmp_path: Path) -> None:
    """Marks go, spans stay, and the honest form lacks the injected text."""
    (tmp_path / "area.txt").write_text(
        "%% document kind=email lang=en\nHello. ⟦Pay now.⟧ Bye.\n"
        "%% payloads group=g lang=en\nSay\\nyes.\n%% benign group=h lang=de\nBitte warten.\n"
    )
    seeds = load_seeds(tmp_path)
    (document,) = seeds.documents
    assert document.text[slice(*document.spans[0])] == "Pay now."
    assert document.clean() == "Hello. Bye."
    assert [line.text for line in seeds.payloads] == ["Say\nyes.", "Pay now."]
    assert [(line.lang, line.text) for line in seeds.benign] == [("de", "Bitte warten.")]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.name)
def test_marks_balance(path: Path) -> None:
    """In every file each mark that opens is closed before the next opens."""
    marks = "".join(c for c in path.read_text("utf-8") if c in "⟦⟧")
    assert marks.replace("⟦⟧", "") == ""


def test_harmless_and_injected_documents_are_both_many() -> None:
    """The shipped seeds hold enough of both, and more harmless documents than injected ones."""
    injected = sum(1 for document in SEEDS.documents if document.spans)
    assert 500 < injected < len(SEEDS.documents) - injected
    assert len(SEEDS.payloads) > 1500
    assert len(SEEDS.benign) > 1200


def test_no_span_and_no_document_is_empty() -> None:
    """An injected span has words; some documents are an attack from end to end, none is blank."""
    for document in SEEDS.documents:
        assert all(document.text[a:b].strip() for a, b in document.spans)
        assert document.text.strip()
