"""Who says a passage, and what is known of the collection that it stands in."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from ...core.settings_retrieval import RetrievalSettings
from ...ingest.provenance.source_records import TrustTier

DAY_S = 86_400.0

CLOCK_LEEWAY_S = 300.0
"""A step back that time services make in passing; a founding source stays one through it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The source of one passage, as a registry knows it.

    Sources with one ``owner``, or one ``domain`` (several are separated by spaces), are one voice.
    ``opened_at`` is seconds since the epoch, 0 for ever; ``vouched`` says that a person opened it.
    ``signals`` are those that flagged this passage at ingestion. What is not ``verified`` carries
    no proof of its source.
    """

    source: str
    _: KW_ONLY
    owner: str = ""
    domain: str = ""
    tier: TrustTier = TrustTier.INTERNAL
    opened_at: float = 0.0
    vouched: bool = False
    signals: tuple[str, ...] = ()
    verified: bool = True

    def is_established(self, facts: CollectionFacts, settings: RetrievalSettings) -> bool:
        """Tell whether the source stands on its own, by a person's word or by age.

        One that is opened in the future is new: somebody turned a clock.
        """
        if self.vouched:
            return True
        span = settings.probation_days * DAY_S
        ahead = self.opened_at - facts.now
        # Written so that NaN is new.
        founding = facts.founded is not None and self._is_founding(facts.founded, settings)
        if founding and ahead <= CLOCK_LEEWAY_S:
            return True
        return -ahead >= span and ahead <= 0

    def _is_founding(self, founded: float, settings: RetrievalSettings) -> bool:
        # With 0 days nobody is: a source is opened before its first passage arrives.
        days = settings.founding_days
        return days > 0 and self.opened_at <= founded + days * DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFacts:
    """What the candidates cannot tell of their collection.

    ``now`` is seconds since the epoch. ``founded`` is when its first passage arrived: sources
    opened until soon after are established, since nobody older can speak; None if nothing is known.
    ``established`` counts its established voices, None for "several"; ``sources`` its sources.
    """

    now: float
    founded: float | None = None
    established: int | None = None
    sources: int = 0

    def is_cold(self, settings: RetrievalSettings) -> bool:
        """Tell whether founding sources may be younger than the probation."""
        if self.founded is None:
            return False
        days = settings.probation_days + settings.founding_days
        return not self.now - self.founded >= days * DAY_S
