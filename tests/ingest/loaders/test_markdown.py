"""Markdown: the source stays, less what a rendered page does not show."""

from collections.abc import Callable

import pytest
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument
from ragbastion.ingest.loaders.markdown import load

TRICKS = [
    ("comment", "<!-- EVIL -->", "comment"),
    ("comment in a line", "open <!-- EVIL --> still", "comment"),
    ("comment over lines of a quote", "> open <!-- one\n> EVIL --> still", "comment"),
    ("comment as definition", "[//]: # (EVIL)", "link-reference"),
    ("comment with another label", "[comment]: <> 'EVIL'", "link-reference"),
    ("unused definition", "[spare]: http://x.org/EVIL", "link-reference"),
    ("image alt", "![EVIL](a.png)", "alt-text"),
    ("image title", "![](a.png 'EVIL')", "title-attribute"),
    ("link title", '[pier](http://x.org "EVIL")', "link-title"),
    ("hidden element", "<p hidden>EVIL</p>", "hidden-attribute"),
    ("hidden span", "see <span style='display:none'>EVIL</span> this", "css-display-none"),
    ("hidden over blocks", "<div hidden>\n\nEVIL *text*\n\n</div>", "hidden-attribute"),
    ("style block", "<style>.x{display:none}</style>\n\n<p class=x>EVIL</p>", "css-display-none"),
    ("raw attribute", "<b title='EVIL'>bold</b>", "title-attribute"),
    ("raw image", "<img alt='EVIL'>", "alt-text"),
]


def read(source: str) -> LoadedDocument:
    """Load a Markdown source in this process."""
    [document] = load(source.encode(), "a.md", LoadSettings())
    return document


@pytest.mark.parametrize(("source", "reason"), [t[1:] for t in TRICKS], ids=[t[0] for t in TRICKS])
def test_hidden_text_is_apart_with_its_reason(source: str, reason: str) -> None:
    """Text that the rendered page lacks leaves the source and keeps why."""
    document = read(f"# Harbour\n\nIt opens at six.\n\n{source}\n\nIt closes at ten.\n")
    assert "EVIL" not in document.text
    assert document.text.startswith("# Harbour\n\nIt opens at six.\n\n")
    assert document.text.endswith("It closes at ten.")
    assert reason in [item.reason for item in document.hidden if "EVIL" in item.text]


@pytest.mark.parametrize(
    "source",
    [
        "`<!-- code -->`",
        "```\n<!-- fenced -->\n[//]: # (kept)\n```",
        "    <!-- indented -->",
        "a < b && c > d, &lt;tag&gt;",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "- one\n- two [pier](http://x.org/a_(b))\n\n> quote",
        r"\<!-- escaped -->",
    ],
)
def test_what_a_page_shows_stays_as_written(source: str) -> None:
    """Code, tables, lists, links and escaped signs keep their spelling."""
    document = read(f"start\n\n{source}\n\nend")
    assert document.text == f"start\n\n{source}\n\nend"
    assert document.hidden == ()


def test_front_matter_is_hidden_and_gives_the_title() -> None:
    """Front matter is not part of the page."""
    document = read("---\ntitle: 'Fees'\nnote: EVIL\n---\nForty dollars.")
    assert (document.title, document.text) == ("Fees", "Forty dollars.")
    assert [(h.reason, h.text) for h in document.hidden] == [
        ("front-matter", "title: 'Fees'\nnote: EVIL")
    ]


def test_title_is_the_first_heading() -> None:
    """The first heading of level one names the document."""
    assert read("intro\n\n# Pier <!-- x --> fees\n\n# Other").title == "Pier fees"


def test_hidden_text_says_its_line() -> None:
    """The place of Markdown's own hidden text is a line of the file."""
    document = read("a\n\nb ![EVIL](x.png)\n")
    assert [(h.text, h.where) for h in document.hidden] == [("EVIL", "line 3")]


def test_deep_quotes_do_not_recurse(load_one: Callable[..., LoadedDocument]) -> None:
    """A line of 50,000 quote marks loads or is refused, and the parser survives."""
    assert "word" in load_one(">" * 50_000 + " word", "deep.md").text
