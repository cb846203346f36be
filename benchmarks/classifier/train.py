"""Train the scanner's classifier, and measure it on sources that it did not see.

    python -m benchmarks.classifier.train --data DIR --work DIR [--step STEP]

``DIR/injection`` and ``DIR/poison`` hold the public files; ``--work`` keeps checkpoints and scores.
Steps, in order; ``all`` does all but ``families``:

- ``first``: trains on our own seeds without the later ones, which it scores, and harmless passages;
- ``base``: goes on with all seeds, and scores every public source (none was seen);
- ``gates``: trains a gate for each fold of sources left out;
- ``folds``: goes on from the base for each fold, and scores what was left out, behind its gate;
- ``families``: leaves out kinds of attack instead of sources;
- ``final``: goes on from the base with all sources;
- ``export``: writes ``ingest/scanner/model``.

Runs on a processor; the same seed gives the same order of examples.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from ragbastion.ingest.scanner.model_files import SHIPPED

from .export import export_model
from .gate_network import GateNetwork
from .gate_training import operating_points, train_gate
from .network import SpanNetwork
from .rows import (
    FAMILIES,
    FOLDS,
    clean_passages,
    kept,
    kept_families,
    left_out,
    left_out_family,
    public_examples,
    sample,
)
from .scoring import Gate, write_judged
from .seeds import LATER, Seeds, load_seeds
from .synthesis import Example
from .training import Material, seed_documents, train, training_windows

LAYERS = 3
"""Six gave no better spans on sources left out, in twice the time."""
FIRST_WINDOWS, MORE_WINDOWS, FOLD_WINDOWS, FINAL_WINDOWS = 80_000, 24_000, 6_000, 28_000
BASE_RATE, NEXT_RATE = 3e-4, 2e-4
SCORED = 400
"""Documents of each source and label that a fold scores."""
GATE_WINDOWS = 30_000
KEPT = 0.93
"""Share of the attacks of sources left out for which the gate opens."""
TRAINED_ON = 4_000
"""Harmless passages that training may see; the others are for measuring."""
SEED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument(
        "--step",
        choices=("first", "base", "gates", "folds", "families", "final", "export", "all"),
        default="all",
    )
    parser.add_argument("--fold", choices=tuple(FOLDS), action="append")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    run = _Run(options.data, options.work)
    if options.step in ("first", "all"):
        run.first()
        run.later()
    if options.step in ("base", "all"):
        run.base()
    if options.step in ("gates", "all"):
        run.gates()
    if options.step in ("folds", "all"):
        for fold in options.fold or FOLDS:
            run.fold(fold)
    if options.step == "families":
        for family in FAMILIES:
            run.family(family)
    if options.step in ("final", "all"):
        run.final()
    if options.step in ("export", "all"):
        run.export()
    return 0


class _Run:
    def __init__(self, data: Path, work: Path) -> None:
        self._work = work
        self._public = public_examples(data)
        passages = clean_passages(data)
        random.Random(SEED).shuffle(passages)
        self._clean, self._unseen = passages[:TRAINED_ON], passages[TRAINED_ON:]

    def first(self) -> None:
        seeds = load_seeds(without=LATER)
        network = train(
            SpanNetwork(LAYERS), self._material([], seeds), FIRST_WINDOWS, BASE_RATE, SEED
        )
        self._keep(network, "first")

    def later(self) -> None:
        documents = [e for e in seed_documents(load_seeds()) if e.source.split("/")[1] in LATER]
        write_judged(self._load("first"), None, documents, self._work / "judged-later.jsonl")

    def base(self) -> None:
        network = train(self._load("first"), self._material([]), MORE_WINDOWS, NEXT_RATE, SEED)
        self._keep(network, "base")
        held = sample(self._public, SCORED // 2, SEED)
        write_judged(network, None, [*held, *self._unseen[:600]], self._work / "judged-base.jsonl")

    def fold(self, name: str) -> None:
        material = self._material(kept(self._public, name))
        network = train(self._load("base"), material, FOLD_WINDOWS, NEXT_RATE, SEED)
        self._keep(network, f"fold-{name}")
        held = sample(list(left_out(self._public, name)), SCORED, SEED)
        share = len(self._unseen) // len(FOLDS)
        first = list(FOLDS).index(name) * share
        unseen = self._unseen[first : first + 200]
        gate = Gate(network=self._load_gate(name), logit=self._gate_logit(without=name))
        write_judged(network, gate, [*held, *unseen], self._work / f"judged-{name}.jsonl")

    def family(self, name: str) -> None:
        material = self._material(kept_families(self._public, name))
        network = train(self._load("base"), material, FOLD_WINDOWS, NEXT_RATE, SEED)
        held = sample(list(left_out_family(self._public, name)), SCORED, SEED)
        write_judged(network, None, held, self._work / f"judged-family-{name}.jsonl")

    def final(self) -> None:
        material = self._material(self._public)
        network = train(self._load("base"), material, FINAL_WINDOWS, NEXT_RATE, SEED)
        self._keep(network, "final")

    def export(self) -> None:
        gate = self._gate(self._public)
        export_model(self._load("final"), gate, self._gate_logit(), SHIPPED)

    def gates(self) -> None:
        """Write, for each fold, what a gate that did not see its sources keeps and opens for."""
        points = {}
        for name in FOLDS:
            gate = self._gate(kept(self._public, name))
            self._keep(gate, f"gate-{name}")
            held = sample(list(left_out(self._public, name)), SCORED, SEED)
            attacks = [e for e in held if e.label]
            points[name] = operating_points(gate, [*attacks, *self._unseen[:600]])
            print(name, json.dumps(points[name]), flush=True)
        (self._work / "gates.json").write_text(json.dumps(points, indent=1) + "\n", "utf-8")

    def _gate(self, public: list[Example]) -> GateNetwork:
        stream = training_windows(self._material(public), random.Random(SEED))
        return train_gate(stream, GATE_WINDOWS, SEED)

    def _gate_logit(self, without: str | None = None) -> float:
        """Return the mean threshold that keeps `KEPT` of the attacks of a fold left out."""
        points = json.loads((self._work / "gates.json").read_text("utf-8"))
        rows = [row for name, row in points.items() if name != without]
        limits = [p["limit"] for row in rows for p in row if p["kept"] == KEPT]
        return sum(limits) / len(limits)

    def _material(self, public: list[Example], seeds: Seeds | None = None) -> Material:
        return Material(public=public, clean=self._clean, seeds=seeds or load_seeds())

    def _keep(self, network: SpanNetwork | GateNetwork, name: str) -> None:
        torch.save(network.state_dict(), self._work / f"{name}.pt")

    def _load(self, name: str) -> SpanNetwork:
        network = SpanNetwork(LAYERS)
        state = torch.load(self._work / f"{name}.pt", weights_only=True)
        network.load_state_dict(state)
        return network

    def _load_gate(self, fold: str) -> GateNetwork:
        gate = GateNetwork()
        gate.load_state_dict(torch.load(self._work / f"gate-{fold}.pt", weights_only=True))
        return gate


if __name__ == "__main__":
    sys.exit(main())
