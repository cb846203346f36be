"""One thread a process for small arrays: more wait for each other longer than they work.

Two processes of this benchmark on two cores took three times as long with two threads each, and
every measure of the processor's time counted the waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold the numerical libraries of this process to one thread until it is left.

    Not for embedding: the encoder's matrices are worth several.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
