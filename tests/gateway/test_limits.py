"""What one client can cost is bounded: the body's size and time, and requests at once."""

import asyncio

import pytest
from ragbastion.gateway.limits import BodyLimitMiddleware, ConcurrencyMiddleware
from starlette.types import Message, Receive, Scope, Send

from .conftest import Service


class Echo:
    """An app that answers with the body that it was given, once ``release`` is set."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.seen = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.seen += 1
        body = (await receive())["body"]
        await self.release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


def scope(**headers: str) -> Scope:
    """Return a request with the headers."""
    raw = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return {"type": "http", "method": "POST", "path": "/v1/scan", "headers": raw}


def receiving(*chunks: bytes) -> Receive:
    """Return a client that sends the chunks as one body and then waits forever."""
    last = len(chunks) - 1
    messages = iter(
        {"type": "http.request", "body": chunk, "more_body": at < last}
        for at, chunk in enumerate(chunks)
    )

    async def receive() -> Message:
        for message in messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    return receive


async def call(app: object, receive: Receive, request: Scope | None = None) -> tuple[int, bytes]:
    """Return status and body of the app's answer."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(request or scope(), receive, send)  # type: ignore[operator]
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def opened() -> Echo:
    """Return an app that answers at once."""
    app = Echo()
    app.release.set()
    return app


def test_a_body_of_the_limit_passes_in_pieces() -> None:
    """Chunks are joined and handed on once."""
    limited = BodyLimitMiddleware(opened(), max_bytes=10)
    assert asyncio.run(call(limited, receiving(b"01234", b"56789"))) == (200, b"0123456789")


def test_one_byte_more_is_413() -> None:
    """The limit counts what really arrives; the app never runs."""
    app = opened()
    status, body = asyncio.run(
        call(BodyLimitMiddleware(app, max_bytes=10), receiving(b"01234", b"567890"))
    )
    assert (status, app.seen) == (413, 0)
    assert b"10 bytes" in body


def test_an_endless_body_is_refused_early() -> None:
    """Reading stops at the limit, not at the end."""
    reads = 0

    async def endless() -> Message:
        nonlocal reads
        reads += 1
        return {"type": "http.request", "body": b"x" * 10, "more_body": True}

    assert asyncio.run(call(BodyLimitMiddleware(opened(), max_bytes=95), endless))[0] == 413
    assert reads == 10


@pytest.mark.parametrize("length", ["11", "9" * 5000])
def test_a_declared_length_beyond_the_limit_is_refused_unread(length: str) -> None:
    """Not one byte of such a body is read."""
    limited = BodyLimitMiddleware(opened(), max_bytes=10)
    answer = asyncio.run(call(limited, receiving(), scope(content_length=length)))
    assert answer[0] == 413


def test_a_false_length_does_not_help() -> None:
    """A small Content-Length before a large body changes nothing."""
    limited = BodyLimitMiddleware(opened(), max_bytes=10)
    answer = asyncio.run(call(limited, receiving(b"x" * 11), scope(content_length="1")))
    assert answer[0] == 413


def test_a_slow_body_times_out() -> None:
    """A client that stops sending is answered 408 and holds nothing."""
    limited = BodyLimitMiddleware(opened(), max_bytes=10, timeout_s=0.05)
    assert asyncio.run(call(limited, receiving()))[0] == 408


def test_a_client_that_leaves_is_not_served() -> None:
    """A disconnect in the middle of a body runs nothing."""
    app = opened()

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(BodyLimitMiddleware(app, max_bytes=10)(scope(), gone, send))
    assert (sent, app.seen) == ([], 0)


def test_more_than_the_limit_at_once_is_503() -> None:
    """The surplus is told to come again, and the slot is free after the others end."""

    async def scenario() -> list[int]:
        app = Echo()
        limited = ConcurrencyMiddleware(app, limit=2)
        running = [asyncio.create_task(call(limited, receiving(b"x"))) for _ in range(2)]
        while app.seen < 2:
            await asyncio.sleep(0)
        refused = await call(limited, receiving(b"x"))
        app.release.set()
        done = await asyncio.gather(*running)
        again = await call(limited, receiving(b"x"))
        return [refused[0], *(status for status, _ in done), again[0]]

    assert asyncio.run(scenario()) == [503, 200, 200, 200]


def test_health_is_answered_by_a_full_service() -> None:
    """A probe is not counted, or a busy service would be restarted."""

    async def scenario() -> int:
        limited = ConcurrencyMiddleware(opened(), limit=0)
        return (await call(limited, receiving(b""), {**scope(), "path": "/healthz"}))[0]

    assert asyncio.run(scenario()) == 200


def test_the_service_has_the_limits_of_its_settings(service: Service) -> None:
    """The app as it is built refuses a body beyond gateway.max_body_bytes."""
    size = service.guard.settings.gateway.max_body_bytes + 1
    answer = service.client().post("/v1/scan", content=b"x" * size)
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "LimitError")


def test_a_stranger_does_not_get_to_the_body(service: Service) -> None:
    """Without a key a large body is 401, not 413."""
    size = service.guard.settings.gateway.max_body_bytes + 1
    assert service.client(None).post("/v1/scan", content=b"x" * size).status_code == 401
