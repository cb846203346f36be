"""Step 3 of a retrieval: no voice outvotes the others, and what nobody else says is told."""

from .conflicts import Conflict, Side
from .corroborator import Corroborated, Corroborator, Heard, corroborate
from .selection import Refused
from .standing import CollectionFacts, Standing
from .voices import PROBATION, UNVERIFIED, Voice, count_established, voices_of

__all__ = [
    "PROBATION",
    "UNVERIFIED",
    "CollectionFacts",
    "Conflict",
    "Corroborated",
    "Corroborator",
    "Heard",
    "Refused",
    "Side",
    "Standing",
    "Voice",
    "corroborate",
    "count_established",
    "voices_of",
]
