"""A leaf binds every field, in one way only."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import InputError
from ragbastion.ingest.provenance.canonical_metadata import canonical_metadata, storable_metadata
from ragbastion.ingest.provenance.leaf import chunk_leaf, encoded_leaf

from .conftest import make_chunks

SKETCH = bytes(24)
[CHUNK] = make_chunks(1)

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | _TEXT
_VALUE = st.recursive(
    _SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3)
)


@settings(max_examples=300)
@given(st.dictionaries(_TEXT, _VALUE, max_size=6))
def test_metadata_is_written_as_rfc_8785_says(metadata: dict[str, Any]) -> None:
    """The quick writer and the RFC's agree, whatever the metadata holds."""
    assert canonical_metadata(metadata) == rfc8785.dumps(storable_metadata(metadata))


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"b": "\x7f\u2028\U0001f512", "a": '"\\/\b\f\n\r\t\x00\x1f'},
        {"flags": ["b", "a"], "none": None, "yes": True, "n": -(2**53 - 1)},
        {1: "a", "1x": "b"},
        {True: "a", 1.5: "b"},
    ],
)
def test_plain_metadata_is_written_as_rfc_8785_says(metadata: dict[Any, Any]) -> None:
    """Escapes, lists, constants, the last exact integer, and keys that are no text."""
    assert canonical_metadata(metadata) == rfc8785.dumps(storable_metadata(metadata))


def test_leaf_is_written_as_documented() -> None:
    """The bytes are those of docs/provenance_formats.md, put together by hand."""
    chunk = replace(CHUNK, metadata={"b": 1, "a": "x"}, position=258)

    def text(value: str) -> bytes:
        return len(value.encode()).to_bytes(4, "big") + value.encode()

    by_hand = b"ragbastion/chunk/v2\x00" + b"".join(
        text(value)
        for value in ("uid", chunk.tenant, chunk.source, chunk.document, chunk.document_digest)
    )
    by_hand += text(chunk.id) + (258).to_bytes(8, "big")
    by_hand += hashlib.sha256(chunk.text.encode()).digest() + text('{"a":"x","b":1}')
    by_hand += len(SKETCH).to_bytes(4, "big") + SKETCH
    assert encoded_leaf(chunk, "uid", SKETCH) == by_hand
    assert chunk_leaf(chunk, "uid", SKETCH) == hashlib.sha256(b"\x00" + by_hand).digest()


@given(st.lists(st.text("ab\x00", max_size=4), min_size=6, max_size=6), st.data())
def test_no_two_chunks_share_a_leaf(names: list[str], data: st.DataObject) -> None:
    """Text that moves from one field into the next makes another leaf."""
    others = data.draw(st.lists(st.text("ab\x00", max_size=4), min_size=6, max_size=6))
    assert (_leaf(names) == _leaf(others)) is (names == others)


def _leaf(names: list[str]) -> bytes:
    tenant, source, document, digest, identifier, uid = names
    changed: Any = {
        "tenant": tenant,
        "source": source,
        "document": document,
        "document_digest": digest,
        "id": identifier,
    }
    return chunk_leaf(replace(CHUNK, **changed), uid, SKETCH)


def test_versions_never_share_a_leaf() -> None:
    """The same chunk has one leaf in each version."""
    assert chunk_leaf(CHUNK, "uid", SKETCH, 1) != chunk_leaf(CHUNK, "uid", SKETCH, 2)


CHANGES: dict[str, dict[str, Any]] = {
    "a lone surrogate in the text": {"text": "\ud800"},
    "one in the metadata": {"metadata": {"a": "\udfff"}},
    "one in a key": {"metadata": {"\udfff": 1}},
    "one in a name": {"document": "\ud800"},
    "a negative position": {"position": -1},
    "a position beyond 64 bits": {"position": 2**64},
    "metadata that is no JSON": {"metadata": {"a": b"bytes"}},
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_has_no_canonical_form_is_refused(name: str) -> None:
    """No chunk is signed that a reader could not write down in the same way."""
    with pytest.raises(InputError):
        chunk_leaf(replace(CHUNK, **CHANGES[name]), "uid", SKETCH)
