"""A server on this machine that answers every request at once with the same bytes.

It stands in for a Qdrant server where the client's own time is measured: whatever a real one takes
comes on top, for a guarded client and a plain one alike.
"""

from __future__ import annotations

import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_CHUNK = 65_536


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """Serve in a process of its own until the block ends; yield the URL."""
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        spawned = multiprocessing.get_context("spawn")
        server = spawned.Process(target=_serve, args=(listener, head.encode() + body), daemon=True)
        server.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.terminate()
            server.join()


def _serve(listener: socket.socket, answer: bytes) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while _request(connection):
                connection.sendall(answer)


def _request(connection: socket.socket) -> bool:
    """Read one request; False when the client has gone."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (more := connection.recv(_CHUNK)):
            return False
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:])
    missing = int(fields.get(b"content-length", b"0")) - len(body)
    while missing > 0:
        missing -= len(connection.recv(_CHUNK))
    return True
