"""Append to a log until killed; for ``test_kill.py``.

    python kill_worker.py FOLDER

Prints the index of each entry once its append has returned, so that the parent knows what must
survive.
"""

import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ragbastion.ingest.provenance.log import NoteSigner, TransparencyLog
from ragbastion.ingest.provenance.log.database import SqliteLogDatabase
from ragbastion.ingest.provenance.log.seen import SeenCheckpoint
from ragbastion.ingest.provenance.log.storage import LogStorage
from ragbastion.ingest.provenance.log.transparency_log import LogParts


def main(folder: Path) -> None:
    """Append three entries at a time, for ever."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
    signer = NoteSigner("log.example/test", key)
    log = TransparencyLog(
        LogParts(
            storage=LogStorage(SqliteLogDatabase(folder / "log.db")),
            signer=signer,
            seen=SeenCheckpoint(folder / "log.seen", signer.key),
        )
    )
    at = log.storage.size()
    while True:
        log.append([b"%d" % (at + each) for each in range(3)])
        log.seen.flush()
        at += 3
        sys.stdout.write(f"{at}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
