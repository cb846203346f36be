"""Wall time of each step of a retrieval, and the rule that a step that fails refuses the whole."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import RagbastionError
from ..core.verdict import Verdict


class StepFailedError(RagbastionError):
    """A guarding step raised; what it was to check must not be served."""

    def __init__(self, step: str, error: Exception) -> None:
        self.step = step
        # Only our own messages are known to hold no document text; of others the place must do.
        told = str(error) if isinstance(error, RagbastionError) else _place(error)
        super().__init__(
            f"the step '{step}' failed ({type(error).__name__}), so nothing was served: {told}"
        )


def _place(error: Exception) -> str:
    """Return where an error was raised, as file and line."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"raised in {Path(frames[-1].filename).name}, line {frames[-1].lineno}"


class Layers:
    """Adds up the milliseconds of each named step of one retrieval."""

    def __init__(self) -> None:
        self.timings_ms: dict[str, float] = {}
        self._started = time.perf_counter()

    def verdict(self) -> Verdict:
        """Return a verdict that holds only the timings and the names of the steps that ran."""
        return Verdict(ran=tuple(self.timings_ms), timings_ms=dict(self.timings_ms))

    def total_ms(self) -> float:
        """Return the milliseconds since these layers were made."""
        return (time.perf_counter() - self._started) * 1000

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Time the block; errors pass."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - start) * 1000
            self.timings_ms[step] = self.timings_ms.get(step, 0.0) + spent

    @contextmanager
    def guarded(self, step: str) -> Iterator[None]:
        """Time the block; whatever it raises becomes `StepFailedError`."""
        with self.timed(step):
            try:
                yield
            except Exception as error:  # a check that throws is a refusal, whatever it throws
                raise StepFailedError(step, error) from error
