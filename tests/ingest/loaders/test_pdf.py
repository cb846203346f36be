"""PDF: text that the drawn page does not show is hidden; damaged files are refused."""

import io
from collections.abc import Callable

import pytest
from ragbastion.core.errors import InputError, LimitError, LoadError
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument, LoadFailure
from ragbastion.ingest.loaders.pdf import load
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

Draw = Callable[[Canvas], object]
SEEN = "The harbour opens at six."


def pdf(draw: Draw, **options: object) -> bytes:
    """Return a PDF of one page with a visible line and what ``draw`` adds."""
    out = io.BytesIO()
    canvas = Canvas(out, **options)
    canvas.setFont("Helvetica", 11)
    canvas.drawString(50, 700, SEEN)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def read(draw: Draw) -> LoadedDocument:
    """Load such a PDF in this process."""
    [document] = load(pdf(draw), "a.pdf", LoadSettings())
    return document


def invisible(canvas: Canvas, mode: int = 3) -> None:
    """Write with a text render mode."""
    text = canvas.beginText(50, 100)
    text.setTextRenderMode(mode)
    text.textOut("EVIL")
    canvas.drawText(text)


def coloured(canvas: Canvas, grey: float) -> None:
    """Write in a shade of grey on the page."""
    canvas.setFillGray(grey)
    canvas.drawString(50, 300, "EVIL words")


def boxed(canvas: Canvas, text: str, box: float, ink: float) -> None:
    """Write in one grey on a box of another."""
    canvas.setFillGray(box)
    canvas.rect(40, 290, 200, 30, fill=1, stroke=0)
    canvas.setFillGray(ink)
    canvas.drawString(50, 300, text)


def tiny(canvas: Canvas, *, by_scale: bool) -> None:
    """Write at half a point, by the font's size or by the page's scale."""
    if by_scale:
        canvas.scale(0.05, 0.05)
    else:
        canvas.setFont("Helvetica", 0.5)
    canvas.drawString(300, 80, "EVIL")


def transparent(canvas: Canvas) -> None:
    """Write with alpha zero."""
    canvas.setFillAlpha(0)
    canvas.drawString(50, 300, "EVIL")


def covered(canvas: Canvas) -> None:
    """Write, then draw a box over it."""
    canvas.drawString(50, 300, "EVIL")
    canvas.setFillGray(0.8)
    canvas.rect(40, 290, 200, 30, fill=1, stroke=0)


def clipped(canvas: Canvas) -> None:
    """Write outside the clipping path."""
    path = canvas.beginPath()
    path.rect(0, 0, 5, 5)
    canvas.clipPath(path, stroke=0)
    canvas.drawString(50, 300, "EVIL")


def in_form(canvas: Canvas) -> None:
    """Write white on white inside a form object."""
    canvas.beginForm("form")
    canvas.setFillGray(1)
    canvas.drawString(50, 300, "EVIL")
    canvas.endForm()
    canvas.doForm("form")


def replaced(canvas: Canvas) -> None:
    """Draw one text and give extraction another (ISO 32000-1, 14.9.4)."""
    canvas._code.append("/Span << /ActualText (EVIL) >> BDC")
    canvas.drawString(50, 300, "drawn")
    canvas._code.append("EMC")


TRICKS: list[tuple[str, Draw, str]] = [
    ("render mode 3", invisible, "pdf-invisible-render-mode"),
    ("render mode 7", lambda c: invisible(c, 7), "pdf-invisible-render-mode"),
    ("white on white", lambda c: coloured(c, 1), "pdf-text-colour"),
    ("near white", lambda c: coloured(c, 0.97), "pdf-text-colour"),
    ("grey on grey", lambda c: boxed(c, "EVIL", 0.5, 0.5), "pdf-text-colour"),
    ("white over a line", lambda c: (c.line(50, 303, 90, 303), coloured(c, 1)), "pdf-text-colour"),
    ("tiny font", lambda c: tiny(c, by_scale=False), "pdf-tiny-font"),
    ("tiny scale", lambda c: tiny(c, by_scale=True), "pdf-tiny-font"),
    ("left of the page", lambda c: c.drawString(-500, 80, "EVIL"), "pdf-off-page"),
    ("above the page", lambda c: c.drawString(50, 2_000, "EVIL"), "pdf-off-page"),
    (
        "outside the crop box",
        lambda c: (c.setCropBox((0, 400, 600, 800)), c.drawString(50, 300, "EVIL")),
        "pdf-off-page",
    ),
    ("transparent", transparent, "pdf-transparent"),
    ("covered", covered, "pdf-covered"),
    ("clipped", clipped, "pdf-covered"),
    ("white in a form", in_form, "pdf-text-colour"),
    ("replacement text", replaced, "pdf-actual-text"),
    ("annotation", lambda c: c.textAnnotation("EVIL", Rect=[10, 10, 50, 50]), "annotation"),
    ("subject", lambda c: c.setSubject("EVIL"), "metadata"),
    ("keywords", lambda c: c.setKeywords("EVIL"), "metadata"),
]

