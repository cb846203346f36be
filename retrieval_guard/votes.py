"""Votes by voice over the answers that single passages give, and what their margin certifies.

>>> from ragbastion.retrieval_guard import tally_votes
>>> votes = tally_votes(["23", "23", "24", "23"], ["a", "b", "x", "c"])
>>> votes.winner, votes.margin, votes.holds_against(0), votes.holds_against(1)
('23', 2, True, False)

For pipelines that ask a model once for each passage (RobustRAG, Xiang et al. 2024) and let the
answers vote. Theorem 3 of docs/retrieval_certificate.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from ..core.errors import UsageError
from .certificate import require_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """The answer with the most voices, None for a tie, and by how many it leads the next."""

    winner: Hashable | None
    counts: Mapping[Hashable, int]
    margin: int

    def holds_against(self, bad_voices: int) -> bool:
        """Tell whether the winner is the same whatever so many of these voices had said."""
        require_count(bad_voices, "bad_voices")
        return self.winner is not None and self.margin > 2 * bad_voices

    def holds_without(self, bad_voices: int, cap: int) -> bool:
        """Tell whether it is also the same when others stand in these voices' places.

        Each voice's passages are taken out, and up to ``cap`` others each put in their places.
        Without them another retrieval may choose otherwise in more places than theirs.
        """
        require_count(bad_voices, "bad_voices")
        require_count(cap, "cap")
        return self.winner is not None and self.margin > bad_voices * (1 + 2 * cap)


def tally_votes(answers: Sequence[Hashable | None], voices: Sequence[str]) -> Votes:
    """Count one vote a voice: its most frequent answer, of equals that of its best passage.

    ``answers`` and ``voices`` are those of the served passages, best first (`ServedChunk.voice`);
    an answer of None abstains. Raises `UsageError` for lists of different lengths and answers that
    cannot be compared (not hashable).
    """
    if len(answers) != len(voices):
        raise UsageError(f"votes refused: {len(answers)} answers of {len(voices)} voices")
    said: dict[str, Counter[Hashable]] = {}
    for answer, voice in zip(answers, voices, strict=True):
        if not isinstance(answer, Hashable):
            raise UsageError(
                f"votes refused: an answer is a {type(answer).__name__}, which cannot be counted; "
                "give text or numbers"
            )
        if answer is not None:
            said.setdefault(voice, Counter())[answer] += 1
    # most_common keeps the order of first sight among equals.
    counts = Counter(each.most_common(1)[0][0] for each in said.values())
    first, second = [*counts.most_common(2), (None, 0), (None, 0)][:2]
    margin = first[1] - second[1]
    return Votes(winner=first[0] if margin else None, counts=dict(counts), margin=margin)
