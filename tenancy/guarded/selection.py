"""A caller's choice of payload keys, widened by what the guard checks, then cut back."""

from __future__ import annotations

from typing import Any

from qdrant_client import models
from qdrant_client.local.payload_value_extractor import exclude_payload, include_payload

from ...core.errors import IsolationError
from ..point_identity import TENANT_KEY
from .keys import GUARD_KEYS, root_of


class PayloadSelection:
    """What of a payload is asked for (``widened``), and what of it the caller gets (`cut`).

    ``whole``: the check reads all of a payload, so all of it is asked for. Raises
    `IsolationError` for a selector of an unknown type.
    """

    def __init__(self, chosen: object, *, whole: bool = False) -> None:
        self._include: list[str] | None = None
        self._exclude: list[str] = []
        self._shown = self._tenant_shown = True
        self._whole = whole
        self.widened: Any = True
        if chosen is None or isinstance(chosen, bool):
            self._shown = bool(chosen)
            self.widened = True if chosen else list(GUARD_KEYS)
        elif isinstance(chosen, models.PayloadSelectorExclude):
            self._exclude = list(chosen.exclude)
            kept_out = [key for key in self._exclude if root_of(key) not in GUARD_KEYS]
            self._tenant_shown = TENANT_KEY not in map(root_of, self._exclude)
            self.widened = models.PayloadSelectorExclude(exclude=kept_out) if kept_out else True
        elif isinstance(chosen, list | models.PayloadSelectorInclude):
            self._include = list(chosen if isinstance(chosen, list) else chosen.include)
            self._tenant_shown = TENANT_KEY in self._include
            self.widened = [*self._include, *GUARD_KEYS]
        else:
            raise IsolationError(f"payload selector of type {type(chosen).__name__} refused")
        if whole:
            self.widened = True

    def cut(self, payload: dict[str, Any]) -> dict[str, Any] | None:
        """Return what the caller chose of a payload that has lost the guard's id key."""
        if not self._shown:
            return None
        if not self._tenant_shown:
            payload = {key: value for key, value in payload.items() if key != TENANT_KEY}
        if self._whole and self._include is not None:
            payload = include_payload(payload, self._include)
        elif self._whole and self._exclude:
            payload = exclude_payload(payload, self._exclude)
        return payload
