"""Honest chunks of every kind: texts, metadata and vectors as ingestion could make them."""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any

import numpy as np
from ragbastion.core.chunk import Chunk, Digest, DocumentId, Matrix, TenantId
from ragbastion.ingest.exact_numbers import exact_numbers
from ragbastion.ingest.provenance import chunk_id

DIMENSIONS = (1, 2, 3, 8, 31, 64, 96, 128, 256, 384, 384, 384, 768, 1024, 1536)
"""All-MiniLM's is drawn most often."""

_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz     ",
    "äöüßéèñçåøłžşğ ÄÖÜ",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя  ",
    "漢字仮名交じり文中文简体繁體한국어ハングル",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي ",
    "אבגדהוזחטיכלמנסעפצקרשת ",
    "🚢🔥👩‍👩‍👧‍👦🇩🇪👍🏽✅ ",
    "e\u0301a\u0308n\u0303\u200b\u200d\ufeff\u00ad ",
    "\u202e\u2066\u2069\u200f\u2028\u2029\t\n\r\x0b\x1b\x7f\x00",
    "𝔄𝔅ℭ𐍈𐤀\U0010fffd\ufffd ",
    "\"'\\/{}[]:,<>&%$#@!0123456789",
)


def honest_chunks(count: int, dimension: int, uid: str, tenant: str, seed: int) -> list[Chunk]:
    """Return chunks of documents with one to many chunks; the same for the same seed."""
    random, numbers = Random(seed), np.random.default_rng(seed)
    vectors = _vectors(count, dimension, numbers)
    letters = "".join(_ALPHABETS) if random.random() < 0.2 else random.choice(_ALPHABETS)
    source = _text(random, letters, 12).strip("\x00") or "wiki"
    longest, per_document = random.choice((5, 60, 400, 2000)), random.choice((1, 3, 50))
    pool = _text(random, letters, 4 * longest + 100)
    chunks = []
    for at in range(count):
        document, position = f"{pool[:5]}/{seed}/{at // per_document}", at % per_document
        start = random.randrange(2 * longest)
        text = f"{at} {pool[start : start + random.randrange(longest + 1)]}"
        chunks.append(
            Chunk(
                id=chunk_id((tenant, uid, source), document, position, text),
                text=text,
                tenant=TenantId(tenant),
                source=source,
                document=DocumentId(document),
                document_digest=Digest(hashlib.sha256(document.encode()).hexdigest()),
                position=position,
                metadata=exact_numbers(_metadata(random, pool, at)),
                vector=vectors[at],
            )
        )
    return chunks


def _text(random: Random, letters: str, most: int) -> str:
    return "".join(random.choices(letters, k=random.randrange(1, most)))


def _metadata(random: Random, pool: str, at: int) -> dict[str, Any]:
    kind = at % 4
    if kind == 0:
        return {}
    facts: dict[str, Any] = {"title": pool[at % 50 : at % 50 + 20], "start": at, "flags": []}
    if kind == 2:
        facts |= {
            "large": 2**53 + random.randrange(2**40),
            "small": -random.random() * 10.0 ** random.randrange(-300, 300),
            "whole": float(random.randrange(-9, 9)),
            "none": None,
            "true": at % 3 == 0,
            pool[:3]: {"nested": [at, str(at), {"": at / 7}], "\u20ac": -0.0},
        }
    if kind == 3:
        facts |= {"nan": float("nan"), "inf": float("-inf"), "pair": (at, "x"), 7: "a number"}
    return facts


def _vectors(count: int, dimension: int, numbers: np.random.Generator) -> Matrix:
    """Return vectors of one manner: even, sparse, alike, of few values, heavy-tailed."""
    shape = count, dimension
    made = numbers.standard_normal(shape, dtype=np.float32)
    match numbers.integers(6):
        case 0:
            made *= numbers.random(shape, dtype=np.float32) < 0.1
        case 1:
            made = made * np.float32(0.01) + made[:1]
        case 2:
            made = np.sign(made)
        case 3:
            made = made**3
    made[~made.any(axis=1), 0] = 1
    made = _unit(made)
    if numbers.random() < 0.3:
        # A model that does not normalise.
        made *= np.exp(numbers.uniform(-5, 5, (count, 1))).astype(np.float32)
    return made


def _unit(vectors: Matrix) -> Matrix:
    """Return vectors of length 1, in float32."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
