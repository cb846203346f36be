"""The transparency log: appending, proving and auditing, against pymerkle's tree in SQLite.

    python benchmarks/log.py --out benchmarks/results --entries 1000000 --peer PYTHON

PYTHON is an interpreter with pymerkle installed; without it the peer is left out. Both keep the
entries and their hashes in SQLite; ours also signs a checkpoint in each commit, files entries by
subject and survives power loss. The roots of both must be equal. All is timed by the processor time
of the process, so that other work on the machine counts little; appends one a commit, which wait
for the disk, by the clock.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ragbastion.ingest.provenance.log import NoteSigner, TransparencyLog
from ragbastion.ingest.provenance.log.audit import LogAudit
from ragbastion.ingest.provenance.log.checkpoint import open_checkpoint, sign_checkpoint
from ragbastion.ingest.provenance.log.database import SqliteLogDatabase
from ragbastion.ingest.provenance.log.seen import SeenCheckpoint
from ragbastion.ingest.provenance.log.storage import LogStorage
from ragbastion.ingest.provenance.log.transparency_log import LogParts
from ragbastion.ingest.provenance.log.tree import grew, includes
from ragbastion.ingest.provenance.merkle import leaf_hash
from report import print_table, write_bars, write_json

BATCH = 1000
SIGNER = NoteSigner("bench.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))

Row = dict[str, Any]


def main() -> None:
    """Measure, print, and write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--singles", type=int, default=300)
    parser.add_argument("--proofs", type=int, default=500)
    parser.add_argument("--peer", help="an interpreter with pymerkle")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, ours = measure(options, Path(folder))
        peer_root, peer = measure_peer(options, Path(folder)) if options.peer else (root, None)
    assert peer_root == root, "the two trees have different roots"
    rows = [ours, peer] if peer else [ours]
    print_table(f"{options.entries} entries of 270 bytes", rows)
    checkpoints = measure_checkpoints()
    print_table("Checkpoints", [checkpoints])
    found = {"rows": rows, "checkpoints": checkpoints, "entries": options.entries, "root": root}
    write_json(options.out, "log", found)
    names = ("inclusion ms", "consistency ms")
    series = {row["what"]: {name: row[name] for name in names} for row in rows}
    write_bars(options.out, "log", f"Proofs of {options.entries} entries", series, "milliseconds")


def opened(folder: Path) -> TransparencyLog:
    """Open the log of a folder."""
    storage = LogStorage(SqliteLogDatabase(folder / "log.db"))
    seen = SeenCheckpoint(folder / "log.seen", SIGNER.key)
    return TransparencyLog(LogParts(storage=storage, signer=SIGNER, seen=seen))


def measure(options: argparse.Namespace, folder: Path) -> tuple[str, Row]:
    """Return the root and our row."""
    count = options.entries
    log = opened(folder)
    start = time.process_time()
    for first in range(0, count, BATCH):
        own = range(first, min(first + BATCH, count))
        log.append([entry(at) for at in own], [f"bench/{at * 7919 % count:032x}" for at in own])
    batched = count / (time.process_time() - start)
    log.close()
    log = opened(folder)
    first_ms = ms(lambda: log.inclusion(0, count))
    root = log.root(count)
    places = [at * (count // options.proofs) for at in range(options.proofs)]
    inclusion = statistics.median(ms(proved(log, at, count, root)) for at in places)
    consistency = statistics.median(ms(grown(log, at, count, root)) for at in places)
    start = time.process_time()
    audit = LogAudit(log.storage, SIGNER.key, [])
    audit.run()
    assert audit.report().clean
    audit_s = time.process_time() - start
    start = time.perf_counter()
    for at in range(options.singles):
        log.append([entry(count + at)])
    single = options.singles / (time.perf_counter() - start)
    log.close()
    return root.hex(), {
        "what": "ragbastion log",
        "append/s, 1000 a commit": batched,
        "append/s, one a commit, by the clock": single,
        "first proof ms": first_ms,
        "inclusion ms": inclusion,
        "consistency ms": consistency,
        "audit s": audit_s,
        "bytes an entry": (folder / "log.db").stat().st_size / (count + options.singles),
    }


def measure_peer(options: argparse.Namespace, folder: Path) -> tuple[str, Row]:
    """Return the root and the row of pymerkle, measured by a process of its own interpreter."""
    script = str(Path(__file__).with_name("log_peer.py"))
    sizes = [str(each) for each in (options.entries, options.singles, options.proofs)]
    command = [options.peer, script, *sizes, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return found["root"], found["row"]


def measure_checkpoints() -> Row:
    """Return what it costs to sign a checkpoint, and to verify one with three cosignatures."""
    from ragbastion.ingest.provenance.log import TreeHead

    head = TreeHead(SIGNER.key.name, 1, bytes(32))
    note = sign_checkpoint(head, SIGNER, 1)
    plain = open_checkpoint(note, SIGNER.key)
    key = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
    witnesses = [NoteSigner(f"w.example/{at}", key) for at in range(3)]
    cosigned = plain.with_lines([each.cosign(head.text, 1) for each in witnesses])
    keys = [each.cosigner for each in witnesses]
    runs = range(300)
    return {
        "sign ms": statistics.median(ms(lambda: sign_checkpoint(head, SIGNER, 1)) for _ in runs),
        "verify ms": statistics.median(ms(lambda: open_checkpoint(note, SIGNER.key)) for _ in runs),
        "verify with 3 witnesses ms": statistics.median(
            ms(lambda: open_checkpoint(cosigned, SIGNER.key, keys)) for _ in runs
        ),
    }


def entry(at: int) -> bytes:
    """Return an entry of about 270 bytes."""
    return b'{"at":%d,"pad":"%s"}' % (at, b"x" * 250)


def proved(log: TransparencyLog, at: int, size: int, root: bytes) -> Callable[[], None]:
    """Return what proves and verifies one entry."""

    def act() -> None:
        data = log.storage.entry(at)
        assert data is not None
        assert includes(leaf_hash(data), at, size, log.inclusion(at, size), root)

    return act


def grown(log: TransparencyLog, at: int, size: int, root: bytes) -> Callable[[], None]:
    """Return what proves and verifies growth from one size."""

    def act() -> None:
        assert grew(at, log.root(at), size, root, log.consistency(at, size))

    return act


def ms(act: Callable[[], object]) -> float:
    """Return how much processor time one call takes, in milliseconds."""
    start = time.process_time()
    act()
    return 1000 * (time.process_time() - start)


if __name__ == "__main__":
    main()
