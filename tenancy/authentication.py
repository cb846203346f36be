"""One door for every kind of bearer text, and the report of what was refused at it.

- INVARIANT: a report holds the reason in our own words and never a part of the bearer text.
- INVARIANT: strangers cannot fill the audit log: so many reports a minute, the rest is counted.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence

from ..core.errors import CredentialError
from ..core.events import Event, EventSink, LoggingEventSink
from .api_keys import ApiKeys
from .credential import Credential, Verifier

# A JSON object in base64url starts with "e".
_TOKEN = re.compile(r"e[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_REPORTS_A_MINUTE = 60


class Authentication:
    """Knows API keys and tokens; each refusal is an event ``identity.refused``.

    A text in the form of a token goes to the verifiers of ``tokens``, one after the other, and any
    other text to ``keys``. An event that cannot be kept raises in place of the refusal.
    """

    def __init__(
        self, keys: ApiKeys, tokens: Sequence[Verifier] = (), events: EventSink | None = None
    ) -> None:
        self._keys = keys
        self._tokens = tuple(tokens)
        self._reports = _Reports(events or LoggingEventSink())

    def authenticate(self, bearer: str | None) -> Credential:
        """Return whom the bearer text (untrusted) stands for, or raise `CredentialError`."""
        is_token = bearer is not None and bool(self._tokens) and _TOKEN.fullmatch(bearer)
        try:
            return self._by_token(bearer) if is_token else self._keys.authenticate(bearer)
        except CredentialError as error:
            kind = "token" if is_token else "api-key" if bearer else "none"
            self._reports.report(kind, str(error))
            raise

    def _by_token(self, bearer: str | None) -> Credential:
        reasons = []
        for verifier in self._tokens:
            try:
                return verifier.authenticate(bearer)
            except CredentialError as error:
                reasons.append(str(error))
        raise CredentialError(" / ".join(reasons))


class _Reports:
    def __init__(self, events: EventSink) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._minute = 0
        self._count = 0
        self._unreported = 0

    def report(self, kind: str, reason: str) -> None:
        with self._lock:
            if (minute := int(time.monotonic() // 60)) != self._minute:
                self._minute, self._count = minute, 0
            self._count += 1
            if self._count > _REPORTS_A_MINUTE:
                self._unreported += 1
                return
            unreported, self._unreported = self._unreported, 0
        self._events.emit(
            Event(
                kind="identity.refused",
                tenant="",
                subject=kind,
                outcome="refused",
                detail={"reason": reason, "unreported_before": unreported},
            )
        )
