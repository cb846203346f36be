"""Chunks are exact pieces of the text, cover it, and are never longer than the model sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import SettingsError
from ragbastion.core.sentence_transformer import SentenceTransformerEmbedder
from ragbastion.core.settings import IngestSettings
from ragbastion.ingest.chunking import Chunker, Piece

if TYPE_CHECKING:
    from conftest import HashingEmbedder

SMALL = IngestSettings(chunk_tokens=16, chunk_overlap_tokens=4)
PARTS = ["a", "bc ", "Harbour ", "six. ", "\n", "\n\n", "。", "海", "!? ", "é", "😀", " "]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=300).map("".join) | st.text(max_size=300)


def uncovered(text: str, pieces: list[Piece]) -> str:
    """Return the characters, white space aside, that no piece holds."""
    held = {at for piece in pieces for at in range(piece.start, piece.end)}
    return "".join(c for at, c in enumerate(text) if at not in held and not c.isspace())


@given(text=TEXTS)
@settings(max_examples=150, deadline=None)
def test_chunks_are_exact_cover_and_fit(text: str, embedder: HashingEmbedder) -> None:
    """Each chunk is its span of the text, nothing but white space is left out, none is too long."""
    pieces = Chunker(embedder, SMALL).split(text)
    assert [piece.text for piece in pieces] == [text[p.start : p.end] for p in pieces]
    assert uncovered(text, pieces) == ""
    assert all(embedder.count_tokens(piece.text) <= 16 for piece in pieces)
    assert all(len(piece.text) <= 128 for piece in pieces)


def test_short_text_is_one_chunk(embedder: HashingEmbedder) -> None:
    """A text that fits is one chunk, without the space around it."""
    pieces = Chunker(embedder, SMALL).split("  The harbour opens.\n")
    assert pieces == [Piece(text="The harbour opens.", start=2, end=20)]


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_blank_text_has_no_chunks(text: str, embedder: HashingEmbedder) -> None:
    """White space makes no chunk."""
    assert Chunker(embedder, SMALL).split(text) == []


def test_sentences_stay_whole(embedder: HashingEmbedder) -> None:
    """Where sentences fit, chunks end with one."""
    text = "The harbour opens at six in the morning. " * 12
    pieces = Chunker(embedder, SMALL).split(text)
    assert {piece.text[-8:] for piece in pieces} == {"morning."}


def test_repeated_text_leaves_no_gap(embedder: HashingEmbedder) -> None:
    """Chunks of one sentence repeated are told apart by their places."""
    text = "Six. " * 500
    assert uncovered(text, Chunker(embedder, SMALL).split(text)) == ""


@pytest.mark.parametrize(
    "text", ["a" * 2_000_000, "海" * 100_000, "\n" * 2_000_000, ". " * 100_000]
)
def test_hostile_text_is_cut(text: str, embedder: HashingEmbedder) -> None:
    """Text without spaces, or of nothing else, is cut into bounded chunks."""
    pieces = Chunker(embedder, IngestSettings()).split(text)
    assert uncovered(text, pieces) == ""
    assert max((len(piece.text) for piece in pieces), default=0) <= 220 * 8


def test_chunk_longer_than_the_model_sees_is_refused(embedder: HashingEmbedder) -> None:
    """A chunk size that the model would cut is a settings error that names the limit."""
    with pytest.raises(SettingsError, match="sees 254: set it to 254 or less"):
        Chunker(embedder, IngestSettings(chunk_tokens=255))


def test_overlap_as_long_as_the_chunk_is_refused(embedder: HashingEmbedder) -> None:
    """An overlap that is not shorter than the chunk is a settings error."""
    with pytest.raises(SettingsError, match="below chunk_tokens, 16"):
        Chunker(embedder, IngestSettings(chunk_tokens=16, chunk_overlap_tokens=16))


def test_real_model_sees_every_chunk_whole() -> None:
    """With the default model no chunk passes its limit, unknown words and scripts included."""
    embedder = SentenceTransformerEmbedder()
    text = "Überfahrt nach Łódź at 07:45, pier 12b; " * 60 + "海港六时开门" * 60 + "x" * 5_000
    pieces = Chunker(embedder, IngestSettings()).split(text)
    assert max(embedder.count_tokens(piece.text) for piece in pieces) <= 220
    assert max(len(piece.text) for piece in pieces) <= 1_760
    assert uncovered(text, pieces) == ""
