"""HTML: what a browser shows is visible, everything else is hidden with its reason."""

import pytest
from ragbastion.core.errors import LimitError
from ragbastion.core.settings import LoadSettings
from ragbastion.ingest.loaders.html_page import Page, read_page

SEEN = "<p>The harbour opens at six.</p>"

TRICKS = [
    ("hidden attribute", "<p hidden>EVIL</p>", "hidden-attribute"),
    ("hidden until found", "<p hidden=until-found>EVIL</p>", "hidden-attribute"),
    ("closed dialog", "<dialog>EVIL</dialog>", "hidden-attribute"),
    ("popover", "<div popover>EVIL</div>", "hidden-attribute"),
    ("display none", "<p style='display:none'>EVIL</p>", "css-display-none"),
    (
        "display none in capitals",
        "<p style='DISPLAY: NONE !important'>EVIL</p>",
        "css-display-none",
    ),
    ("display none with escape", r"<p style='display:n\6fne'>EVIL</p>", "css-display-none"),
    ("content-visibility", "<p style='content-visibility:hidden'>EVIL</p>", "css-display-none"),
    ("visibility", "<p style='visibility:hidden'>EVIL</p>", "css-visibility-hidden"),
    ("visibility collapse", "<p style='visibility:collapse'>EVIL</p>", "css-visibility-hidden"),
    ("opacity", "<p style='opacity:0'>EVIL</p>", "css-opacity"),
    ("opacity percent", "<p style='opacity:1%'>EVIL</p>", "css-opacity"),
    ("filter opacity", "<p style='filter:opacity(0)'>EVIL</p>", "css-opacity"),
    ("font size zero", "<p style='font-size:0'>EVIL</p>", "css-tiny-font"),
    ("font size 1px", "<p style='font-size:1px'>EVIL</p>", "css-tiny-font"),
    ("font shorthand", "<p style='font:0/0 a'>EVIL</p>", "css-tiny-font"),
    (
        "font size by ems",
        "<div style='font-size:.3em'><div style='font-size:.3em'>EVIL</div></div>",
        "css-tiny-font",
    ),
    ("left", "<p style='position:absolute;left:-9999px'>EVIL</p>", "css-off-screen"),
    ("top in ems", "<p style='position:fixed;top:-200em'>EVIL</p>", "css-off-screen"),
    (
        "right calc",
        "<p style='position:absolute;right:calc(1px - 5000px)'>EVIL</p>",
        "css-off-screen",
    ),
    ("left in vw", "<p style='position:absolute;left:-100vw'>EVIL</p>", "css-off-screen"),
    ("margin", "<p style='margin-left:-9999px'>EVIL</p>", "css-off-screen"),
    ("text indent", "<p style='text-indent:-9999px'>EVIL</p>", "css-off-screen"),
    ("translate", "<p style='transform:translateX(-9999px)'>EVIL</p>", "css-off-screen"),
    ("scale", "<p style='transform:scale(0)'>EVIL</p>", "css-zero-size"),
    ("clip", "<p style='position:absolute;clip:rect(0,0,0,0)'>EVIL</p>", "css-clip"),
    ("clip path", "<p style='clip-path:inset(100%)'>EVIL</p>", "css-clip"),
    ("clip circle", "<p style='clip-path:circle(0)'>EVIL</p>", "css-clip"),
    ("zero box", "<p style='height:0;overflow:hidden'>EVIL</p>", "css-zero-size"),
    ("one pixel box", "<p style='max-width:1px;overflow-x:hidden'>EVIL</p>", "css-zero-size"),
    ("white on white", "<p style='color:#fff'>EVIL</p>", "css-text-colour"),
    ("near white", "<p style='color:rgb(250 250 250)'>EVIL</p>", "css-text-colour"),
    ("hsl white", "<p style='color:hsl(0 0% 100%)'>EVIL</p>", "css-text-colour"),
    ("font tag", "<font color=white>EVIL</font>", "css-text-colour"),
    ("bgcolor", "<table bgcolor=navy><td style='color:navy'>EVIL</table>", "css-text-colour"),
    (
        "inherited colours",
        "<div style='background:#123'><b style='color:#123'><i>EVIL</i></b></div>",
        "css-text-colour",
    ),
    ("faint alpha", "<p style='color:rgba(0,0,0,.01)'>EVIL</p>", "css-transparent-text"),
    ("transparent", "<p style='color:transparent'>EVIL</p>", "css-transparent-text"),
    ("fill", "<p style='-webkit-text-fill-color:transparent'>EVIL</p>", "css-transparent-text"),
    (
        "gradient of one colour",
        "<p style='background:linear-gradient(#000,#000);color:#000'>EVIL</p>",
        "css-text-colour",
    ),
    (
        "variable",
        "<div style='--c:white'><p style='color:var(--c)'>EVIL</p></div>",
        "css-text-colour",
    ),
    ("variable fallback", "<p style='color:var(--no, white)'>EVIL</p>", "css-text-colour"),
    ("rule by class", "<style>.x{display:none}</style><p class=x>EVIL</p>", "css-display-none"),
    ("rule by id and tag", "<style>p#y{opacity:0}</style><p id=y>EVIL</p>", "css-opacity"),
    (
        "rule by position",
        "<style>div p:nth-child(1){display:none}</style><div><p>EVIL</div>",
        "css-display-none",
    ),
    (
        "rule in media",
        "<style>@media screen{.x{display:none}}</style><p class=x>EVIL</p>",
        "css-display-none",
    ),
    (
        "nested rule",
        "<style>.a{& .x{display:none}}</style><div class=a><p class=x>EVIL</div>",
        "css-display-none",
    ),
    (
        "invalid later value",
        "<style>p.x{color:#fff;color:nonsense}</style><p class=x>EVIL</p>",
        "css-text-colour",
    ),
    (
        "more specific rule",
        "<style>#z{display:none}p{display:block}</style><p id=z>EVIL</p>",
        "css-display-none",
    ),
    ("comment", "<!-- EVIL -->", "comment"),
    ("style comment", "<style>/* EVIL */</style>", "comment"),
    ("generated content", "<style>p::before{content:'EVIL'}</style>", "css-generated-content"),
    ("template", "<template><p>EVIL</p></template>", "html-template"),
    ("noscript", "<noscript><p>EVIL</p></noscript>", "html-noscript"),
    ("noscript ended early", "<p><noscript></p>EVIL</noscript>", "html-noscript"),
    ("iframe fallback", "<iframe>EVIL</iframe>", "html-fallback"),
    ("srcdoc", "<iframe srcdoc='EVIL'></iframe>", "iframe-srcdoc"),
    ("object fallback", "<object>EVIL</object>", "html-fallback"),
    ("alt", "<img alt='EVIL'>", "alt-text"),
    ("title", "<b title='EVIL'>b</b>", "title-attribute"),
    ("aria-label", "<b aria-label='EVIL'>b</b>", "aria-label"),
    ("data", "<b data-note='EVIL words'>b</b>", "data-attribute"),
    ("meta", "<meta name=description content='EVIL'>", "metadata"),
    ("hidden input", "<input type=hidden value='EVIL'>", "hidden-input"),
    ("json script", '<script type=\'application/ld+json\'>{"a": "EVIL"}</script>', "script-data"),
    ("aria-hidden", "<p aria-hidden=true>EVIL</p>", "aria-hidden"),
    ("svg title", "<svg><title>EVIL</title></svg>", "svg-description"),
]

