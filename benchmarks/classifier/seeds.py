"""Training text of our own making, read from ``seeds/*.txt``.

A line that begins with ``%%`` opens a section: a ``document`` in which ``⟦`` and ``⟧`` enclose what
was injected, a list of ``payloads``, or a list of ``benign`` near misses, one a line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "seeds"
_MARKS = re.compile("[⟦⟧]")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedDocument:
    """A document, where it holds injected text, and the area file that it is from."""

    area: str
    kind: str
    lang: str
    text: str
    spans: tuple[Span, ...]

    def clean(self) -> str:
        """Return the document as its honest author wrote it."""
        text, last = "", 0
        for start, end in self.spans:
            text, last = text + self.text[last:start], end
        rest = self.text[last:]
        return re.sub(r"\n{3,}", "\n\n", re.sub(r"(?<=\S) {2,}(?=\S)", " ", text + rest)).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A payload or a harmless near miss, to be put into documents."""

    area: str
    group: str
    lang: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """All seeds; ``payloads`` also holds what the documents had injected."""

    documents: tuple[SeedDocument, ...]
    payloads: tuple[Line, ...]
    benign: tuple[Line, ...]


LATER = (
    *("about_more", "bare_more", "direct", "honest", "indirect_more", "languages_more"),
    *("mail_agents", "tool_results"),
)
"""Area files by other writers, which the first part of the first stage does without."""


def load_seeds(folder: Path = FOLDER, without: Collection[str] = ()) -> Seeds:
    """Read every area file of ``folder`` but those named."""
    documents: list[SeedDocument] = []
    lines: dict[str, list[Line]] = {"payloads": [], "benign": []}
    for path in sorted(path for path in folder.glob("*.txt") if path.stem not in without):
        for kind, keys, body in _sections(path.read_text("utf-8")):
            if kind == "document":
                documents.append(_document(path.stem, keys, body))
            else:
                lines[kind] += _lines(path.stem, keys, body)
    lines["payloads"] += [line for document in documents for line in _injected(document)]
    return Seeds(
        documents=tuple(documents),
        payloads=tuple(lines["payloads"]),
        benign=tuple(lines["benign"]),
    )


def _sections(text: str) -> Iterator[tuple[str, dict[str, str], str]]:
    for section in re.split(r"^%%", text, flags=re.MULTILINE)[1:]:
        head, _, body = section.partition("\n")
        kind, *pairs = head.split()
        yield kind, dict(pair.split("=", 1) for pair in pairs), body.strip("\n")


def _document(area: str, keys: dict[str, str], body: str) -> SeedDocument:
    text, spans, start = "", [], 0
    for piece in re.split("([⟦⟧])", body):
        if piece == "⟦":
            start = len(text)
        elif piece == "⟧":
            spans.append((start, len(text)))
        else:
            text += piece
    return SeedDocument(
        area=area, kind=keys["kind"], lang=keys["lang"], text=text, spans=tuple(spans)
    )


def _lines(area: str, keys: dict[str, str], body: str) -> list[Line]:
    return [
        Line(area=area, group=keys["group"], lang=keys["lang"], text=_MARKS.sub("", text))
        for line in body.split("\n")
        if (text := line.strip().replace("\\n", "\n"))
    ]


def _injected(document: SeedDocument) -> list[Line]:
    return [
        Line(
            area=document.area,
            group=f"in_{document.kind}",
            lang=document.lang,
            text=document.text[start:end].strip(),
        )
        for start, end in document.spans
    ]
