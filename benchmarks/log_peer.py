"""What `log.py` measures of pymerkle's tree in SQLite; run with an interpreter that has pymerkle.

    python benchmarks/log_peer.py ENTRIES SINGLES PROOFS FOLDER

Prints one JSON object.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from pymerkle import SqliteTree, verify_consistency, verify_inclusion


def main() -> None:
    """Append, prove, and print rates, milliseconds and the root."""
    count, singles, proofs = (int(each) for each in sys.argv[1:4])
    path = Path(sys.argv[4]) / "peer.db"
    tree = SqliteTree(str(path))
    start = time.process_time()
    for first in range(0, count, 1000):
        tree.append_entries([_entry(at) for at in range(first, min(first + 1000, count))])
    batched = count / (time.process_time() - start)
    tree.close()
    tree = SqliteTree(str(path))
    first_ms = _ms(lambda: tree.prove_inclusion(1, count))
    root = tree.get_state(count)
    places = [1 + at * (count // proofs) for at in range(proofs)]
    inclusion = statistics.median(_ms(_proved(tree, at, count, root)) for at in places)
    consistency = statistics.median(_ms(_grown(tree, at, count, root)) for at in places)
    start = time.perf_counter()
    for at in range(singles):
        tree.append_entry(_entry(count + at))
    result = {
        "what": f"pymerkle {version('pymerkle')} SqliteTree",
        "append/s, 1000 a commit": batched,
        "append/s, one a commit, by the clock": singles / (time.perf_counter() - start),
        "first proof ms": first_ms,
        "inclusion ms": inclusion,
        "consistency ms": consistency,
        "audit s": None,
        "bytes an entry": path.stat().st_size / (count + singles),
    }
    sys.stdout.write(json.dumps({"root": root.hex(), "row": result}))


def _entry(at: int) -> bytes:
    return b'{"at":%d,"pad":"%s"}' % (at, b"x" * 250)


def _proved(tree: SqliteTree, at: int, size: int, root: bytes) -> Callable[[], None]:
    return lambda: verify_inclusion(tree.get_leaf(at), root, tree.prove_inclusion(at, size))


def _grown(tree: SqliteTree, at: int, size: int, root: bytes) -> Callable[[], None]:
    return lambda: verify_consistency(tree.get_state(at), root, tree.prove_consistency(at, size))


def _ms(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return 1000 * (time.process_time() - start)


if __name__ == "__main__":
    main()
