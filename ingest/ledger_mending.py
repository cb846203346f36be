"""Make good a ledger that was put back: what it lost is withdrawn until it is ingested again.

INVARIANT: a document is withdrawn here and in the log before the ledger counts as new again, so a
mending that is cut short is finished by running it again.
"""

from __future__ import annotations

from ..core.events import Event, EventSink
from .ledger import Ledger, LedgerKey
from .provenance import BatchSigner
from .provenance.log import Tampering

_LOST = {Tampering.LEDGER_BEHIND, Tampering.UNFINISHED}


def mend(ledger: Ledger, signer: BatchSigner, events: EventSink, principal: str) -> list[LedgerKey]:
    """Withdraw the documents that the log knows a newer version of, and return which they are.

    Where the ledger is ahead of the log nothing is done: that is a log that was put back.
    """
    differences, changes = signer.ledger_differences(ledger)
    lost = [each.key for each in differences if each.finding.kind in _LOST]
    # The number alone still refuses to serve: it is raised last, above all that was logged.
    for key in lost:
        change = changes + ledger.intend_withdrawal(key)
        signer.withdraw((key.tenant, key.collection, key.source), key.document, change)
        ledger.withdraw(key)
        _tell(events, key, principal)
        changes = max(changes, change)
    ledger.count_on_from(changes)
    return lost


def _tell(events: EventSink, key: LedgerKey, principal: str) -> None:
    detail = {"document": key.document, "source": key.source, "collection_uid": key.collection}
    events.emit(
        Event(
            kind="ledger.mended",
            tenant=key.tenant,
            subject=key.document,
            outcome="withdrawn",
            principal=principal,
            detail=detail,
        )
    )
