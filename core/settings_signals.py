"""Settings of the poisoning signals at ingestion."""

from __future__ import annotations

from pydantic import Field, model_validator

from .settings_section import Section

SIGNAL_NAMES = (
    "answer_steering",
    "blind_vector",
    "gibberish",
    "hubness",
    "near_duplicate_burst",
    "novelty",
    "observed_echo",
    "question_echo",
    "question_junction",
    "source_burst",
    "swapped_fact",
    "vector_mismatch",
    "vector_norm",
    "vector_sanity",
)
"""Every signal that can be named in ``off`` or ``flag_only``."""


class SignalSettings(Section):
    """Which signals look at documents, and what they may do.

    ``off`` are not measured, ``flag_only`` lower trust where they would hold a document back.
    ``observe_queries``: whether retrieval keeps a sample of what is asked (vectors, and keyed
    hashes of word pairs; never text). ``save_every_documents``: how many admitted documents a
    killed run may forget to have learned.
    """

    off: tuple[str, ...] = ()
    flag_only: tuple[str, ...] = ()
    observe_queries: bool = True
    save_every_documents: int = Field(default=256, ge=1)

    @model_validator(mode="after")
    def _names_are_known(self) -> SignalSettings:
        unknown = sorted({*self.off, *self.flag_only} - set(SIGNAL_NAMES))
        if unknown:
            raise ValueError(
                f"no such signal: {', '.join(unknown)}; there are {', '.join(SIGNAL_NAMES)} "
                "(in a variable several stand apart by commas, without brackets)"
            )
        return self