SHOWN = [
    ("light on dark", "<div style='background:#222'><p style='color:#fff'>SEEN</p></div>"),
    (
        "light on an image",
        "<div style='background:url(a.png)'><p style='color:#fff'>SEEN</p></div>",
    ),
    (
        "letters clipped from a gradient",
        "<p style='background:linear-gradient(red,blue);background-clip:text;color:#0000'>SEEN</p>",
    ),
    (
        "visible child",
        "<div style='visibility:hidden'><p style='visibility:visible'>SEEN</p></div>",
    ),
    ("print rule", "<style>@media print{p{display:none}}</style><p>SEEN</p>"),
    ("narrow screens", "<style>@media (max-width:600px){p{display:none}}</style><p>SEEN</p>"),
    (
        "dark scheme",
        "<style>@media (prefers-color-scheme:dark){p{display:none}}</style><p>SEEN</p>",
    ),
    ("hover", "<style>p:hover{display:none}</style><p>SEEN</p>"),
    ("overridden rule", "<style>p{display:none}p.y{display:block}</style><p class=y>SEEN</p>"),
    ("important rule", "<style>p{display:block!important}</style><p style='display:none'>SEEN</p>"),
    ("invalid value", "<p style='display:nonee'>SEEN</p>"),
    ("small print", "<p style='font-size:7px'>SEEN</p>"),
    ("faint grey", "<p style='color:#aaa'>SEEN</p>"),
    ("red on green", "<p style='background:#080;color:#f00'>SEEN</p>"),
    ("small shift", "<p style='position:relative;left:-20px'>SEEN</p>"),
    ("negative indent", "<p style='text-indent:-2em'>SEEN</p>"),
    ("details", "<details><summary>more</summary>SEEN</details>"),
    ("button input", "<input type=submit value=SEEN>"),
    ("svg text", "<svg><text>SEEN</text></svg>"),
]


