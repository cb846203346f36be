"""E-mail: what a mail program shows, what it does not, and attachments as their own documents."""

from collections.abc import Callable
from email.message import EmailMessage

import pytest
from ragbastion.core.errors import LimitError, LoadError
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders import LoadedDocument, LoadFailure, load_bytes
from ragbastion.ingest.loaders.email_message import load

SEEN = "The fee is 40 dollars."
HTML = f"<p>{SEEN}</p>"


def mail(plain: str = SEEN, html: str = "", **headers: str) -> EmailMessage:
    """Return a message; underscores in header names stand for hyphens."""
    message = EmailMessage()
    message["Subject"] = "Pier fees"
    message["From"] = "Ada <ada@example.org>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(plain)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def with_margin(message: EmailMessage) -> EmailMessage:
    """Write before the first part."""
    message.preamble = "EVIL"
    return message


def read(message: EmailMessage) -> LoadedDocument:
    """Load the message itself in this process."""
    document = next(load(message.as_bytes(), "m.eml", LoadSettings()))
    assert isinstance(document, LoadedDocument)
    return document


TRICKS = [
    ("header", mail(X_Note="EVIL"), "email-header"),
    ("reply-to", mail(Reply_To="EVIL <a@example.org>"), "email-header"),
    ("hidden in html", mail(html=f"{HTML}<p hidden>EVIL</p>"), "hidden-attribute"),
    ("white in html", mail(html=f"{HTML}<p style='color:#fff'>EVIL</p>"), "css-text-colour"),
    ("comment in html", mail(html=f"{HTML}<!-- EVIL -->"), "comment"),
    ("only in the plain part", mail(f"{SEEN}\nEVIL words", HTML), "alternative-part"),
    ("preamble", with_margin(mail(html=HTML)), "mime-preamble"),
]


@pytest.mark.parametrize(("message", "reason"), [t[1:] for t in TRICKS], ids=[t[0] for t in TRICKS])
def test_hidden_text_is_apart_with_its_reason(message: EmailMessage, reason: str) -> None:
    """Text that a mail program does not show leaves the visible text and keeps why."""
    document = read(message)
    assert document.text == f"Subject: Pier fees\nFrom: Ada <ada@example.org>\n\n{SEEN}"
    assert [h.reason for h in document.hidden if "EVIL" in h.text] == [reason]


def test_second_subject_is_hidden() -> None:
    """Only the first of a shown header is shown."""
    raw = b"Subject: Pier fees\r\nsubject: EVIL\r\n\r\n" + SEEN.encode()
    document = next(load(raw, "m.eml", LoadSettings()))
    assert isinstance(document, LoadedDocument)
    assert document.text == f"Subject: Pier fees\n\n{SEEN}"
    assert [(h.reason, h.text) for h in document.hidden] == [("email-header", "EVIL")]


def test_plain_part_that_says_the_same_hides_nothing() -> None:
    """Line breaks, marks and addresses of links are no difference."""
    html = '<p>The <b>fee</b> is 40 dollars. See <a href="http://x.org/a">the pier</a>.</p>'
    document = read(mail("The *fee* is\n40 dollars. See\nthe pier <http://x.org/a>.", html))
    assert document.hidden == ()


def test_headers_are_decoded() -> None:
    """Encoded words come as text, the title is the subject."""
    raw = b"Subject: =?utf-8?q?Pi=C3=A8r?=\r\nTo: b@example.org\r\n\r\nx"
    document = next(load(raw, "m.eml", LoadSettings()))
    assert isinstance(document, LoadedDocument)
    assert (document.title, document.text) == ("Pièr", "Subject: Pièr\nTo: b@example.org\n\nx")


def test_attachments_are_documents_of_their_own(settings: LoadSettings) -> None:
    """Each is loaded by its content's loader, named under the message, with its own bytes."""
    message = mail()
    message.add_attachment(b"pier,fee\nEast,40\n", "text", "csv", filename="fees.csv")
    message.add_attachment(HTML.encode(), "application", "x", filename="../../etc/page.html")
    message.add_attachment(b"note", "text", "plain", filename="fees.csv")
    message.add_attachment(mail("inner text"))
    first, *rest = load_bytes(message.as_bytes(), "m.eml", settings)
    assert isinstance(first, LoadedDocument)
    assert first.metadata["attachments"] == 4
    assert [(d.document, d.text) for d in rest if isinstance(d, LoadedDocument)] == [
        ("m.eml/fees.csv", "pier: East\nfee: 40"),
        ("m.eml/page.html", SEEN),
        ("m.eml/2-fees.csv", "note"),
        ("m.eml/attachment-4.eml", "Subject: Pier fees\nFrom: Ada <ada@example.org>\n\ninner text"),
    ]
    assert isinstance(rest[0], LoadedDocument)
    assert rest[0].raw == b"pier,fee\nEast,40\n"


