"""Other installable defences, one adapter each, in the same run on the same passages.

They are never a dependency: ``pip install 'ragbastion[peers-poisoning]'``. What is not installed is
named as skipped, and what fails as failed.
"""

from __future__ import annotations

import importlib.metadata
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

from ...core.chunk import Matrix
from ...core.verdict import Decision
from .contexts import DEEP, Choice, Chooser, Pool
from .screening import PEER, Arrival, Ruling

RAGDEFENDER, GUARDIAN = "ragdefender", "embeddings-guardian"
MISSING = "skipped: not installed (pip install 'ragbastion[peers-poisoning]')"
GUARDIAN_KIND = f"{PEER}embeddings-guardian"
_ALGORITHMS = ("magnitude", "centroid")
"""Its default, and the one of its others that looks at direction, at their default thresholds."""

_Loaded = TypeVar("_Loaded")


def ragdefender() -> Chooser:
    """Return RAGDefender (Kim et al., ACSAC 2025) over the best `DEEP` passages.

    ``single_hop``, as for NQ and MS MARCO, and with the vectors of retrieval, which are those of
    its default model.
    """
    from ragdefender import RAGDefender  # pyright: ignore[reportMissingImports]

    encoder = _KnownVectors()
    defender = RAGDefender(embedder=encoder, task_type="single_hop", device="cpu")

    def choose(pool: Pool, limit: int) -> Choice:
        seen = pool.first(max(limit, DEEP))
        if len(seen) < 2:
            return Choice(places=tuple(range(len(seen))))
        encoder.vectors = seen.vectors
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, removed = defender.defend(pool.question, list(seen.texts), return_indices=True)
        gone = set(removed)
        return Choice(places=tuple(at for at in range(len(seen)) if at not in gone)[:limit])

    return choose


class _KnownVectors:
    """Stands where RAGDefender asks for a SentenceTransformer; gives vectors that are known."""

    def __init__(self) -> None:
        self.vectors: Matrix | None = None

    def encode(self, texts: Sequence[str], convert_to_tensor: bool = True) -> Any:
        import torch

        if self.vectors is None or len(self.vectors) != len(texts):
            raise ValueError("it asks for vectors of texts that it was not given")
        return torch.from_numpy(self.vectors.copy()) if convert_to_tensor else self.vectors


class Guardian:
    """embeddings-guardian at ingestion: its baseline is fed what was admitted before the attack.

    ``algorithm`` is one of its names; the other arguments are its defaults.
    """

    def __init__(self, algorithm: str) -> None:
        from embeddings_guardian import (  # pyright: ignore[reportMissingImports]
            PoisoningDetector,
        )

        self.kind = f"{GUARDIAN_KIND} {algorithm}"
        self._detector: Any = PoisoningDetector(algorithm=algorithm)
        self.ms: list[float] = []

    def judge(self, arrivals: Sequence[Arrival]) -> list[Ruling]:
        """Return a ruling for each document."""
        rulings = []
        for each in arrivals:
            started = time.process_time()
            poisoned, _, _ = self._detector.is_poisoned(each.vector)
            self.ms.append((time.process_time() - started) * 1000)
            decision = Decision.QUARANTINE if poisoned else Decision.ALLOW
            kinds = {self.kind: decision} if poisoned else {}
            rulings.append(Ruling(decision=decision, kinds=kinds))
        return rulings

    def taken_back(self) -> Mapping[str, Ruling]:
        """Return nothing: what was let in is not judged again."""
        return {}

    def learn(self, arrivals: Sequence[Arrival]) -> None:
        """Feed the baseline."""
        for each in arrivals:
            self._detector.update_baseline(each.vector)

    def fork(self) -> Self:
        """Return itself: its window of a thousand is fed before the attack and not after."""
        return self


def guardians() -> list[Guardian]:
    """Return one a named algorithm."""
    return [Guardian(name) for name in _ALGORITHMS]


def installed(package: str) -> str:
    """Return name and version of an installed peer, or an empty string."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def loaded(package: str, load: Callable[[], _Loaded], skipped: dict[str, str]) -> _Loaded | None:
    """Return what ``load`` returns; None, and the reason in ``skipped``, where it cannot be."""
    if not (name := installed(package)):
        skipped[package] = MISSING
        return None
    try:
        return load()
    # Foreign code: whatever it raises is its result, and the other methods still run.
    except Exception as error:  # noqa: BLE001
        skipped[name] = f"failed: {type(error).__name__}"
        return None
