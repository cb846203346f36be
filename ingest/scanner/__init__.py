"""The injection scanner: finds instructions aimed at a model in documents, and removes them.

>>> from ragbastion.ingest.scanner import Scanner
>>> verdict = Scanner().scan("Opening hours: nine to five.")
>>> verdict.decision, verdict.findings
(<Decision.ALLOW: 'allow'>, ())
"""

from .scanner import Scanner
from .stripping import Stripped

__all__ = ["Scanner", "Stripped"]
