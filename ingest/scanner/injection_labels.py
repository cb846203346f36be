"""Which labels of a foreign classifier mean injection; guessed only where no guess is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...core.errors import SettingsError

# The names that published detectors of prompt injection give their labels.
_INJECTION = frozenset(
    {
        "ATTACK",
        "INDIRECT_INJECTION",
        "INJECTED",
        "INJECTION",
        "JAILBREAK",
        "MALICIOUS",
        "PROMPT_INJECTION",
        "UNSAFE",
    }
)
_HARMLESS = frozenset(
    {"BENIGN", "CLEAN", "HARMLESS", "LEGIT", "LEGITIMATE", "NORMAL", "O", "OUTSIDE", "SAFE"}
)
_UNNAMED = ("LABEL_0", "LABEL_1")
"""What transformers calls two labels that nobody named; the second is the one looked for."""
_PLACE = re.compile(r"^[BIESLU][-_](?=.)")
"""The part of a token's label that tells where in a span it stands (IOB and its kin)."""


def injection_ids(labels: Mapping[int, str], named: Sequence[str] | None = None) -> list[int]:
    """Return the sorted ids of the labels that mean injection.

    ``named`` are the labels that the caller knows to mean it, in any case. Raises `SettingsError`
    if one of them does not exist or they are all there are, and without them if it is not plain.
    """
    if named is not None:
        return _named(labels, named)
    plain = {index: _plain(label) for index, label in labels.items()}
    if tuple(plain[index] for index in sorted(plain)) == _UNNAMED:
        return [max(plain)]
    found = sorted(index for index, label in plain.items() if label in _INJECTION)
    others = {label for label in plain.values() if label not in _INJECTION}
    if not found or not others <= _HARMLESS:
        raise SettingsError(
            f"external model refused: which of its labels {_shown(labels)} mean injection is not "
            "plain; name them (injection_labels)"
        )
    return found


def _named(labels: Mapping[int, str], named: Sequence[str]) -> list[int]:
    wanted = {name.upper() for name in named}
    known = {label.upper() for label in labels.values()}
    if not wanted or wanted - known or (wanted == known and len(known) > 1):
        raise SettingsError(
            f"injection_labels {sorted(named)} refused: name one or more of {_shown(labels)}, "
            "and not all of them"
        )
    return sorted(index for index, label in labels.items() if label.upper() in wanted)


def _plain(label: str) -> str:
    return _PLACE.sub("", label.strip().upper()).replace(" ", "_").replace("-", "_")


def _shown(labels: Mapping[int, str]) -> list[str]:
    return [labels[index][:40] for index in sorted(labels)][:20]
