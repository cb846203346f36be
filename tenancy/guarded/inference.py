"""Objects to be embedded in place of vectors: `Document`, `Image`, `InferenceObject`.

They pass where a vector stands, and nowhere else. Embedded in this process (no
``cloud_inference``), two things of theirs would reach the machine rather than the tenant's data:
options become arguments of the model's loader (folders, devices, threads), and the text of an image
is a path that is opened. Both are refused.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, TypeAlias

import numpy as np
from qdrant_client import models

from ...core.errors import UsageError

Inference: TypeAlias = models.Document | models.Image | models.InferenceObject

# The server's own BM25: they say how a text is split and weighed.
_TEXT_OPTIONS = frozenset(models.Bm25Config.model_fields)


def checked_inference(given: Inference, *, remote: bool) -> Inference:
    """Return the object, or raise `UsageError` if embedding it would reach into this machine."""
    if remote:
        return given
    if isinstance(given.options, dict) and not _TEXT_OPTIONS.issuperset(given.options):
        raise UsageError(
            "inference refused: its options would configure this machine's models; "
            "embed before the call, or use cloud_inference"
        )
    if isinstance(given, models.Document):
        return given
    content = given.image if isinstance(given, models.Image) else given.object
    if isinstance(content, str | bytes | PurePath):
        raise UsageError(
            "inference refused: a path would be opened on this machine; hand over an image that "
            "is loaded, or a models.Document"
        )
    return given


def check_vectors(vector: object, *, remote: bool) -> None:
    """Check each object to be embedded in a point's vector or named vectors."""
    if isinstance(vector, models.Document | models.Image | models.InferenceObject):
        checked_inference(vector, remote=remote)
    elif isinstance(vector, dict):
        for named in vector.values():
            check_vectors(named, remote=remote)
    elif isinstance(vector, list) and not numeric(vector):
        raise UsageError("vector refused: a list must hold numbers, or lists of numbers")


def numeric(vector: list[Any]) -> bool:
    """Say whether a list holds numbers only, or lists of numbers: no id, nothing to embed."""
    kinds = set(map(type, vector))
    if kinds == {float}:
        return True
    if kinds == {list}:
        return all(numeric(inner) for inner in vector)
    return all(issubclass(kind, int | float | np.number) and kind is not bool for kind in kinds)
