"""The methods that are measured: the scanner, and the two floors that run beside it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...core.verdict import Decision
from ...ingest.scanner import Scanner
from .metrics import Bools, Floats
from .rows import MEASURED, Row

KEYWORDS = re.compile(
    r"ignore (?:all |the |your )?(?:previous|prior|above)|disregard|system prompt|jailbreak|"
    r"you are now|new instructions|do not tell|<\|im_start\|>|\[INST\]|send an email to",
    re.IGNORECASE,
)
"""The first floor: what a hurried developer writes."""

Judgement = tuple[float, bool]
"""A score (higher is worse) and whether the method, as installed, would stop the text."""
Judge = Callable[[str], Judgement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one method said of n documents; all arrays are (n,).

    ``seconds`` is CPU time a document (of all threads), since the machine may be shared.
    """

    how: str
    scores: Floats
    blocked: Bools
    seconds: Floats
    flagged: Bools | None = None
    stages_ms: dict[str, float] = field(default_factory=dict)
    """Median of each stage that the scanner's verdicts name, wall clock."""
    ran: tuple[str, ...] = ()
    """The layers that the scanner's verdicts name."""

    def of(self, places: Sequence[int]) -> Judged:
        """Return what was said of some of the documents."""
        at = np.array(places, dtype=np.intp)
        return Judged(
            how=self.how,
            scores=self.scores[at],
            blocked=self.blocked[at],
            seconds=self.seconds[at],
            flagged=None if self.flagged is None else self.flagged[at],
        )


def judged(judge: Judge, how: str, rows: Sequence[Row]) -> Judged:
    """Ask a method about every document, one at a time."""
    answers, seconds = [], []
    for row in rows:
        started = time.process_time()
        answers.append(judge(row.text))
        seconds.append(time.process_time() - started)
    return Judged(
        how=how,
        scores=np.array([score for score, _ in answers], dtype=np.float64),
        blocked=np.array([blocked for _, blocked in answers], dtype=np.bool_),
        seconds=np.array(seconds),
    )


def by_scanner(scanner: Scanner, rows: Sequence[Row]) -> Judged:
    """Scan every document; a document is flagged from `Decision.FLAG` on."""
    verdicts, seconds = [], []
    for row in rows:
        started = time.process_time()
        verdicts.append(scanner.scan(row.text))
        seconds.append(time.process_time() - started)
    decisions = [verdict.decision for verdict in verdicts]
    stages = {name for verdict in verdicts for name in verdict.timings_ms}
    return Judged(
        how="verdict.score; stopped from quarantine on",
        scores=np.array([verdict.score for verdict in verdicts], dtype=np.float64),
        blocked=np.array([decision >= Decision.QUARANTINE for decision in decisions]),
        flagged=np.array([decision >= Decision.FLAG for decision in decisions]),
        seconds=np.array(seconds),
        stages_ms={
            name: float(np.median([verdict.timings_ms.get(name, 0.0) for verdict in verdicts]))
            for name in sorted(stages)
        },
        ran=tuple(dict.fromkeys(layer for verdict in verdicts for layer in verdict.ran)),
    )


def by_keywords(rows: Sequence[Row]) -> Judged:
    """Count key words."""

    def judge(text: str) -> Judgement:
        found = len(KEYWORDS.findall(text))
        return float(found), found > 0

    return judged(judge, "number of key words; stopped by one", rows)


def by_tfidf(rows: Sequence[Row], places: Sequence[int]) -> Judged | None:
    """Score the rows at ``places`` by TF-IDF with logistic regression, and stop from 0.5 on.

    Each source is scored by a model that did not see it; `BESIDE` rows train nothing. None where
    the sources are too few for that.
    """
    scores, seconds = np.zeros(len(places)), np.zeros(len(places))
    asked = [rows[place] for place in places]
    for fold in sorted({(row.part, row.source) for row in asked}):
        train = [r for r in rows if r.part == MEASURED and (r.part, r.source) != fold]
        at = [i for i, row in enumerate(asked) if (row.part, row.source) == fold]
        if len({row.label for row in train}) < 2:
            return None
        chances, took = _fitted(train, [asked[i].text for i in at])
        scores[at], seconds[at] = chances, took / len(at)
    how = "chance of the class, fitted without the source that is scored; stopped from 0.5"
    return Judged(how=how, scores=scores, blocked=scores >= 0.5, seconds=seconds)


def _fitted(train: Sequence[Row], texts: Sequence[str]) -> tuple[Floats, float]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectors = TfidfVectorizer(
        ngram_range=(1, 2),
        # Words seen once or twice only slow a large corpus down; a small one has no others.
        min_df=3 if len(train) > 1_000 else 1,
        max_features=60_000,
        sublinear_tf=True,
    )
    model = LogisticRegression(C=4.0, max_iter=300, class_weight="balanced")
    model.fit(vectors.fit_transform([row.text for row in train]), [row.label for row in train])
    started = time.process_time()
    chances = model.predict_proba(vectors.transform(texts))[:, 1]
    return np.asarray(chances, dtype=np.float64), time.process_time() - started
