"""The sketch passes honest round trips and fails vectors that were turned."""

import numpy as np
from ragbastion.ingest.provenance.sketch import MAX_FLIPPED_BITS, flipped_bits, sketch_vectors

GOLDEN = "90521463cd6ad9e9e8ee955d11a80aa079750b052836f45885d80421ac286241"


def _unit(count: int) -> np.ndarray:
    vectors = np.random.default_rng(3).standard_normal((count, 384)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_renormalising_flips_no_bit() -> None:
    """10,000 vectors, scaled and normalised again in float32, keep every bit."""
    vectors = _unit(10_000)
    again = vectors * np.float32(1.37)
    again /= np.linalg.norm(again, axis=1, keepdims=True)
    assert flipped_bits(sketch_vectors(vectors), sketch_vectors(again)).max() <= 1


def test_turned_vector_is_seen() -> None:
    """A vector turned by 12 degrees differs in more bits than allowed, every time."""
    vectors, noise = _unit(1_000), _unit(2_000)[1_000:]
    turned = vectors + np.float32(0.21) * noise
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    assert flipped_bits(sketch_vectors(vectors), sketch_vectors(turned)).min() > MAX_FLIPPED_BITS


def test_sketch_is_the_same_everywhere() -> None:
    """The projection comes from SHAKE-256, so the bits are fixed."""
    sketch = sketch_vectors(np.arange(1, 9, dtype=np.float32)[None, :])
    assert sketch.shape == (1, 32)
    assert sketch.tobytes().hex() == GOLDEN
