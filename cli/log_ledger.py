"""``ragbastion log mend-ledger``: make good a ledger that was put back."""

from __future__ import annotations

from contextlib import closing

from .command import ExitCode
from .options import Config, Json
from .output import write_json, write_table
from .state import load, user_name


def mend_ledger(json_output: Json = False, config: Config = None) -> ExitCode:
    """Withdraw every document of which the ledger lost a version, so that no older one is served.

    For a 'ledger.db' that was restored from a backup where no newer one is left. The transparency
    log names the documents; ingest them again to serve them. Run 'log verify' first. Exit code: 0
    nothing was lost, 1 documents were withdrawn.
    """
    from ..ingest.ledger import LEDGER_FILE, Ledger
    from ..ingest.ledger_mending import mend
    from ..ingest.provenance import BatchSigner
    from ..policies import AuditLog

    settings = load(config)
    with (
        closing(AuditLog(settings.state_dir / "audit.db")) as events,
        closing(Ledger(settings.state_dir / LEDGER_FILE)) as ledger,
        closing(BatchSigner(settings.state_dir, settings.provenance, events)) as signer,
    ):
        mended = mend(ledger, signer, events, user_name())
    rows = [[key.tenant, key.source, key.document, key.collection] for key in mended]
    columns = ("tenant", "source", "document", "collection_uid")
    if json_output:
        write_json({"withdrawn": [dict(zip(columns, row, strict=True)) for row in rows]})
    else:
        write_table(f"{len(rows)} documents to ingest again", columns, rows)
    return ExitCode.FINDINGS if rows else ExitCode.CLEAN
