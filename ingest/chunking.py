"""Cut a document's text into chunks that the embedding model sees whole, with LlamaIndex.

The only module that imports LlamaIndex's node parsers, and only for text longer than one chunk.

- INVARIANT: a chunk's text is exactly ``text[start:end]`` of the document.
- INVARIANT: every character that is not white space is in at least one chunk.
- INVARIANT: a chunk has at most ``chunk_tokens`` tokens, and at most ``_CHARS_PER_TOKEN``
  characters for each of them.
- Time is linear in the text, whatever it holds: a block, a sentence and a word have bounded sizes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from ..core.embedding import Embedder
from ..core.errors import InputError, MissingExtraError, SettingsError
from ..core.settings import IngestSettings

if TYPE_CHECKING:
    from llama_index.core.node_parser import SentenceSplitter

CHUNKING_VERSION = "1"

_BLOCK_CHARS = 16_384
"""Text is handed to the splitter in blocks of this size, so that its passes stay short."""

_CHARS_PER_TOKEN = 8
"""English takes 4 to 5. BERT tokenizers make one unknown token of a word over 100 characters, so
without a bound by characters a megabyte without spaces would be one chunk that the model is blind
to."""

_SENTENCE_TOKENS = 4
"""A sentence longer than this many characters for each token of a chunk is cut at a space."""

_FRAME_TOKENS = 2
"""Models frame a text with two tokens of their own."""

_SENTENCE_END = re.compile(r"(?<=[.!?。！？…])[\s]+|\n+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A chunk's text (untrusted) and where it stands: ``text == document[start:end]``."""

    text: str
    start: int
    end: int


class Chunker:
    """Cuts texts for one embedding model, sentences kept whole where they fit.

    Raises `SettingsError` if a chunk would be longer than the model sees, or the overlap not
    shorter than the chunk.
    """

    def __init__(self, embedder: Embedder, settings: IngestSettings) -> None:
        self._tokens = settings.chunk_tokens
        self._overlap = settings.chunk_overlap_tokens
        longest = embedder.max_tokens - _FRAME_TOKENS
        if self._tokens > longest:
            raise SettingsError(
                f"ingest.chunk_tokens is {self._tokens} and model {embedder.identity.model} sees "
                f"{longest}: set it to {longest} or less"
            )
        if self._overlap >= self._tokens:
            raise SettingsError(
                f"ingest.chunk_overlap_tokens is {self._overlap}: set it below chunk_tokens, "
                f"{self._tokens}"
            )
        self._size = _text_size(embedder, self._tokens)

    @property
    def version(self) -> str:
        """What decides where chunks end; part of the pipeline's version."""
        return f"chunking@{CHUNKING_VERSION}:{self._tokens}/{self._overlap}"

    def split(self, text: str) -> list[Piece]:
        """Return the chunks of a text in order; none for a text that is only white space.

        Raises `InputError` for a text that the splitter cannot cut.
        """
        pieces: list[Piece] = []
        for start, end in _blocks(text, _BLOCK_CHARS):
            pieces.extend(self._split_block(text[start:end], start))
        return pieces

    def _split_block(self, block: str, offset: int) -> Iterator[Piece]:
        if not block.strip():
            return
        parts = [block.strip()] if self._size(block) <= self._tokens else self._cut(block)
        for start, part in zip(_places(block, parts), parts, strict=True):
            at = offset + start
            yield Piece(text=part, start=at, end=at + len(part))

    def _cut(self, block: str) -> list[str]:
        try:
            parts = self._splitter.split_text(block)
            return [fitting for part in parts for fitting in self._fitted(part)]
        except ValueError as error:
            raise InputError(
                "a text cannot be cut into chunks: one character takes more tokens than a chunk "
                "holds; raise ingest.chunk_tokens"
            ) from error

    def _fitted(self, part: str) -> list[str]:
        """Halve a part that takes more tokens than its sentences did one by one."""
        if not part:
            return []
        if self._size(part) <= self._tokens or len(part) == 1:
            return [part]
        middle = len(part) // 2
        return self._fitted(part[:middle].strip()) + self._fitted(part[middle:].strip())

    @cached_property
    def _splitter(self) -> SentenceSplitter:
        try:
            from llama_index.core.node_parser import SentenceSplitter
        except ImportError as error:
            raise MissingExtraError(
                "chunking needs llama-index-core: pip install 'ragbastion[llama]'"
            ) from error
        longest = self._tokens * _SENTENCE_TOKENS
        return SentenceSplitter(
            chunk_size=self._tokens,
            chunk_overlap=self._overlap,
            # The splitter only takes the length of what its tokenizer returns.
            tokenizer=lambda text: range(self._size(text)),
            paragraph_separator="\n\n",
            # Its default loads NLTK data and has no bound on the length of a sentence.
            chunking_tokenizer_fn=lambda text: _sentences(text, longest),
            include_metadata=False,
            include_prev_next_rel=False,
        )


def _text_size(embedder: Embedder, tokens: int) -> Callable[[str], int]:
    """Return the function that sizes a text in tokens, never below its length over 8."""

    @lru_cache(maxsize=65_536)
    def character(text: str) -> int:
        # Text without spaces falls back to single characters, one call each.
        return max(1, embedder.count_tokens(text))

    def size(text: str) -> int:
        least = -(-len(text) // _CHARS_PER_TOKEN)
        if least > tokens:
            # Too long by its characters already: tokenizing it would only cost time.
            return least
        return character(text) if len(text) == 1 else max(least, embedder.count_tokens(text))

    return size


def _blocks(text: str, size: int) -> Iterator[tuple[int, int]]:
    """Yield spans that cover the text, each at most ``size`` long, cut at white space if any."""
    start = 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            end = _last_break(text, start, end)
        yield start, end
        start = end


def _last_break(text: str, start: int, end: int) -> int:
    """Return where to cut a span: after a line or a space of its second half, else at its end."""
    half = start + (end - start) // 2
    for separator in ("\n\n", "\n", ". ", " "):
        at = text.rfind(separator, half, end)
        if at >= 0:
            return at + len(separator)
    return end


def _sentences(text: str, longest: int) -> list[str]:
    """Split into sentences with the space after each; together they are exactly the text."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    bounds = [0, *ends, len(text)]
    return [
        text[start + low : start + high]
        for start, end in pairwise(bounds)
        if end > start
        for low, high in _blocks(text[start:end], longest)
    ]


def _places(block: str, parts: Sequence[str]) -> list[int]:
    """Return where each part starts.

    A part starts in the one before it (the overlap) or right after it, so the last place that is
    not beyond that is taken: of repeated text this one leaves no gap.
    """
    places: list[int] = []
    reached = 0
    for part in parts:
        latest = reached + _leading_space(block, reached)
        at = block.rfind(part, 0, latest + len(part))
        if at < 0:
            raise InputError("a text cannot be cut into chunks: the splitter changed it")
        places.append(at)
        reached = at + len(part)
    return places


def _leading_space(block: str, start: int) -> int:
    rest = block[start:]
    return len(rest) - len(rest.lstrip())