def page(markup: str, settings: LoadSettings | None = None) -> Page:
    """Read markup with default limits."""
    return read_page(markup, "page.html", settings or LoadSettings())


@pytest.mark.parametrize(("markup", "reason"), [t[1:] for t in TRICKS], ids=[t[0] for t in TRICKS])
def test_hidden_text_is_apart_with_its_reason(markup: str, reason: str) -> None:
    """Text that a reader does not see leaves the visible text and keeps why."""
    found = page(f"<!doctype html><body>{SEEN}{markup}{SEEN}")
    assert "EVIL" not in found.text
    assert found.text.count("The harbour opens at six.") == 2
    assert [item.reason for item in found.hidden if "EVIL" in item.text] == [reason]


@pytest.mark.parametrize("markup", [t[1] for t in SHOWN], ids=[t[0] for t in SHOWN])
def test_shown_text_stays_visible(markup: str) -> None:
    """What looks like hiding and is not keeps its text."""
    found = page(f"<!doctype html><body>{SEEN}{markup}")
    assert "SEEN" in found.text
    assert not [item for item in found.hidden if "SEEN" in item.text]


def test_structure_stays_readable() -> None:
    """Blocks, list items, rows and preformatted text keep their lines."""
    found = page(
        "<h1>Fees</h1><p>One <b>two</b>,\n three<br>four<ul><li>a<li>b</ul>"
        "<table><tr><th>Pier<th>Fee<tr><td>East<td>40</table><pre>x  y\n z</pre>"
    )
    assert found.text == (
        "Fees\n\nOne two, three\nfour\n\n- a\n- b\n\nPier | Fee\nEast | 40\n\nx  y\n z"
    )


def test_title_leads_the_text_and_is_kept() -> None:
    """The title is what a browser shows in its tab: visible."""
    found = page("<title>Harbour  rules</title><p>Open.")
    assert (found.title, found.text) == ("Harbour rules", "Harbour rules\n\nOpen.")


def test_hidden_text_says_where_it_stood() -> None:
    """The place is the path of the element that hides it."""
    found = page("<div id=top><p>a</p><p hidden>b <i>c</i></p></div>")
    assert [(h.text, h.where) for h in found.hidden] == [
        ("b c", "html[1] > body[2] > div#top > p[2]")
    ]


def test_external_style_sheets_are_counted() -> None:
    """A page that is styled from elsewhere says so, since its rules are not known."""
    found = page("<link rel=stylesheet href=x.css><style>@import url(y.css);</style><p>a")
    assert found.external_styles == 2


@pytest.mark.parametrize("depth", [300, 4_000, 100_000])
def test_deep_nesting_is_a_limit(depth: int) -> None:
    """However deep the page, it is refused at once and without recursion."""
    with pytest.raises(LimitError, match=r"'page\.html' refused: nested deeper than 256"):
        page("<div>" * depth + "x")


def test_many_unclosed_paragraphs_are_not_deep() -> None:
    """Tags that close each other do not count as depth."""
    assert page("<p>a<br>" * 20_000).text.count("a") == 20_000


def test_many_hidden_places_are_joined_and_none_is_lost() -> None:
    """Past 2,000 items the rest of a reason comes as one."""
    found = page("".join(f"<!--c{n}-->" for n in range(2_500)))
    assert len(found.hidden) == 2_001
    assert found.hidden[-1].text.split() == [f"c{n}" for n in range(2_000, 2_500)]
