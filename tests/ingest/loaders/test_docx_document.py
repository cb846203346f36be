"""DOCX: what Word prints is visible, everything else is hidden; bombs and damage are refused."""

import io
import zipfile
from collections.abc import Callable

import docx
import pytest
from docx.document import Document
from docx.oxml import parse_xml
from docx.shared import Pt, RGBColor
from ragbastion.core.errors import LimitError, LoadError
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument, LoadFailure
from ragbastion.ingest.loaders.docx_document import load

Edit = Callable[[Document], object]
NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:v="urn:schemas-microsoft-com:vml"'
)
SEEN = "The harbour opens at six."


def docx_bytes(edit: Edit) -> bytes:
    """Return a DOCX with a visible paragraph and what ``edit`` adds."""
    document = docx.Document()
    document.add_paragraph(SEEN)
    edit(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def read(edit: Edit) -> LoadedDocument:
    """Load such a document in this process."""
    [document] = load(docx_bytes(edit), "a.docx", LoadSettings())
    return document


def xml(inner: str) -> Edit:
    """Return an edit that adds a paragraph of raw WordprocessingML."""
    return lambda d: d.element.body.insert(1, parse_xml(f"<w:p {NAMESPACES}>{inner}</w:p>"))


def run(properties: str, text: str = "EVIL") -> Edit:
    """Return an edit that adds a run with raw properties."""
    return xml(f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>")


def styled(document: Document) -> None:
    """Hide a run by the base of its character style."""
    base = document.styles.add_style("Gone", 2)
    base.font.hidden = True
    heir = document.styles.add_style("Heir", 2)
    heir.base_style = base
    document.add_paragraph("a ").add_run("EVIL", style="Heir")


def paragraph_styled(document: Document) -> None:
    """Hide a paragraph by its style's colour."""
    document.styles.add_style("Pale", 1).font.color.rgb = RGBColor(255, 255, 255)
    document.add_paragraph("EVIL", style="Pale")


def in_dark_cell(document: Document, text: str, colour: str) -> None:
    """Write in a table cell that is shaded navy."""
    cell = document.add_table(1, 1).cell(0, 0)
    cell._tc.get_or_add_tcPr().append(parse_xml(f'<w:shd {NAMESPACES} w:fill="000080"/>'))
    cell.paragraphs[0].add_run(text).font.color.rgb = RGBColor.from_string(colour)


def tiny(document: Document) -> None:
    """Write at one point."""
    document.add_paragraph().add_run("EVIL").font.size = Pt(1)


def text_box(properties: str, text: str) -> Edit:
    """Return an edit that adds a text box; the fallback repeats its text."""
    content = f"<w:txbxContent><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:txbxContent>"
    return xml(
        f"<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wp:anchor>{properties}"
        f"{content}</wp:anchor></w:drawing></mc:Choice><mc:Fallback><w:pict>{content}</w:pict>"
        "</mc:Fallback></mc:AlternateContent></w:r>"
    )


TRICKS: list[tuple[str, Edit, str]] = [
    ("vanish", run("<w:vanish/>"), "vanished-run"),
    ("spec vanish", run("<w:specVanish/>"), "vanished-run"),
    ("vanish by style", styled, "vanished-run"),
    ("white", run("<w:color w:val='FFFFFF'/>"), "docx-text-colour"),
    ("near white", run("<w:color w:val='FAFAFA'/>"), "docx-text-colour"),
    ("white by style", paragraph_styled, "docx-text-colour"),
    (
        "colour of its shade",
        run("<w:color w:val='112233'/><w:shd w:fill='112233'/>"),
        "docx-text-colour",
    ),
    (
        "colour of its highlight",
        run("<w:color w:val='FFFF00'/><w:highlight w:val='yellow'/>"),
        "docx-text-colour",
    ),
    ("colour of its cell", lambda d: in_dark_cell(d, "EVIL", "000080"), "docx-text-colour"),
    ("tiny", tiny, "docx-tiny-font"),
    ("squeezed", run("<w:w w:val='1'/>"), "docx-tiny-font"),
    ("no fill", run("<w14:textFill><w14:noFill/></w14:textFill>"), "docx-transparent"),
    (
        "deletion",
        xml("<w:del w:id='1' w:author='x'><w:r><w:delText>EVIL</w:delText></w:r></w:del>"),
        "tracked-deletion",
    ),
    (
        "moved away",
        xml("<w:moveFrom w:id='1' w:author='x'><w:r><w:t>EVIL</w:t></w:r></w:moveFrom>"),
        "tracked-deletion",
    ),
    ("field code", xml("<w:r><w:instrText>EVIL</w:instrText></w:r>"), "field-code"),
    ("simple field", xml("<w:fldSimple w:instr='EVIL'/>"), "field-code"),
    (
        "link tooltip",
        xml("<w:hyperlink w:tooltip='EVIL'><w:r><w:t>a</w:t></w:r></w:hyperlink>"),
        "title-attribute",
    ),
    (
        "far frame",
        xml("<w:pPr><w:framePr w:x='-30000'/></w:pPr><w:r><w:t>EVIL</w:t></w:r>"),
        "docx-off-page",
    ),
    ("comment", lambda d: d.add_comment(d.paragraphs[0].runs, "EVIL", "x"), "comment"),
    ("property", lambda d: setattr(d.core_properties, "keywords", "EVIL"), "metadata"),
    ("alt text", text_box("<wp:docPr id='1' name='n' descr='EVIL'/>", "a"), "alt-text"),
    ("hidden box", text_box("<wp:docPr id='1' name='n' hidden='1'/>", "EVIL"), "docx-hidden-shape"),
    (
        "far box",
        text_box("<wp:positionH><wp:posOffset>-20000000</wp:posOffset></wp:positionH>", "EVIL"),
        "docx-off-page",
    ),
    ("tiny box", text_box("<wp:extent cx='10' cy='10'/>", "EVIL"), "docx-hidden-shape"),
]

SHOWN: list[tuple[str, Edit]] = [
    ("vanish off", run("<w:vanish w:val='0'/>", "SEEN")),
    ("white on navy", lambda d: in_dark_cell(d, "SEEN", "FFFFFF")),
    ("white on a highlight", run("<w:color w:val='FFFFFF'/><w:highlight w:val='black'/>", "SEEN")),
    ("automatic colour", run("<w:color w:val='auto'/>", "SEEN")),
    ("insertion", xml("<w:ins w:id='1' w:author='x'><w:r><w:t>SEEN</w:t></w:r></w:ins>")),
    ("hyperlink", xml("<w:hyperlink><w:r><w:t>SEEN</w:t></w:r></w:hyperlink>")),
    ("text box", text_box("", "SEEN")),
    ("header", lambda d: setattr(d.sections[0].header.paragraphs[0], "text", "SEEN")),
    ("footer", lambda d: setattr(d.sections[0].footer.paragraphs[0], "text", "SEEN")),
]


@pytest.mark.parametrize(("edit", "reason"), [t[1:] for t in TRICKS], ids=[t[0] for t in TRICKS])
def test_hidden_text_is_apart_with_its_reason(edit: Edit, reason: str) -> None:
    """Text that Word does not print leaves the visible text and keeps why."""
    document = read(edit)
    assert SEEN in document.text
    assert "EVIL" not in document.text
    assert [h.reason for h in document.hidden if "EVIL" in h.text] == [reason]


@pytest.mark.parametrize("edit", [t[1] for t in SHOWN], ids=[t[0] for t in SHOWN])
def test_shown_text_stays_visible(edit: Edit) -> None:
    """What Word prints is there, once."""
    document = read(edit)
    assert document.text.count("SEEN") == 1
    assert not [h for h in document.hidden if "SEEN" in h.text]


def test_structure_stays_readable() -> None:
    """Headings, breaks and table rows keep their lines."""

    def edit(document: Document) -> None:
        document.core_properties.title = "Rules"
        document.add_heading("Fees", 1)
        document.add_paragraph("one\ttwo\nthree")
        table = document.add_table(2, 2)
        for cell, text in zip(table._cells, ["Pier", "Fee", "East", "40"], strict=True):
            cell.text = text

    document = read(edit)
    assert document.title == "Rules"
    assert document.text == f"{SEEN}\n\nFees\n\none\ttwo\nthree\n\nPier | Fee\nEast | 40"


def test_white_in_a_shaded_table_style_is_not_judged() -> None:
    """Where a table style sets shades the ground is unknown, so white heads stay visible."""

    def edit(document: Document) -> None:
        table = document.add_table(1, 1, style="Medium Shading 1 Accent 1")
        font = table.cell(0, 0).paragraphs[0].add_run("SEEN").font
        font.color.rgb = RGBColor(255, 255, 255)

    assert "SEEN" in read(edit).text


def repacked(change: Callable[[dict[str, bytes]], None]) -> bytes:
    """Return a DOCX whose container entries were changed."""
    with zipfile.ZipFile(io.BytesIO(docx_bytes(lambda d: None))) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_zip_bomb_is_a_limit(refuse_one: Callable[..., LoadFailure]) -> None:
    """A container that unpacks past the limit is refused before it is parsed."""
    data = repacked(lambda e: e.update({"word/media/x.bin": bytes(30_000_000)}))
    assert len(data) < 100_000
    failure = refuse_one(data, "a.docx", LoadSettings(max_unpacked_bytes=20_000_000))
    assert isinstance(failure.error, LimitError)
    assert "unpacks to more than 20000000 bytes" in str(failure.error)


def test_zip_bomb_below_the_limit_is_known_by_its_ratio(
    refuse_one: Callable[..., LoadFailure],
) -> None:
    """No real document shrinks to a hundredth and less."""
    data = repacked(lambda e: e.update({"word/media/x.bin": bytes(30_000_000)}))
    assert "a ZIP bomb" in str(refuse_one(data, "a.docx").error)


def test_lying_sizes_are_refused(refuse_one: Callable[..., LoadFailure]) -> None:
    """A directory that declares less than an entry unpacks to is damage."""
    data = repacked(lambda e: e.update({"word/media/x.bin": bytes(3_000_000)}))
    lying = data.replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    failure = refuse_one(lying, "a.docx")
    assert isinstance(failure.error, LoadError)
    assert "damaged or encrypted ZIP container" in str(failure.error)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update({"word/document.xml": b"<not closed"}),
        lambda e: e.update({"word/document.xml": b"<a/>"}),
        lambda e: e.pop("word/document.xml"),
        lambda e: e.update({"[Content_Types].xml": b""}),
        lambda e: e.update({"word/document.xml": b"<w:document>" + b"<w:p>" * 100_000}),
    ],
    ids=["broken xml", "another root", "no document", "no types", "deep"],
)
def test_damaged_parts_are_refused(
    refuse_one: Callable[..., LoadFailure], change: Callable[[dict[str, bytes]], None]
) -> None:
    """A container with broken parts is a clear error."""
    failure = refuse_one(repacked(change), "a.docx")
    assert isinstance(failure.error, LoadError)
    assert str(failure.error).startswith("'a.docx' refused: ")


def test_truncated_container_is_refused(refuse_one: Callable[..., LoadFailure]) -> None:
    """Half a file is a clear error."""
    failure = refuse_one(docx_bytes(lambda d: None)[:3_000], "a.docx")
    assert "a damaged or truncated ZIP container" in str(failure.error)


def test_entities_are_not_expanded(load_one: Callable[..., LoadedDocument]) -> None:
    """A part with an entity bomb or an external entity gives nothing of them."""

    def change(entries: dict[str, bytes]) -> None:
        bomb = b'<!DOCTYPE a [<!ENTITY x "EVIL"><!ENTITY f SYSTEM "file:///etc/hostname">]>'
        body = entries["word/document.xml"]
        start = body.index(b"<w:document")
        changed = bomb + body[start:].replace(SEEN.encode(), SEEN.encode() + b" &x;&f;", 1)
        entries["word/document.xml"] = changed

    assert load_one(repacked(change), "a.docx").text == SEEN
