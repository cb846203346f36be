"""``ragbastion bench tenancy``: attacks a tenant's client through every method, and tells.

To attack a client of your own, name how it is made for a tenant:

>>> from qdrant_client import models
>>> from ragbastion.benchmarks.tenancy import Subject, find_leaks
>>> class CountsAll:
...     def __init__(self, raw, tenant):
...         self._raw, self._tenant = raw, tenant
...     def __getattr__(self, name):
...         return getattr(self._raw, name)
>>> report = find_leaks(Subject(name="mine", client_for=CountsAll), calls=100)
>>> "count" in report.leaks
True
"""

from .finder import LeakReport, find_leaks
from .findings import Finding, Kind, Tally
from .subjects import ASYNC_GUARDED, ASYNC_NAIVE, GUARDED, NAIVE, Subject

__all__ = [
    "ASYNC_GUARDED",
    "ASYNC_NAIVE",
    "GUARDED",
    "NAIVE",
    "Finding",
    "Kind",
    "LeakReport",
    "Subject",
    "Tally",
    "find_leaks",
]
