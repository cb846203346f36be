"""Two stores that differ in one thing: in the second the victims were never there.

- INVARIANT: the truth is read through the raw client, never through the one under test.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from typing import Any, TypeAlias

from .answers import Answer, same
from .calls import Call
from .canaries import ATTACKER, BYSTANDER, SCHEMA, VICTIMS, Canaries
from .draw import Known
from .subjects import Subject

Snapshot: TypeAlias = dict[str, Any]
"""Points by collection and stored id."""
_MANY = 10_000


class World:
    """A store with the attacker's client on it; ``victims``: whether their points are there.

    ``prefix`` begins the names of its collections, so that one server holds several worlds.
    """

    def __init__(
        self, subject: Subject, canaries: Canaries, *, victims: bool, prefix: str = ""
    ) -> None:
        self.subject = subject
        self.canaries = canaries
        self.docs = f"{prefix}docs"
        self.shadow = f"{prefix}{canaries.shadow}"
        self.prefix = prefix
        self._victims = victims
        self._loop = asyncio.new_event_loop() if subject.asynchronous else None
        self.raw = subject.raw_client()
        self.reset()

    def reset(self) -> None:
        """Make the store as it was planned, whatever the attacker left of it."""
        try:
            self._emptied()
        except Exception:  # noqa: BLE001  a naive wrapper lets its user close the raw client
            self.raw = self.subject.raw_client()
            self._emptied()
        for tenant in (*VICTIMS, BYSTANDER) if self._victims else (BYSTANDER,):
            client = self.client(tenant)
            points = self.canaries.points(tenant)
            self._run(client.upsert, self.docs, points)
            self._run(client.upsert, self.shadow, points[:3])
        self.planted = self.snapshot()
        self.attacker = self.client(ATTACKER)
        self._run(self.attacker.upsert, self.docs, self.canaries.points(ATTACKER))

    def _emptied(self) -> None:
        held = self._run(self.raw.get_collections).collections
        for name in [each.name for each in held if each.name.startswith(self.prefix)]:
            self._run(self.raw.delete_collection, name)
        for name in (self.docs, self.shadow):
            self._run(self.raw.create_collection, name, **SCHEMA)

    def client(self, tenant: str) -> Any:
        """Return a client under test for the tenant."""
        return self.subject.client_for(self.raw, tenant)

    def known(self, stored: tuple[str, ...] = ()) -> Known:
        """Return what the attacker knows of this world; ``stored``: ids of the victims' points."""
        return Known(
            canaries=self.canaries,
            docs=self.docs,
            shadow=self.shadow,
            tenant_key=self.subject.tenant_key,
            stored=stored,
        )

    def answer(self, call: Call) -> Answer:
        """Make the call as the attacker."""
        return self.attempt(self.attacker, call.method, call.arguments)

    def attempt(
        self, client: Any, name: str, arguments: dict[str, Any], *, call: bool = True
    ) -> Answer:
        """Look at an attribute of that name, and call it if it is a method and ``call`` says so."""
        try:
            found = getattr(client, name)
            value = self._run(found, **arguments) if call and callable(found) else found
        except Exception as error:  # noqa: BLE001  whatever it is, it is what the caller gets
            text = str(error).replace(self.prefix, "") if self.prefix else str(error)
            return Answer(error=error, told=f"{type(error).__name__}: {text}")
        return Answer(value=value)

    def snapshot(self) -> Snapshot:
        """Return every point of both collections as the raw client sees it."""
        return {
            name: {str(point.id): (point.payload, point.vector) for point in self._points(name)}
            for name in (self.docs, self.shadow)
        }

    def harm(self, now: Snapshot) -> str | None:
        """Return what happened to others' points: gone, changed, or one planted among them."""
        for name, points in self.planted.items():
            for id_, point in points.items():
                if id_ not in now[name]:
                    return "a victim's point is gone"
                if not same(now[name][id_], point):
                    return "a victim's point was changed"
            for id_, (payload, _) in now[name].items():
                if id_ not in points and self._claims((payload or {}).get(self.subject.tenant_key)):
                    return "a point was planted among a victim's"
        return None

    def own(self, now: Snapshot) -> list[Snapshot]:
        """Return the points that nobody else planted, by collection."""
        return [
            {id_: point for id_, point in points.items() if id_ not in self.planted[name]}
            for name, points in now.items()
        ]

    def close(self) -> None:
        """Drop the collections and end the event loop."""
        with suppress(Exception):  # it may be closed already
            self._emptied()
            for name in (self.docs, self.shadow):
                self._run(self.raw.delete_collection, name)
            self._run(self.raw.close)
        if self._loop is not None:
            self._loop.close()

    @staticmethod
    def _claims(tenant: object) -> bool:
        return any(each in VICTIMS for each in (tenant if isinstance(tenant, list) else [tenant]))

    def _points(self, name: str) -> list[Any]:
        page, _ = self._run(self.raw.scroll, name, limit=_MANY, with_vectors=True)
        return list(page)

    def _run(self, method: Any, *args: Any, **kwargs: Any) -> Any:
        value = method(*args, **kwargs)
        if self._loop is not None and inspect.isawaitable(value):
            return self._loop.run_until_complete(_awaited(value))
        return value


async def _awaited(value: Any) -> Any:
    return await value