SHOWN: list[tuple[str, Draw]] = [
    ("white on blue", lambda c: boxed(c, "SEEN", 0.2, 1)),
    ("black on grey", lambda c: boxed(c, "SEEN", 0.7, 0)),
    ("faint grey", lambda c: (c.setFillGray(0.75), c.drawString(50, 300, "SEEN"))),
    ("five points", lambda c: (c.setFont("Helvetica", 5), c.drawString(50, 300, "SEEN"))),
    ("heavy type", lambda c: (c.setFont("Helvetica-Bold", 70), c.drawString(50, 300, "SEEN"))),
    ("rotated", lambda c: (c.rotate(90), c.drawString(100, -300, "SEEN"))),
]


@pytest.mark.parametrize(("draw", "reason"), [t[1:] for t in TRICKS], ids=[t[0] for t in TRICKS])
def test_hidden_text_is_apart_with_its_reason(draw: Draw, reason: str) -> None:
    """Text that is not drawn for a reader leaves the visible text and keeps why."""
    document = read(draw)
    assert SEEN in document.text
    assert "EVIL" not in document.text
    assert [h.reason for h in document.hidden if "EVIL" in h.text] == [reason]


@pytest.mark.parametrize("draw", [t[1] for t in SHOWN], ids=[t[0] for t in SHOWN])
def test_shown_text_stays_visible(draw: Draw) -> None:
    """What a reader can make out stays."""
    document = read(draw)
    assert "SEEN" in document.text
    assert not [h for h in document.hidden if "SEEN" in h.text]


def test_drawn_text_wins_over_its_replacement() -> None:
    """The visible text is what the page draws, not what ``/ActualText`` says."""
    assert read(replaced).text == f"{SEEN}\ndrawn"


def test_title_pages_and_places() -> None:
    """The title, the count of pages and the page of hidden text are kept."""

    def two_pages(canvas: Canvas) -> None:
        canvas.setTitle("Harbour rules")
        canvas.showPage()
        coloured(canvas, 1)

    document = read(two_pages)
    assert (document.title, document.metadata["pages"]) == ("Harbour rules", 2)
    assert [h.where for h in document.hidden if "EVIL" in h.text] == ["page 2"]


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (lambda data: b"", LoadError, "the file is empty"),
        (lambda data: data[: len(data) // 2], LoadError, "a truncated PDF"),
        (lambda data: data[:200] + b"\n%%EOF\n", LoadError, "a damaged PDF"),
        (lambda data: b"just words", LoadError, "the name says PDF, the content is not"),
    ],
)
def test_damaged_files_are_refused(
    refuse_one: Callable[..., LoadFailure],
    spoil: Callable[[bytes], bytes],
    kind: type[InputError],
    message: str,
) -> None:
    """Empty, truncated and broken files are a clear error."""
    failure = refuse_one(spoil(pdf(lambda c: None)), "a.pdf")
    assert type(failure.error) is kind
    assert message in str(failure.error)


def test_encrypted_files_are_refused(refuse_one: Callable[..., LoadFailure]) -> None:
    """A password is asked for in plain words."""
    data = pdf(lambda c: None, encrypt=StandardEncryption("secret", "owner"))
    assert "an encrypted PDF" in str(refuse_one(data, "a.pdf").error)


def test_page_and_text_limits(refuse_one: Callable[..., LoadFailure]) -> None:
    """More pages or characters than allowed are limit errors."""
    data = pdf(lambda c: c.showPage())
    pages = refuse_one(data, "a.pdf", LoadSettings(max_pages=1))
    text = refuse_one(data, "a.pdf", LoadSettings(max_text_chars=10))
    assert isinstance(pages.error, LimitError)
    assert "2 pages, the limit is 1" in str(pages.error)
    assert "more than 10 characters" in str(text.error)
