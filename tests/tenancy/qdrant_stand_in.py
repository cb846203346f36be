"""A loopback stand-in for a Qdrant server: answers as told, and keeps what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_UPDATES = ("/index", "/points/delete")


@dataclass
class StandIn:
    """``answers`` by method and path, or what makes one of the body; ``asked`` keeps requests."""

    url: str = ""
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)


@contextmanager
def stand_in(answers: dict[tuple[str, str], Any]) -> Iterator[StandIn]:
    """Serve on a free port until the block ends; what has no answer is answered as done."""
    state = StandIn(answers=answers)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path.split("?")[0]
            state.asked.append((self.command, path, body))
            usual = {"status": "completed"} if path.endswith(_UPDATES) else True
            told = state.answers.get((self.command, path), usual)
            result = told(body) if callable(told) else told
            sent = json.dumps({"result": result, "status": "ok", "time": 0.0}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def described(**changes: Any) -> dict[str, Any]:
    """Return a server's description of a shared collection as this package makes it."""
    index = {"type": "keyword", "is_tenant": True}
    told: dict[str, Any] = {
        "status": "green",
        "optimizer_status": "ok",
        "segments_count": 1,
        "points_count": 0,
        "config": {
            "params": {"vectors": {"size": 4, "distance": "Cosine"}},
            "hnsw_config": {
                "m": 0,
                "payload_m": 16,
                "ef_construct": 100,
                "full_scan_threshold": 10000,
            },
            "optimizer_config": {
                "deleted_threshold": 0.2,
                "vacuum_min_vector_number": 1000,
                "default_segment_number": 0,
                "flush_interval_sec": 5,
            },
            "metadata": {"ragbastion_tenancy": {"mode": "shared"}},
        },
        "payload_schema": {"tenant": {"data_type": "keyword", "params": index, "points": 0}},
    }
    config = told["config"]
    config["params"] |= changes.pop("params", {})
    return {**told, **changes}
