"""Documents made for training: harmless ones with something put into them, hostile or not.

Every wrapper, place and disguise is used for harmless insertions too, so that none of them is
evidence by itself: only what is said, and whether it belongs, is.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
MAX_HOST = 1400
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])[\"”’)]?\s+|\n+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text for training.

    ``spans`` are the injected characters, None where only the ``label`` of the whole is known;
    ``about`` says whether the text is about attacks, None where nobody knows. ``group`` keeps like
    examples on one side of a split; ``source`` is the file or area it is from.
    """

    text: str
    label: int
    spans: tuple[Span, ...] | None
    source: str
    group: str
    about: int | None = None
    attack: str = ""


WRAPPERS: Sequence[str] = (
    *("{}",) * 14,
    *("\n{}\n", "\n\n{}\n\n", "\n\n{}\n\n", "({})", "[{}]", "Note: {}", "NOTE: {}", "P.S. {}"),
    *("PS: {}", "<!-- {} -->", "/* {} */", "\n# {}\n", "\n// {}\n", "\n- {}\n", "\n* {}"),
    *("\n> {}\n", "**{}**", "\n---\n{}\n---\n", '"{}"', "<p>{}</p>", "<b>{}</b>", "\n### {}\n"),
    *("Important: {}", "*{}*", "\n\nUpdate: {}\n", "... {} ...", "`{}`", "\n1. {}\n", "Also, {}"),
    *("| {} |", "<div>{}</div>"),
)
_RARE_FORMS: Sequence[Callable[[str], str]] = (str.upper, str.lower, str.title)
_KEYS = tuple(
    re.findall(
        r"\w+",
        "description note comment message body title subject memo bio summary text content name "
        "details review notes remarks address caption feedback reason instructions label about",
    )
)


def insert(
    host: str, addition: str, rng: random.Random, wrapper: str | None = None
) -> tuple[str, Span]:
    """Return ``host`` with ``addition`` put in at a sentence or line end, and where it stands."""
    chosen = rng.choice(WRAPPERS) if wrapper is None else wrapper
    if rng.random() < 0.06:
        addition = rng.choice(_RARE_FORMS)(addition)
    before, after = chosen.split("{}")
    if addition.endswith((".", "!", "?")) and rng.random() < 0.08:
        addition = addition[:-1]
    place = _place(host, rng)
    left, right = host[:place], host[place:]
    glue = "" if not left or left[-1].isspace() or before[:1].isspace() else " "
    tail = "" if not right or right[0].isspace() or after[-1:].isspace() else " "
    if rng.random() < 0.05:
        glue = ""
    start = len(left) + len(glue)
    text = left + glue + before + addition + after + tail + right
    return text, (start, start + len(before) + len(addition) + len(after))


def _place(host: str, rng: random.Random) -> int:
    roll = rng.random()
    if roll < 0.17 or not host:
        return 0
    if roll < 0.42:
        return len(host)
    ends = [match.end() for match in _SENTENCE_END.finditer(host)]
    if not ends or roll < 0.45:
        spaces = [i for i, c in enumerate(host) if c == " "]
        return rng.choice(spaces) + 1 if spaces else len(host)
    return rng.choice(ends)


def record(
    texts: Sequence[str], injected: int | None, rng: random.Random
) -> tuple[str, tuple[Span, ...]]:
    """Return a JSON, Python, YAML, CSV or table record with ``texts`` as values, and the span."""
    keys = rng.sample(_KEYS, min(len(texts), len(_KEYS)))
    flat = [text.replace("\n", " ") for text in texts]
    quoted = [json.dumps(value, ensure_ascii=False) for value in flat]
    form = rng.randrange(5)
    if form == 0:
        text = "{" + ", ".join(f'"{k}": {v}' for k, v in zip(keys, quoted, strict=False)) + "}"
    elif form == 1:
        text = "{" + ", ".join(f"'{k}': {v!r}" for k, v in zip(keys, flat, strict=False)) + "}"
    elif form == 2:
        text = "\n".join(f"{k}: {v}" for k, v in zip(keys, flat, strict=False))
    elif form == 3:
        head, rule = " | ".join(keys), "---|" * len(keys)
        text = f"| {head} |\n|{rule}\n| {' | '.join(flat)} |"
    else:
        text = ",".join(keys) + "\n" + ",".join(quoted)
    if injected is None:
        return text, ()
    shown = flat[injected]
    for variant in (shown, json.dumps(shown, ensure_ascii=False)[1:-1], repr(shown)[1:-1]):
        start = text.find(variant)
        if start >= 0:
            return text, ((start, start + len(variant)),)
    return text, ()


def cut(text: str, rng: random.Random) -> str:
    """Return at most `MAX_HOST` characters of ``text``, from a line or sentence on."""
    if len(text) <= MAX_HOST:
        return text
    size = rng.randint(300, MAX_HOST)
    starts = [0, *(m.end() for m in _SENTENCE_END.finditer(text) if m.end() < len(text) - size)]
    start = rng.choice(starts)
    return text[start : start + size]


class Synthesis:
    """Draws examples without end from hosts, payloads and harmless insertions."""

    def __init__(
        self,
        hosts: Sequence[tuple[str, int | None]],
        payloads: Sequence[str],
        benign: Sequence[str],
        rng: random.Random,
    ) -> None:
        self._hosts, self._payloads, self._benign, self._rng = hosts, payloads, benign, rng
        self._sentences = [s for h, _ in hosts for s in _SENTENCE_END.split(h) if 20 < len(s) < 240]

    def draw(self) -> Example:
        """Return one example; half of them hold an injection."""
        rng = self._rng
        host, about = rng.choice(self._hosts)
        host = cut(host, rng)
        hostile = rng.random() < 0.5
        addition = rng.choice(self._payloads) if hostile else self._harmless()
        if rng.random() < 0.12:
            return self._as_record(addition, hostile)
        if not hostile and rng.random() < 0.25:
            return self._example(host, (), about)
        text, span = insert(host, addition, rng)
        spans = [span]
        if rng.random() < 0.15:  # a harmless insertion beside it, whatever it is
            text, other = insert(text, self._harmless(), rng)
            spans = _moved(span, other)
        if hostile and rng.random() < 0.12:
            text, other = insert(text, rng.choice(self._payloads), rng)
            spans = [*(piece for s in spans for piece in _moved(s, other)), other]
        return self._example(text, tuple(sorted(spans)) if hostile else (), about)

    def _harmless(self) -> str:
        rng = self._rng
        return rng.choice(self._benign) if rng.random() < 0.7 else rng.choice(self._sentences)

    def _as_record(self, addition: str, hostile: bool) -> Example:
        rng = self._rng
        fields = [rng.choice(self._sentences) for _ in range(rng.randint(1, 5))]
        place = rng.randint(0, len(fields))
        fields.insert(place, addition)
        text, spans = record(fields, place if hostile else None, rng)
        return self._example(text, spans, 0)

    @staticmethod
    def _example(text: str, spans: tuple[Span, ...], about: int | None) -> Example:
        source, label = "synthesis", int(bool(spans))
        return Example(text=text, label=label, spans=spans, source=source, group="", about=about)


def _moved(span: Span, inserted: Span) -> list[Span]:
    """Return ``span`` after ``inserted`` came into the text."""
    size = inserted[1] - inserted[0]
    if inserted[0] >= span[1]:
        return [span]
    if inserted[0] <= span[0]:
        return [(span[0] + size, span[1] + size)]
    return [(span[0], inserted[0]), (inserted[1], span[1] + size)]
