"""What the injection scanner finds, what it stops wrongly, and how fast it is.

    python benchmarks/scan.py --data DIR --out DIR

``--data`` holds ``injection/*.jsonl`` and ``poison/*.jsonl``. Prints tables, writes ``scan.json``
and ``scan.png`` to ``--out``. Two floors run on the same documents in the same run: a list of key
words, and TF-IDF with logistic regression, each source scored by a model that did not see it. The
scanner's rules were written with these files in view: its own figures here are no forecast for
attacks of other authors.
"""

from __future__ import annotations

import argparse
import base64
import json
import platform
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ragbastion import Scanner
from ragbastion.core.settings import ScanSettings
from ragbastion.ingest.scanner.rules import shipped_packs
from ragbastion.ingest.scanner.signatures import shipped_signatures

SEED = 7
FALSE_ALARMS = (0.01, 0.05)
KEYWORDS = re.compile(
    r"ignore (?:all |the |your )?(?:previous|prior|above)|disregard|system prompt|jailbreak|"
    r"you are now|new instructions|do not tell|<\|im_start\|>|\[INST\]|send an email to",
    re.IGNORECASE,
)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One document of the data: its origin, its label, and the injected part where known."""

    part: str
    source: str
    kind: str
    attack: str
    label: int
    text: str
    span: str


@dataclass(slots=True, kw_only=True)
class Result:
    """Scores of one method on all rows, and the CPU time they took.

    CPU time, since the machine may be shared; the scanner and the key words use one thread.
    """

    scores: Floats
    seconds: float
    extra: dict[str, Any] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every measurement and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = list(load(options.data))
    scanner = Scanner()
    methods = {"scanner": timed(lambda text: scanner.scan(text).score, rows)}
    methods["keywords"] = timed(lambda text: float(len(KEYWORDS.findall(text)) > 0), rows)
    if (tfidf := tfidf_floor(rows)) is not None:
        methods["tfidf"] = tfidf
    report = {
        "machine": machine(scanner),
        "tables": {name: tables(rows, result) for name, result in methods.items()},
        "spans": spans(rows, scanner),
        "quoted": quoted(rows, scanner),
        "disguised": disguised(rows, scanner),
        "construction_ms": construction_ms(),
    }
    show(report)
    (options.out / "scan.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    plot(rows, methods, options.out / "scan.png")
    return 0


def load(data: Path) -> Iterable[Row]:
    """Yield every document of the data folder."""
    for part in ("injection", "poison"):
        for path in sorted((data / part).glob("*.jsonl")):
            for line in path.read_text("utf-8").split("\n")[:-1]:
                row = json.loads(line)
                yield Row(
                    part=part,
                    source=path.stem,
                    kind=row.get("kind") or ("poison" if row["label"] else "benign"),
                    attack=row["attack"] or "",
                    label=row["label"],
                    text=row["text"],
                    span=row.get("span") or "",
                )


def timed(score: Callable[[str], float], rows: Sequence[Row]) -> Result:
    """Score every row on one thread."""
    started = time.process_time()
    scores = np.array([score(row.text) for row in rows])
    return Result(scores=scores, seconds=time.process_time() - started)


def tfidf_floor(rows: Sequence[Row]) -> Result | None:
    """Score by TF-IDF and logistic regression, leaving out the source that is scored."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        print("TF-IDF floor skipped: scikit-learn is not installed (pip install scikit-learn)")
        return None
    scores, seconds = np.zeros(len(rows)), 0.0
    folds = [row.source if row.part == "injection" else "poison" for row in rows]
    for fold in sorted(set(folds)):
        # Poison files train nothing: one model of all injection files scores them.
        train = [r for r, own in zip(rows, folds, strict=True) if own not in (fold, "poison")]
        vectors = TfidfVectorizer(
            ngram_range=(1, 2), min_df=3, max_features=60_000, sublinear_tf=True
        )
        model = LogisticRegression(C=4.0, max_iter=300, class_weight="balanced")
        model.fit(vectors.fit_transform([r.text for r in train]), [r.label for r in train])
        index = [i for i, own in enumerate(folds) if own == fold]
        started = time.process_time()
        chances = model.predict_proba(vectors.transform([rows[i].text for i in index]))
        scores[index] = chances[:, 1]
        seconds += time.process_time() - started
    return Result(scores=scores, seconds=seconds)


