"""A million honest round trips, and every kind of tampering many times over: what is refused.

    python benchmarks/round_trips.py --out benchmarks/results

Honest: chunks of many scripts, metadata, dimensions and kinds of vectors are signed in batches,
written as stores write (JSON, float32 normalised again, half precision; ``--stored`` of them each
in the embedded store and in Qdrant's local mode), read back and verified. Tampered: collections of
real stores, attacked, retrieved from and swept; and points of a store in memory, each beside an
honest one. Ed25519 for each chunk and vectorpin, where installed, check the same. Counted is what
is refused, not asserted: a false alarm or a miss is a number in the table.

Uses ``--processes``. What is done stands in ``round_trips.progress.jsonl`` until the end: the same
command goes on from there.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy loads: a process, a core

import argparse
import json
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ragbastion.benchmarks.tampering.attacked import collections, points
from ragbastion.benchmarks.tampering.honest_trips import in_memory, through_store
from ragbastion.benchmarks.tampering.kinds import TAMPERINGS
from ragbastion.benchmarks.tampering.peers import installed_peers
from report import origin, print_table, write_bars, write_json

SEED = 7
_PEERS = ("ed25519", "vectorpin")
STORES = ("EdgeStore", "Qdrant local mode")
_SHARD, _COLLECTIONS, _POINTS = 10_000, 10, 1000
Row = dict[str, Any]
Task = tuple[str, str, int, int]
"""What to do, with which store or kind, from where, and how many."""


def main() -> None:
    """Measure, print, and write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--honest", type=int, default=1_000_000)
    parser.add_argument("--stored", type=int, default=20_000, help="of these, through each store")
    parser.add_argument("--collections", type=int, default=30, help="tampered with, for each kind")
    parser.add_argument("--points", type=int, default=5000, help="tampered with, for each kind")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    start = time.monotonic()
    done = run(list(tasks(options)), options)
    honest, peers = honest_rows(done), peer_rows(done)
    tampered = tampered_rows(done)
    print_table("Honest round trips", honest)
    print_table("Honest round trips, by others", peers)
    print_table("Tampered with", tampered)
    results = {
        "honest": honest,
        "honest, by peers": peers,
        "tampered": tampered,
        "dimensions": dimensions(done),
        "reasons of false alarms": [why for each in done for why in each.get("reasons", [])],
        "seconds of the last run": time.monotonic() - start,
    }
    write_json(options.out, "round_trips", results, seed=SEED)
    write_bars(options.out, "round_trips", "Tampered collections caught", shares(tampered), "share")
    _progress(options).unlink()


def tasks(options: argparse.Namespace) -> Iterator[Task]:
    """Yield what is to be done, the costliest first."""
    for store in STORES:
        yield from _cut("stored", store, options.stored, _SHARD)
    yield from _cut("honest", "", options.honest - len(STORES) * options.stored, _SHARD)
    for kind, tampering in TAMPERINGS.items():
        yield from _cut("collections", kind, options.collections, _COLLECTIONS)
        if tampering.undone:
            yield from _cut("points", kind, options.points, _POINTS)


def _cut(what: str, which: str, count: int, size: int) -> Iterator[Task]:
    for start in range(0, count, size):
        yield what, which, start, min(size, count - start)


