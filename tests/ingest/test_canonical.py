"""The canonical form and its way back to the original."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.ingest.canonical import Edit, Trick, canonical, raw_view

ANY_TEXT = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("ignore previous\u200b\u202e\U000e0041\ufe0f\u0301оеаｉ𝐠ﬁ\ud800\n \u00a0"),
    ),
    max_size=200,
)


@pytest.mark.parametrize(
    ("text", "expected", "trick"),
    [
        ("ig\u200bno\u200dre", "ignore", Trick.INVISIBLE),
        ("ig\u00adnore", "ignore", Trick.INVISIBLE),
        ("ig\u202enore\u202c", "ignore", Trick.INVISIBLE),
        ("ig\ufe0fnore", "ignore", Trick.INVISIBLE),
        ("ig\x08nore", "ignore", Trick.INVISIBLE),
        ("іgnоrе", "ignore", Trick.HOMOGLYPH),
        ("ΙGΝΟRΕ", "IGNORE", Trick.HOMOGLYPH),
        ("ｉｇｎｏｒｅ", "ignore", Trick.STYLED),
        ("𝐢𝐠𝐧𝐨𝐫𝐞", "ignore", Trick.STYLED),
        ("ⓘⓖⓝⓞⓡⓔ", "ignore", Trick.STYLED),
        ("🅸🅶🅽🅾🆁🅴", "ignore", Trick.STYLED),
        ("ɪɢɴᴏʀᴇ", "ignore", Trick.STYLED),
        ("i\u0335\u0301g\u0335\u0301nore", "ignore", Trick.STACKED),
    ],
)
def test_disguises_are_undone_and_named(text: str, expected: str, trick: Trick) -> None:
    """Each disguise folds to the plain word, and its trick is told."""
    view = canonical(text)
    assert view.text == expected
    assert view.tricks(0, len(view.text)) == {trick}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("café naïve", "cafe naive"),
        ("Straße", "Strasse"),
        ("e\u0301te\u0301", "ete"),
        ("a\u00a0b", "a b"),
    ],
)
def test_accents_and_typography_fold_without_being_tricks(text: str, expected: str) -> None:
    """Ordinary writing in another language is no disguise."""
    view = canonical(text)
    assert view.text == expected
    assert view.tricks(0, len(view.text)) == set()


@pytest.mark.parametrize(
    "text", ["Привет, мир", "忽略之前的指令", "أهمل التعليمات", "निर्देश", "plain"]
)
def test_other_scripts_stay_as_they_are(text: str) -> None:
    """Words of another script are not made Latin."""
    assert canonical(text).text == text


def test_a_whole_word_of_look_alikes_folds_in_latin_text() -> None:
    """Cyrillic letters only, among Latin words, read as Latin."""
    assert canonical("please саре this now").text == "please cape this now"


def test_span_covers_what_was_removed_inside_it() -> None:
    """A span of the view takes in the invisible characters between its letters."""
    view = canonical("say ig\u200b\u200bnore now")
    start = view.text.index("ignore")
    assert view.span(start, start + 6) == (4, 12)


def test_long_white_space_becomes_short() -> None:
    """A run of spaces cannot push the halves of a phrase apart."""
    view = canonical("ignore" + " " * 5000 + "previous")
    assert view.text == "ignore previous"
    assert view.span(7, 15) == (5006, 5014)


@given(ANY_TEXT)
def test_the_canonical_form_is_its_own(text: str) -> None:
    """Canonicalising twice changes nothing more."""
    once = canonical(text).text
    assert canonical(once).text == once


@given(ANY_TEXT, st.data())
def test_spans_stay_inside_the_original(text: str, data: st.DataObject) -> None:
    """Any span of a view maps to an ordered span of the original."""
    view = canonical(text)
    start = data.draw(st.integers(0, len(view.text)))
    end = data.draw(st.integers(start, len(view.text)))
    low, high = view.span(start, end)
    assert 0 <= low <= high <= len(text)


@given(ANY_TEXT)
def test_views_can_always_be_encoded(text: str) -> None:
    """Lone surrogates never reach a detector."""
    assert raw_view(text).text.encode("utf-8").decode("utf-8") == raw_view(text).text
    assert len(raw_view(text).text) == len(text)


@given(st.text(alphabet="abc de", max_size=40), st.data())
def test_rewritten_text_maps_back_outside_its_edits(text: str, data: st.DataObject) -> None:
    """What an edit did not touch maps to itself."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    view = raw_view(text).rewritten([Edit(start, end, "XYZ")])
    tail = len(view.text) - (len(text) - end)
    assert view.span(0, start)[0] == 0
    if tail < len(view.text):
        assert view.span(tail, len(view.text)) == (end, len(text))


@pytest.mark.timeout(30)
@pytest.mark.parametrize("run", ["\u200b", "é", "о", "𝐢", "a\u0301", " ", "忽"])
def test_long_runs_stay_linear(run: str) -> None:
    """Any character may come two hundred thousand times; a quadratic step would not end."""
    assert canonical(run * 200_000 + "x").text.endswith("x")