def tables(rows: Sequence[Row], result: Result) -> dict[str, Any]:
    """Return shares at or above each threshold by source and kind, AUROC and speed."""
    labels = np.array([row.label for row in rows])
    mine = np.array([row.part == "injection" for row in rows])
    settings = ScanSettings()
    limits = {"threshold": settings.threshold, "flag": settings.flag_threshold}
    clean = np.sort(result.scores[mine & (labels == 0)])
    for share in FALSE_ALARMS:
        limits[f"fa_{share:.0%}"] = limit_for(clean, share)
    groups: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        groups[f"{row.source} / {row.kind}"].append(index)
        groups["all injection / " + ("attacks" if row.label else "benign")] += [index] * int(
            mine[index]
        )
        if row.part == "poison" and not row.label:
            groups["all clean corpora / benign"].append(index)
    shares = {
        name: {"n": len(index), "label": int(labels[index[0]])}
        | {key: float((result.scores[index] >= limit).mean()) for key, limit in limits.items()}
        for name, index in sorted(groups.items())
        if index
    }
    characters = sum(len(row.text) for row in rows)
    return {
        "shares": shares,
        "limits": limits,
        "auroc": auroc(result.scores[mine], labels[mine]),
        "docs_per_s": len(rows) / result.seconds,
        "mb_per_s": characters / result.seconds / 1e6,
    }


def limit_for(clean: Floats, share: float) -> float:
    """Return the lowest threshold that at most ``share`` of sorted ``clean`` scores reach."""
    place = int(np.ceil(len(clean) * (1 - share)))
    return float(np.nextafter(clean[min(place, len(clean) - 1)], 2.0))


def auroc(scores: Floats, labels: NDArray[np.int_]) -> float:
    """Return the chance that an attack scores above a benign text; ties count half."""
    _, index, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[index]
    positive = int(labels.sum())
    negative = len(labels) - positive
    return float((ranks[labels == 1].sum() - positive * (positive + 1) / 2) / positive / negative)


def spans(rows: Sequence[Row], scanner: Scanner) -> dict[str, Any]:
    """Compare what `strip` removes with the injected characters, where the data tell them."""
    found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for row in rows:
        start = row.text.find(row.span) if row.span else -1
        if start < 0:
            continue
        removed = scanner.strip(row.text).removed
        inside = sum(max(0, min(b, start + len(row.span)) - max(a, start)) for a, b in removed)
        found[row.source].append((inside, sum(b - a for a, b in removed), len(row.span)))
    return {source: _span_figures(np.array(figures)) for source, figures in sorted(found.items())}


def _span_figures(figures: NDArray[np.int_]) -> dict[str, float]:
    inside, removed, injected = figures.T
    caught = removed > 0
    return {
        "n": len(figures),
        "documents_stripped": float(caught.mean()),
        "precision": float(inside.sum() / max(removed.sum(), 1)),
        "recall": float(inside.sum() / injected.sum()),
        "recall_where_stripped": float(inside[caught].sum() / max(injected[caught].sum(), 1)),
    }


def caught_attacks(rows: Sequence[Row], scanner: Scanner) -> list[str]:
    """Return a sample of injected parts that are quarantined when they stand alone."""
    texts = sorted({row.span for row in rows if row.span and len(row.span) < 600})
    chosen = random.Random(SEED).sample(texts, min(600, len(texts)))
    return [text for text in chosen if scanner.scan(text).score >= 0.5]


def quoted(rows: Sequence[Row], scanner: Scanner) -> dict[str, float]:
    """Return how many caught attacks stay caught inside a quotation in security writing."""
    texts = caught_attacks(rows, scanner)
    wrapped = [
        "This page documents a prompt injection attack. An attacker plants a malicious payload, "
        f'for example "{text}". Mitigations are discussed in the OWASP guide.'
        for text in texts
    ]
    scores = np.array([scanner.scan(text).score for text in wrapped])
    return {
        "n": len(texts),
        "quarantined": float((scores >= 0.5).mean()),
        "flagged_or_more": float((scores >= 0.25).mean()),
    }


