"""The methods that are compared: a gate at ingestion and a chooser at retrieval each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import peers
from .caps import near_duplicate_cap, no_guard, source_cap
from .collection import Gate
from .contexts import Chooser
from .own_retrieval import OwnRetrieval
from .screening import Ruling
from .trustrag import trustrag

OURS, NO_GUARD = "ragbastion", "no guard"
ALONE = "alone: "
"""How the names of the ablation's methods begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A defence: what it keeps out, what it serves of the rest, and how that is meant."""

    name: str
    how: str
    gate: Gate
    choose: Chooser


def open_gate(_: Ruling) -> bool:
    """Let everything in."""
    return False


def own_gate(ruling: Ruling) -> bool:
    """Keep out what ingestion quarantines."""
    return ruling.held


def gate_of(kind: str) -> Gate:
    """Keep out whatever one detector reports, be it to hold or to flag."""
    return lambda ruling: kind in ruling.kinds


def own_methods(kinds: Sequence[str]) -> list[Method]:
    """Return ours, its halves, and each detector of ingestion alone."""
    chooser = OwnRetrieval()
    found = [
        Method(name=OURS, how="ingestion and retrieval", gate=own_gate, choose=chooser),
        Method(
            name=f"{OURS}, retrieval only", how="nothing is held", gate=open_gate, choose=chooser
        ),
        Method(name=f"{OURS}, ingestion only", how="plain search", gate=own_gate, choose=no_guard),
    ]
    for kind in kinds:
        short = kind.removeprefix("outlier.")
        how = "all that this detector reports is held; plain search"
        method = Method(name=f"{ALONE}{short}", how=how, gate=gate_of(kind), choose=no_guard)
        found.append(method)
    return found


def baselines(guardians: Sequence[str], ragdefender: Chooser | None) -> list[Method]:
    """Return what ours is compared with; ``guardians`` are the kinds of the loaded ones."""
    found = [
        Method(name=NO_GUARD, how="plain search", gate=open_gate, choose=no_guard),
        Method(
            name="source cap",
            how="one passage of a source in five",
            gate=open_gate,
            choose=source_cap,
        ),
        Method(
            name="near-duplicate cap",
            how="one passage of those with a cosine of 0.9",
            gate=open_gate,
            choose=near_duplicate_cap,
        ),
        Method(
            name="TrustRAG stage 1",
            how="our writing of arXiv:2501.00879, over the top ten",
            gate=open_gate,
            choose=trustrag,
        ),
    ]
    if ragdefender is not None:
        found.append(
            Method(
                name=peers.installed(peers.RAGDEFENDER),
                how="single_hop over the top ten",
                gate=open_gate,
                choose=ragdefender,
            )
        )
    found += [
        Method(
            name=kind.removeprefix("peer."),
            how="what it calls poisoned is held; plain search",
            gate=gate_of(kind),
            choose=no_guard,
        )
        for kind in guardians
    ]
    return found
