"""What HTTP adds to a scan: requests a second of ``/v1/scan`` against calls of the scanner.

    python benchmarks/gateway.py --requests 400 --clients 1 4 --out benchmarks/results

Service and clients share one process and its cores, so the ratio is a lower bound of what a service
of its own reaches. Both sides scan the same texts, in turn within each round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from ragbastion.core.settings import Settings
from ragbastion.gateway import create_app
from ragbastion.gateway.authentication import Authenticator
from ragbastion.gateway.server import bound_socket, configuration
from ragbastion.ingest.scanner import Scanner
from ragbastion.retrieval_guard import Guard
from ragbastion.tenancy import ApiKeys
from report import print_table, write_bars, write_json

KEY = "a-key-for-this-benchmark-only"
ROUNDS = 5
SENTENCES = (
    "The harbour opens at six in the morning and closes at nine in the evening. ",
    "Invoices are paid within thirty days of receipt, unless the contract says otherwise. ",
    "The crane on the east quay lifts forty tons and is inspected every spring. ",
)
SIZES = {"short": 1, "passage": 12, "page": 60}

Row = dict[str, Any]


def main() -> None:
    """Measure, print a table, and write JSON and a plot."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as (url, guard):
        rows = [
            measure(url, guard.scanner, name, clients, arguments.requests)
            for name in SIZES
            for clients in arguments.clients
        ]
    print_table("/v1/scan against Scanner.scan", rows)
    result = {"rows": rows, "rounds": ROUNDS, "load_average": os.getloadavg()}
    write_json(arguments.out, "gateway", result)
    bars = {
        f"{clients} clients": {
            row["text"]: row["ratio"] for row in rows if row["clients"] == clients
        }
        for clients in arguments.clients
    }
    title = "scans a second over HTTP, as a share of direct calls"
    write_bars(arguments.out, "gateway", title, bars, "ratio")


def measure(url: str, scanner: Scanner, name: str, clients: int, requests: int) -> Row:
    """Return medians of rounds in which direct calls and requests alternate."""
    text = text_of(SIZES[name])
    direct, served = [], []
    with _clients(url, clients) as pool:
        _send(pool, text, clients * 4)
        for _ in range(ROUNDS):
            direct.append(requests / _timed(lambda: [scanner.scan(text) for _ in range(requests)]))
            served.append(requests / _timed(lambda: _send(pool, text, requests)))
    return {
        "text": name,
        "characters": len(text),
        "clients": clients,
        "direct_per_s": statistics.median(direct),
        "http_per_s": statistics.median(served),
        "ratio": statistics.median(h / d for h, d in zip(served, direct, strict=True)),
    }


def text_of(sentences: int) -> str:
    """Return ordinary text of so many sentences."""
    return "".join(SENTENCES[at % len(SENTENCES)] for at in range(sentences))


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, Guard]]:
    settings = Settings(state_dir=folder / "state", store=str(folder / "store"))
    keys = ApiKeys(settings.state_dir / "api_keys.db")
    guard = Guard.from_settings(settings)
    app = create_app(guard, Authenticator(keys, KEY), settings)
    config = configuration(app, settings)
    config.lifespan = "off"  # the other models would load beside what is measured
    server = uvicorn.Server(config)
    listening = bound_socket("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1/scan", guard
    server.should_exit = True
    thread.join()
    listening.close()
    guard.close()
    keys.close()


class _Pool:
    """Clients that each keep one connection, and the threads that use them."""

    def __init__(self, url: str, count: int) -> None:
        self.url = url
        self.clients = [
            httpx.Client(headers={"Authorization": f"Bearer {KEY}"}) for _ in range(count)
        ]
        self.threads = ThreadPoolExecutor(count)


@contextmanager
def _clients(url: str, count: int) -> Iterator[_Pool]:
    pool = _Pool(url, count)
    yield pool
    pool.threads.shutdown()
    for client in pool.clients:
        client.close()


def _send(pool: _Pool, text: str, requests: int) -> None:
    shares = [requests // len(pool.clients)] * len(pool.clients)
    shares[0] += requests - sum(shares)

    def work(client: httpx.Client, share: int) -> None:
        for _ in range(share):
            client.post(pool.url, json={"text": text}).raise_for_status()

    list(pool.threads.map(work, pool.clients, shares))


def _timed(call: Any) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400, help="a round and side")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