def disguised(rows: Sequence[Row], scanner: Scanner) -> dict[str, float]:
    """Return, for each disguise, how many caught attacks are still quarantined."""
    texts = [text for text in caught_attacks(rows, scanner) if text.isascii()]
    disguises: dict[str, Callable[[str], str]] = {
        "base64": lambda t: base64.b64encode(t.encode()).decode(),
        "base64 twice": lambda t: base64.b64encode(base64.b64encode(t.encode())).decode(),
        "hex": lambda t: t.encode().hex(),
        "unicode tags": lambda t: "".join(chr(0xE0000 + ord(c)) for c in t if c.isprintable()),
        "zero width": lambda t: "\u200b".join(t),
        "homoglyphs": lambda t: t.translate(str.maketrans("aeopc", "аеорс")),
        "fullwidth": lambda t: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in t),
        "reversed": lambda t: t[::-1],
        "leetspeak": lambda t: t.translate(str.maketrans("aeio", "4310")),
        "spaced letters": lambda t: "  ".join(" ".join(word) for word in t.split()),
    }
    return {"n": float(len(texts))} | {
        name: float(
            np.mean([scanner.scan(f"A note. {change(t)} Bye.").score >= 0.5 for t in texts])
        )
        for name, change in disguises.items()
    }


def share_caught(texts: Sequence[str], scanner: Scanner) -> float:
    """Return the share of texts that are quarantined at 0.5."""
    return float(np.mean([scanner.scan(text).score >= 0.5 for text in texts]))


def construction_ms() -> float:
    """Return the median time to read, compile and build a scanner, in milliseconds."""
    times = []
    for _ in range(7):
        shipped_packs.cache_clear()
        shipped_signatures.cache_clear()
        started = time.process_time()
        Scanner()
        times.append((time.process_time() - started) * 1000)
    return float(np.median(times))


def machine(scanner: Scanner) -> dict[str, str | int]:
    """Say what the figures were measured with."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "commit": commit or "unknown",
        "python": platform.python_version(),
        "processor": platform.machine(),
        "numpy": np.__version__,
        "scanner": scanner.version,
        "seed": SEED,
    }


def show(report: dict[str, Any]) -> None:
    """Print the tables."""
    shares = {name: table["shares"] for name, table in report["tables"].items()}
    columns = ("threshold", "flag", "fa_1%", "fa_5%")
    print(f"{'scanner: share at or above':46} {'n':>6} " + " ".join(f"{c:>9}" for c in columns))
    for name, figures in shares["scanner"].items():
        values = " ".join(f"{figures[column]:9.3f}" for column in columns)
        print(f"{name:46} {figures['n']:>6} {values}")
    print(f"\n{'method':12} {'AUROC':>6} {'at 1% FA':>9} {'at 5% FA':>9} {'docs/s':>8} {'MB/s':>6}")
    floor = report["tables"]["keywords"]["shares"]["all injection / attacks"]
    for name, table in report["tables"].items():
        attacks = table["shares"]["all injection / attacks"]
        print(
            f"{name:12} {table['auroc']:6.3f} {attacks['fa_1%']:9.3f} {attacks['fa_5%']:9.3f} "
            f"{table['docs_per_s']:8.0f} {table['mb_per_s']:6.2f}"
        )
    ratio = shares["scanner"]["all injection / attacks"]["threshold"] / floor["threshold"]
    print(f"recall at the default threshold, against the key words: {ratio:.2f} times")
    for part in ("spans", "quoted", "disguised", "construction_ms"):
        print(f"\n{part}: {json.dumps(report[part], indent=1)}")


def plot(rows: Sequence[Row], methods: dict[str, Result], target: Path) -> None:
    """Draw detection against false alarms of each method, and recall a source."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("plot skipped: matplotlib is not installed (pip install matplotlib)")
        return
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5))
    labels = np.array([row.label for row in rows])
    mine = np.array([row.part == "injection" for row in rows])
    for name, result in methods.items():
        limits = np.unique(np.append(result.scores[mine], 1.1))[::-1]
        attacks = np.sort(result.scores[mine & (labels == 1)])
        clean = np.sort(result.scores[mine & (labels == 0)])
        recall = 1 - np.searchsorted(attacks, limits) / len(attacks)
        alarms = 1 - np.searchsorted(clean, limits) / len(clean)
        left.step(alarms, recall, where="post", label=name)
    left.set(xscale="symlog", xlim=(0, 1), ylim=(0, 1), xlabel="false alarms", ylabel="recall")
    left.set_xscale("symlog", linthresh=0.005)
    left.legend()
    left.set_title("Injection files, all sources")
    names = sorted({row.source for row in rows if row.label})
    recall = [
        float(np.mean([s >= 0.5 for s, r in zip(methods["scanner"].scores, rows, strict=True)
                       if r.source == name and r.label]))
        for name in names
    ]  # fmt: skip
    right.barh(names, recall)
    right.set(xlim=(0, 1), title="Scanner: attacks quarantined at the default threshold")
    figure.tight_layout()
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
