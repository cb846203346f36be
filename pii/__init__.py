"""Personal data: find it and replace it by placeholders.

>>> from ragbastion.pii import Redactor
>>> Redactor().redact("Mail ada@example.org about 219-09-9999.").text
'Mail <EMAIL_ADDRESS> about <US_SSN>.'

Importing this package loads neither Presidio nor spaCy; the first call does.
"""

from .entity import Entity, Redacted
from .entity_types import NER_TYPES, SUPPORTED_TYPES
from .redactor import Redactor

__all__ = ["NER_TYPES", "SUPPORTED_TYPES", "Entity", "Redacted", "Redactor"]
