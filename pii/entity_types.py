"""The entity types that are found here, named as Presidio names them.

Left out of Presidio's stock set, with what was measured on presidio_synth_v2 (1,500 texts, all
types labelled, stock engine):

- US_DRIVER_LICENSE and US_BANK_NUMBER by shape alone: precision 0.03 and 0 (130 false marks, any
  8 digits will do). Here they need a naming word before them.
- DATE_TIME of relative and vague times ("morning", "8+ years"): 609 false marks, precision 0.23.
  Here a date must hold a number and a month, a year or a date's punctuation.
- URL of every top-level domain: ``README.md`` and ``main.py`` are domains by that list.
"""

from __future__ import annotations

NER_TYPES: tuple[str, ...] = ("DATE_TIME", "LOCATION", "NRP", "ORGANIZATION", "PERSON")
"""Types that need the statistical pipeline; asking for none of them is about ten times faster."""

PATTERN_TYPES: tuple[str, ...] = (
    "AGE",
    "CREDIT_CARD",
    "CRYPTO",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "MEDICAL_LICENSE",
    "PHONE_NUMBER",
    "UK_NHS",
    "URL",
    "US_BANK_NUMBER",
    "US_DRIVER_LICENSE",
    "US_ITIN",
    "US_PASSPORT",
    "US_SSN",
)
"""Types found by patterns, checksums and the words around them."""

SUPPORTED_TYPES: tuple[str, ...] = tuple(sorted(NER_TYPES + PATTERN_TYPES))
"""Every type; what `Redactor.redact` looks for when none is named."""