def run(wanted: list[Task], options: argparse.Namespace) -> list[Row]:
    """Do what is not yet done; return all results."""
    progress, done = _progress(options), _earlier(options)
    left = [task for task in wanted if task not in done]
    print(f"{len(wanted)} tasks, {len(wanted) - len(left)} of them done before", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with context.Pool(options.processes) as pool, progress.open("a") as file:
        if not done:
            file.write(json.dumps(_origin()) + "\n")
        for task, result in pool.imap_unordered(do, left):
            done[task] = result
            file.write(json.dumps([task, result]) + "\n")
            file.flush()
            if len(done) % 20 == 0:
                print(f"{len(done)}/{len(wanted)}", flush=True)
    return [done[task] for task in wanted]


def do(task: Task) -> tuple[Task, Row]:
    """Do one task, in a process of its own."""
    what, which, start, count = task
    if what == "collections":
        return task, {"counts": collections(which, start, count, installed_peers())}
    if what == "points":
        return task, {"counts": points(which, start, count)}
    with tempfile.TemporaryDirectory() as folder:
        place, seed = Path(folder), SEED * 10**9 + start
        if what == "stored":
            tally = through_store(which, count, seed, place)
        else:
            tally = in_memory(count, seed, place, installed_peers())
    return task, tally.as_dict()


def _progress(options: argparse.Namespace) -> Path:
    return Path(options.out) / "round_trips.progress.jsonl"


def _origin() -> Row:
    """Return what earlier results must share with ours."""
    told = origin(SEED)
    return {name: told[name] for name in ("commit", "versions", "seed")}


def _earlier(options: argparse.Namespace) -> dict[Task, Row]:
    """Return what an earlier run of the same code did; what it had half written is done again."""
    path = _progress(options)
    lines = path.read_text().splitlines() if path.exists() else []
    if not lines or json.loads(lines[0]) != _origin():
        path.unlink(missing_ok=True)
        return {}
    done: dict[Task, Row] = {}
    for line in lines[1:]:
        try:
            (what, which, start, count), result = json.loads(line)
        except ValueError:
            break
        done[what, which, start, count] = result
    return done


def honest_rows(done: list[Row]) -> list[Row]:
    """Return a row for each kind of trip, and one for all."""
    trips, refused = _sum(done, "trips"), _sum(done, "refused")
    rows = [
        {"round trip": name, "chunks": trips[name], "refused": refused[name]}
        for name in sorted(trips)
    ]
    return [*rows, {"round trip": "all", "chunks": trips.total(), "refused": refused.total()}]


def peer_rows(done: list[Row]) -> list[Row]:
    """Return for each peer and trip how many honest points it checked and refused."""
    counts = _sum(done, "peers")
    pairs = sorted({tuple(name.split("|")[:2]) for name in counts})
    rows = []
    for peer, name in pairs:
        accepted, refused, unsigned = (
            counts[f"{peer}|{name}|{what}"] for what in ("accepted", "refused", "cannot sign")
        )
        rows.append(
            {
                "peer": peer,
                "round trip": name,
                "chunks": accepted + refused + unsigned,
                "refused": refused,
                "cannot be signed": unsigned,
            }
        )
    return rows


def tampered_rows(done: list[Row]) -> list[Row]:
    """Return a row for each kind of tampering, and one for all."""
    counts = _sum(done, "counts")
    asked = [name for name in _PEERS if any(f"|{name} " in c for c in counts)]
    columns = ["collections", "collections caught", "collections named"]
    columns += ["points", "points caught", "points named", "false alarms"]
    rows: list[Row] = []
    for kind in (*TAMPERINGS, None):
        kinds = [kind] if kind else list(TAMPERINGS)
        row: Row = {"kind": kind or "all"}
        row |= {name: sum(counts[f"{each}|{name}"] for each in kinds) for name in columns}
        for name in asked:
            caught = sum(counts[f"{each}|{name}"] for each in kinds)
            of = sum(counts[f"{each}|{name} asked"] for each in kinds)
            row[f"{name} caught"] = f"{caught} of {of}" if of else ""
        rows.append(row)
    return rows


def shares(rows: list[Row]) -> dict[str, dict[str, float]]:
    """Return for the plot which share of tampered collections each way of checking caught."""
    series: dict[str, dict[str, float]] = {"ragbastion": {}}
    for row in rows[:-1]:
        series["ragbastion"][row["kind"]] = row["collections caught"] / row["collections"]
        for name in _PEERS:
            caught, _, of = row.get(f"{name} caught", "").partition(" of ")
            if of:
                series.setdefault(name, {})[row["kind"]] = int(caught) / int(of)
    return series


def dimensions(done: list[Row]) -> dict[str, int]:
    """Return how many round trips had vectors of each dimension."""
    counts = Counter[str]()
    for each in done:
        counts.update({str(name): n for name, n in each.get("dimensions", {}).items()})
    return dict(counts)


def _sum(done: list[Row], field: str) -> Counter[str]:
    counts = Counter[str]()
    for each in done:
        counts.update(each.get(field, {}))
    return counts


if __name__ == "__main__":
    main()
