"""One call of the poisoning signals over LlamaIndex nodes: measured, held, told of, learned.

- INVARIANT: a document is admitted or held with all of its nodes in the call.
- INVARIANT: what a person has not let in stays held; what one released is held by no signal.
- What an earlier call admitted is out of reach here: it is named, and ``withdraw`` is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.verdict import Decision, Verdict
from ..ingest.admission import elsewhere
from ..ingest.collection_screening import CollectionScreening
from ..ingest.quarantine import QuarantineState
from ..ingest.signals import Earlier
from ..ingest.signals.surroundings import IsNew
from .llama_holding import NodeHolding
from .llama_measured import NodeDocument

BATCH = 64
"""Documents that are compared with each other: cost and memory grow with the square of it."""

Withdraw = Callable[[str, str, str], object]
"""Takes a version out that a store may still serve: of a source, a document, with its digest."""


def keep_stored(source: str, document: str, digest: str) -> None:
    """Withdraw nothing: who reads the events takes it out."""


class NodeScreening:
    """Judges the documents of one call, batch by batch; make one for each call."""

    def __init__(
        self,
        screening: CollectionScreening,
        holding: NodeHolding,
        is_new: IsNew,
        withdraw: Withdraw,
    ) -> None:
        self._screening = screening
        self._holding = holding
        self._is_new = is_new
        self._withdraw = withdraw
        self._judged: dict[tuple[str, str, str], NodeDocument] = {}

    def admitted(self, documents: Sequence[NodeDocument]) -> list[NodeDocument]:
        """Return the documents that may go on, marked; the others are held, and all is learned."""
        for at in range(0, len(documents), BATCH):
            self._screen(documents[at : at + BATCH])
        self._screening.save()
        admitted = _passing(documents)
        for each in admitted:
            each.mark()
        return admitted

    def _screen(self, batch: Sequence[NodeDocument]) -> None:
        due = [each for each in batch if not self._is_decided(each)]
        _add(due, self._screening.texts(due))
        labelled = [each for each in _passing(due) if each.label]
        told = self._screening.texts([each.labelled() for each in labelled])
        _add(labelled, [elsewhere(verdict, "metadata") for verdict in told])
        embedded = _passing(due)
        _add(embedded, self._screening.vectors(embedded))
        held, passing = [each for each in batch if each.is_held], _passing(batch)
        self._screening.remember_held(held)
        for each in held:
            self._hold(each)
        self._take_back(self._screening.earlier())
        self._screening.learn(passing)
        self._judged.update({each.version: each for each in batch})

    def _is_decided(self, each: NodeDocument) -> bool:
        """Take over what a person decided of exactly this version, or has still to decide."""
        record = self._holding.find(*each.version)
        if record is None:
            return False
        if record.state is QuarantineState.RELEASED:
            each.released = record.id
            return False
        why = f"{record.state.value} in quarantine already"
        each.verdict = Verdict(decision=Decision.QUARANTINE, reasons=(why,))
        return True

    def _hold(self, each: NodeDocument) -> None:
        nodes = [node.node_id for node in each.nodes]
        self._holding.hold(each.name, each.digest, each.text, each.verdict, nodes)
        # An earlier call may have let the very version in.
        self._withdraw(*each.version)

    def _take_back(self, earlier: Sequence[tuple[Earlier, Verdict]]) -> None:
        """Hold what this call let pass of a burst, and name what earlier ones did."""
        if not earlier:
            return
        # First: who takes it out of the store takes away what the next would be compared with.
        self._screening.remember([each for each, _ in earlier])
        for each, verdict in earlier:
            version = (each.source, each.document, each.digest)
            own = self._judged.get(version)
            if own is None:
                self._name(version, verdict)
            elif not own.is_held and not own.released:
                own.verdict = own.verdict.merge(verdict)
                self._hold(own)

    def _name(self, version: tuple[str, str, str], verdict: Verdict) -> None:
        source, document, digest = version
        # What is in quarantine was never let in, or a person did; who is vouched for may burst.
        if self._holding.find(*version) is not None or not self._is_new(source):
            return
        detail: dict[str, object] = {
            "source": source,
            "digest": digest,
            "findings": [finding.detector for finding in verdict.findings],
        }
        self._holding.tell("ingest.to_take_back", document, verdict.decision.value, detail)
        self._withdraw(*version)


def _passing(batch: Sequence[NodeDocument]) -> list[NodeDocument]:
    return [each for each in batch if not each.is_held]


def _add(batch: Sequence[NodeDocument], verdicts: Sequence[Verdict]) -> None:
    for each, verdict in zip(batch, verdicts, strict=True):
        each.verdict = each.verdict.merge(verdict)
