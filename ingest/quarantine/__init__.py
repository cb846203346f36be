"""Quarantine: what was held back, its original bytes, and who decided what about it."""

from .quarantine import Quarantine
from .records import Held, QuarantineKey, QuarantineRecord, QuarantineState

__all__ = ["Held", "Quarantine", "QuarantineKey", "QuarantineRecord", "QuarantineState"]
