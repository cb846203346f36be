"""What a run works with: data, collection, screenings, methods; built once, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...core.chunk import Matrix
from ...core.errors import UsageError
from ...core.sentence_transformer import SentenceTransformerEmbedder
from ...core.settings import ScanSettings
from ...ingest.scanner import Scanner
from . import peers
from .asked import Queries
from .attacks.made import made_families
from .attacks.targets import targets_of
from .budgets import Budget
from .cache import ATTACKS, Cache, digest
from .collection import Collection
from .families import Family, families_of
from .methods import Method, baselines, own_methods
from .one_thread import one_thread
from .own_signals import OwnSignals
from .rows import Row, find_files, load_rows
from .scans import Scans
from .screening import Ruling, Screening, arrivals_of, ingested
from .trial import Attacker
from .vectors import Vectors, key_of
from .world import World, world_of

SEED = 7
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to measure. Files named here go before those that ``data`` has.

    ``vectors`` is a folder with embeddings of an earlier run, read only; ``made`` tells whether our
    own attacks are run beside those of the files. ``jobs`` processes share the attacks: more than
    one needs a main module that can be imported, and 1.5 GB each for a collection of 10,000.
    """

    out: Path
    data: Path | None = None
    clean: tuple[Path, ...] = ()
    attack: tuple[Path, ...] = ()
    budgets: tuple[Budget, ...] = tuple(Budget)
    queries: Queries = field(default_factory=Queries)
    peers: bool = True
    made: bool = True
    vectors: Path | None = None
    seed: int = SEED
    jobs: int = 1
    settings: ScanSettings = field(default_factory=ScanSettings)


class Bench:
    """Everything that is measured on; what is costly is made when it is first asked for."""

    def __init__(self, request: Request, say: Say) -> None:
        self.request = request
        self.say = say
        self.clean_rows, self.attack_rows = _rows(request)
        self.folder = request.out / "cache"
        others = (request.vectors,) if request.vectors else ()
        self.vectors = Vectors(SentenceTransformerEmbedder(), self.folder / "vectors", others)
        self.skipped: dict[str, str] = {}
        self.targeted = targets_of(self.clean_rows, request.queries.count, request.seed)
        self.world = self._world()
        self.scans = Scans(Scanner(request.settings), self.folder)
        self.guardians = self._guardians()
        self.methods = self._methods()
        self.cache = Cache(self.folder, self._decides())
        self.families = self._families()
        self.rulings: list[Ruling] = []
        self._base_screening: OwnSignals | None = None

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return unit vectors, from the cache where they are known."""
        return self.vectors.told(texts, self.say)

    def prepare(self) -> Collection:
        """Embed everything, ingest the clean collection, and return it."""
        texts = [doc.text for doc in (*self.world.docs, *self.world.reserve)]
        self.embed(texts)
        self.embed([t for f in self.families for t in (*f.texts, *f.questions)])
        self.embed([*self.world.probes, *self.world.history])
        self.vectors.save()
        matrix = self.embed([doc.text for doc in self.world.docs])
        self._base_screening = self.fresh()
        with one_thread():
            self.rulings = self._ingested(self._base_screening, matrix)
        self.scans.save()
        return Collection(self.world, matrix, self.rulings)

    def _ingested(self, screening: OwnSignals, matrix: Matrix) -> list[Ruling]:
        arrivals = arrivals_of(self.world.docs, matrix)
        self.say(f"ingesting {len(arrivals)} clean passages")
        rulings = ingested(screening, arrivals, self._ingest_progress(len(arrivals)))
        for guardian in self.guardians:
            guardian.learn(arrivals)
            said = guardian.judge(arrivals)
            rulings = [ours.joined(its) for ours, its in zip(rulings, said, strict=True)]
        return rulings

    def fresh(self) -> OwnSignals:
        """Return a screening that has seen nothing but the questions of the history."""
        screening = OwnSignals(self.scans, self.vectors)
        screening.observe(self.world.history)
        return screening

    def fitted(self) -> Screening:
        """Return a screening that has seen the clean collection; it may be changed."""
        return self._base().fork()

    def attacker(self, collection: Collection) -> Attacker:
        """Return what runs attacks on the collection."""
        base = self._base()
        return Attacker(
            collection, base, self.guardians, self.methods, self.embed, self.request.seed
        )

    def _world(self) -> World:
        queries = self.request.queries
        return world_of(
            self.clean_rows,
            probes=queries.named or queries.count,
            attacked={
                *(row.question for row in self.attack_rows),
                *(target.question for target in self.targeted),
            },
            seed=self.request.seed,
        )

    def _families(self) -> list[Family]:
        world, request = self.world, self.request
        count, seed = request.queries.count, request.seed
        found = families_of(self.attack_rows, world.probes, count, seed, frozenset(world.gold))
        if request.made:
            found += made_families(
                self.clean_rows, self.attack_rows, world.probes, count=count, seed=seed,
                embed=self.embed, kept=Cache(self.folder, parts=ATTACKS).get, say=self.say,
            )  # fmt: skip
        return found

    def _guardians(self) -> list[peers.Guardian]:
        if not self.request.peers:
            self.skipped["peers"] = "skipped: --no-peers"
            return []
        return peers.loaded(peers.GUARDIAN, peers.guardians, self.skipped) or []

    def _methods(self) -> list[Method]:
        chooser = None
        if self.request.peers:
            chooser = peers.loaded(peers.RAGDEFENDER, peers.ragdefender, self.skipped)
        others = baselines([guardian.kind for guardian in self.guardians], chooser)
        ours = own_methods(OwnSignals(self.scans, self.vectors).kinds)
        return [others[0], ours[0], *others[1:], *ours[1:]]

    def _base(self) -> OwnSignals:
        if self._base_screening is None:
            raise RuntimeError("prepare() was not called")
        return self._base_screening

    def _decides(self) -> str:
        rows = [[row.file, row.id, key_of(row.text)] for row in self.clean_rows]
        names = [method.name for method in self.methods]
        scanner = self.request.settings.model_dump(mode="json")
        return digest([rows, names, self.world.probes, self.request.seed, scanner])

    def _ingest_progress(self, total: int) -> Callable[[int], None]:
        started = last = time.monotonic()

        def step(done: int) -> None:
            nonlocal last
            if time.monotonic() - last > 15:
                last = time.monotonic()
                self.say(f"  {done} of {total}, {done / (last - started):.0f} a second")

        return step


def _rows(request: Request) -> tuple[list[Row], list[Row]]:
    clean, attack = list(request.clean), list(request.attack)
    if request.data is None and not clean:
        raise UsageError("no passages: give a folder with --data, or files with --clean")
    if request.data is not None:
        found_clean, found_attack = find_files(request.data)
        clean, attack = clean or found_clean, attack or found_attack
    return load_rows(clean, 0), load_rows(attack, 1)