def test_bad_attachment_fails_alone(settings: LoadSettings) -> None:
    """The message and the other attachments still load."""
    message = mail()
    message.add_attachment(b"\x89PNG\r\n\x1a\n", "image", "png", filename="x.png")
    message.add_attachment(b"%PDF-1.7 broken", "application", "pdf", filename="x.pdf")
    message.add_attachment(b"fine", "text", "plain", filename="x.txt")
    found = list(load_bytes(message.as_bytes(), "m.eml", settings))
    assert [type(item) for item in found] == [
        LoadedDocument,
        LoadFailure,
        LoadFailure,
        LoadedDocument,
    ]
    assert [item.path for item in found if isinstance(item, LoadFailure)] == [
        "m.eml/x.png",
        "m.eml/x.pdf",
    ]


def test_pictures_of_the_layout_are_counted_not_refused(settings: LoadSettings) -> None:
    """An inline image is no attachment to a reader."""
    message = EmailMessage()
    message.set_content(HTML + "<img src='cid:x'>", subtype="html")
    message["Subject"] = "Pier fees"
    message.add_related(b"\x89PNG\r\n\x1a\n", "image", "png", cid="<x>", disposition="inline")
    [document] = load_bytes(message.as_bytes(), "m.eml", settings)
    assert isinstance(document, LoadedDocument)
    assert document.metadata["inline_images_skipped"] == 1


def many_parts(count: int) -> bytes:
    """Return a message of that many attachments."""
    part = b'--b\r\nContent-Disposition: attachment; filename="a.txt"\r\n\r\nx\r\n'
    head = b"Subject: many\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head + part * count + b"--b--\r\n"


def nested(kind: bytes, depth: int) -> bytes:
    """Return a message of multiparts, or of messages, inside each other."""
    if kind == b"message":
        return b"Subject: x\r\nContent-Type: message/rfc822\r\n\r\n" * depth + b"\r\nx"
    steps = (
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n)
        for n in range(depth)
    )
    return b"Subject: x\r\n" + b"".join(steps) + b"\r\nx"


@pytest.mark.parametrize(
    "data",
    [many_parts(1_000), many_parts(250), nested(b"multipart", 1_000), nested(b"message", 1_000)],
    ids=["1000 parts", "250 parts", "nested multiparts", "nested messages"],
)
def test_too_many_parts_are_a_limit(refuse_one: Callable[..., LoadFailure], data: bytes) -> None:
    """A message of more parts, or deeper, than allowed is refused."""
    failure = refuse_one(data, "m.eml")
    assert isinstance(failure.error, LimitError)


def test_a_forwarded_chain_ends(settings: LoadSettings) -> None:
    """Messages in messages are followed eight deep and no further."""
    message = mail("innermost")
    for _ in range(10):
        outer = mail("outer")
        outer.add_attachment(message)
        message = outer
    found = list(load_bytes(message.as_bytes(), "m.eml", settings))
    assert len([item for item in found if isinstance(item, LoadedDocument)]) == 8
    assert isinstance(found[-1], LoadFailure)
    assert "messages nested deeper than 8" in str(found[-1].error)


def test_text_without_headers_is_no_mail(refuse_one: Callable[..., LoadFailure]) -> None:
    """A file that is named as a message and is none is refused."""
    failure = refuse_one("hello there", "m.eml")
    assert isinstance(failure.error, LoadError)
    assert "not an e-mail" in str(failure.error)


@pytest.mark.parametrize(
    "header",
    [b"Subject: =?utf-8?b?/////w==?=", b"From: <<<@>>", b"To: a:b;c:", b"Date: " + b"9" * 5_000],
)
def test_hostile_headers_do_not_stop_the_mail(
    load_one: Callable[..., LoadedDocument], header: bytes
) -> None:
    """A header that does not parse comes as it stands, or not, and the body still loads."""
    assert load_one(header + b"\r\nX-A: b\r\n\r\nbody text", "m.eml").text.endswith("body text")
