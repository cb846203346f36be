"""Whether the service can answer: its parts are loaded, its store and its audit log reachable."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from ..core.errors import RagbastionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..retrieval_guard import Guard

_LOGGER = logging.getLogger("ragbastion.gateway")


class Readiness:
    """Loads the heavy parts once at the start, and then checks what can go away."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._warm = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Load in the background: scans are answered at once, the rest as it comes."""
        # A daemon: a service that is told to stop does not wait for a model to load.
        threading.Thread(target=self.warm, name="ragbastion-warm", daemon=True).start()

    def stop(self) -> None:
        """Load nothing more."""
        self._stopping.set()

    def warm(self) -> None:
        """Load every model and open every file; what fails is logged and stays not ready."""
        guard = self._guard
        steps: tuple[tuple[str, Callable[[], object]], ...] = (
            ("scanner", lambda: guard.scanner.scan("ready")),
            ("policies", lambda: guard.policies),
            ("redactor", lambda: guard.redactor.redact("ready")),
            ("embedder", lambda: guard.embedder.embed(["ready"])),
        )
        # Each step is taken, also after one that failed: its log line is wanted too.
        done = [_done(name, step) for name, step in steps if not self._stopping.is_set()]
        if len(done) == len(steps) and all(done):
            self._warm.set()

    def checks(self) -> dict[str, bool]:
        """Return what holds now, by name; all of them must for the service to be ready."""
        guard = self._guard
        return {
            "models": self._warm.is_set(),
            "store": _done("store", lambda: guard.store.collections()),
            "audit": _done("audit", lambda: guard.audit.tail(1)),
        }


def _done(name: str, step: Callable[[], object]) -> bool:
    try:
        step()
    except RagbastionError as error:
        _LOGGER.error("not ready: %s: %s: %s", name, type(error).__name__, error)
        return False
    # The outermost loop of a background thread: a failure is told by /readyz, not lost.
    except Exception as error:  # noqa: BLE001
        _LOGGER.error("not ready: %s: unexpected %s", name, type(error).__name__)
        return False
    return True
