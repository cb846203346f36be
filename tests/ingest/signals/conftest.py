"""Documents with made-up vectors, for the signals that compare them."""

from __future__ import annotations

import numpy as np
import pytest
from ragbastion.core.chunk import Matrix
from ragbastion.ingest.signals import SignalInput


class Maker:
    """Makes documents; ``angle`` turns a unit vector away from a common one."""

    def vector(self, seed: int, near: float = 0.0, dimension: int = 16) -> Matrix:
        """Return a unit vector (1, d) with cosine ``near`` to the first axis."""
        row = np.random.default_rng(seed).standard_normal(dimension)
        row[0] = 0.0
        row *= np.sqrt(1 - near**2) / np.linalg.norm(row)
        row[0] = near
        return row.astype(np.float32)[None]

    def document(
        self, text: str, name: str = "a", source: str = "wiki", *, vectors: Matrix | None = None,
        probation: bool = False,
    ) -> SignalInput:  # fmt: skip
        """Return a document of one passage."""
        return SignalInput(
            document=name,
            source=source,
            text=text,
            pieces=(text,),
            vectors=vectors,
            probation=probation,
        )


@pytest.fixture
def make() -> Maker:
    """Return the maker."""
    return Maker()
