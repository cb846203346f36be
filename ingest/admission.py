"""Admission: scan everything that a document says, seen or hidden, and decide what becomes of it.

- Visible text is scanned whole, and hidden text piece by piece against its own lower threshold.
- Title, URL and metadata travel with each chunk, so they are scanned too.
- INVARIANT: a document whose scan fails is refused, never admitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..core.errors import InputError, RagbastionError
from ..core.settings import ScanSettings
from ..core.verdict import Decision, Finding, Verdict, merge_verdicts
from .loaders import HiddenText, LoadedDocument
from .scanner import Scanner

ADMISSION_VERSION = "1"


class Admission:
    """Decides about documents one by one; holds no state between them."""

    def __init__(self, scanner: Scanner, settings: ScanSettings) -> None:
        self._scanner = scanner
        self._settings = settings

    @property
    def version(self) -> str:
        """What decides admission: the scanner's version and the thresholds."""
        limits = self._settings
        return (
            f"admission@{ADMISSION_VERSION}:{self._scanner.version}"
            f":{limits.threshold}/{limits.flag_threshold}/{limits.hidden_threshold}"
        )

    def judge(self, documents: Sequence[LoadedDocument]) -> list[Verdict | RagbastionError]:
        """Return a verdict for each document, or the error of its scan, in order.

        Findings in visible text keep their spans; those in hidden text and metadata have none.
        """
        visible = self._scan_all([document.text for document in documents])
        labels = self._scan_all([_label_text(document) for document in documents])
        return [
            self._combined(document, seen, label)
            for document, seen, label in zip(documents, visible, labels, strict=True)
        ]

    def _scan_all(self, texts: Sequence[str]) -> list[Verdict | RagbastionError]:
        try:
            return list(self._scanner.scan_batch(texts))
        except Exception:  # noqa: BLE001 - one text must not stop the batch: find it below
            return [self._scan_one(text) for text in texts]

    def _scan_one(self, text: str) -> Verdict | RagbastionError:
        try:
            return self._scanner.scan(text)
        except RagbastionError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a check that throws is a refusal
            return _refusal(error)

    def _combined(
        self,
        document: LoadedDocument,
        seen: Verdict | RagbastionError,
        label: Verdict | RagbastionError,
    ) -> Verdict | RagbastionError:
        if isinstance(seen, RagbastionError):
            return seen
        if isinstance(label, RagbastionError):
            return label
        try:
            hidden = [self._scan_hidden(item) for item in document.hidden]
        except RagbastionError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a check that throws is a refusal
            return _refusal(error)
        return merge_verdicts([_noted(seen), elsewhere(label, "title, URL or metadata"), *hidden])

    def _scan_hidden(self, item: HiddenText) -> Verdict:
        verdict = self._scanner.scan_hidden(item.text, item.reason)
        return elsewhere(verdict, f"hidden text ({item.reason}) at {item.where}")


def elsewhere(verdict: Verdict, where: str) -> Verdict:
    """Return a verdict about text outside the visible one: no spans, and reasons that say where."""
    verdict = _noted(verdict)
    findings: tuple[Finding, ...] = tuple(replace(each, span=None) for each in verdict.findings)
    reasons = tuple(f"{where}: {reason}" for reason in verdict.reasons)
    if not reasons and verdict.decision > Decision.ALLOW:
        reasons = (f"{where}: {verdict.decision.value}",)
    return replace(verdict, findings=findings, reasons=reasons)


def _noted(verdict: Verdict) -> Verdict:
    """Drop the weak hints of a text that is allowed: they would flag chunks of honest documents."""
    return verdict if verdict.decision > Decision.ALLOW else replace(verdict, findings=())


def _label_text(document: LoadedDocument) -> str:
    """Return title, URL and the strings of the metadata, a line each."""
    values = [value for value in document.metadata.values() if isinstance(value, str)]
    return "\n".join([document.title, document.url, *values]).strip()


def _refusal(error: Exception) -> InputError:
    return InputError(
        f"the scan did not finish ({type(error).__name__}), so the document is refused: "
        "report it with the file"
    )
