"""The only module that imports Presidio and spaCy: candidates from Presidio's analyzer.

Two analyzers share one list of recognizers: one with the statistical pipeline, one with only a
tokenizer, for calls that ask for no type that needs more. Both judge context words by the
lower-case form of tokens, so a pattern is scored alike in both.

Nothing here reaches the network: recognizers that fetch the public suffix list are replaced, and a
model that is not installed is an error where Presidio would download it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import spacy
from presidio_analyzer import (
    AnalyzerEngine,
    BatchAnalyzerEngine,
    LocalRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import (
    CryptoRecognizer,
    DateRecognizer,
    IbanRecognizer,
    IpRecognizer,
    MacAddressRecognizer,
    MedicalLicenseRecognizer,
    NhsRecognizer,
    PhoneRecognizer,
    SpacyRecognizer,
    UsItinRecognizer,
    UsPassportRecognizer,
)
from presidio_anonymizer.operators import Replace
from spacy.language import Language
from spacy.tokens import Doc

from ..core.errors import MissingExtraError, UsageError
from ..core.settings import PiiSettings
from .entity import Entity
from .entity_types import NER_TYPES
from .patterns import RULES, is_concrete_date

BATCH = 64  # 1.9 to 2.2 times the speed of one by one on short texts, same output (measured)
_MIN_PHONE_DIGITS = 7
# Parts of the pipeline that named entities do not need: 2.7 to 4.2 times faster, F2 within 0.003.
_UNUSED_PIPES = ("tagger", "parser", "attribute_ruler", "lemmatizer", "senter")
# Words that stand for a kind of data and are tagged as an organization or a person again and again.
_NOT_NAMES = frozenset(
    {"ssn", "iban", "dob", "pin", "cvv", "cvc", "id", "zip", "email", "e-mail", "phone", "fax",
     "visa", "mastercard", "amex", "swift", "bic", "atm", "url", "ip", "vin", "mrn", "hi", "hello"}
)  # fmt: skip
_LABELS = {
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
    "FAC": "LOCATION",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "NORP": "NRP",
    "ORG": "ORGANIZATION",
    "PER": "PERSON",
    "PERSON": "PERSON",
}


class _RuleRecognizer(LocalRecognizer):
    """Presidio's form of one entity type of `patterns.RULES`."""

    def __init__(self, entity: str, language: str) -> None:
        self._rules = RULES[entity]
        super().__init__(
            supported_entities=[entity], supported_language=language, name=f"Rules[{entity}]"
        )

    def load(self) -> None:
        """Have nothing to load."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return what the rules find."""
        del entities, nlp_artifacts
        return [
            RecognizerResult(self.supported_entities[0], start, end, score)
            for rule in self._rules
            for start, end, score in rule(text)
        ]


_TABLE_CELLS = re.compile(r"\d{1,3}\.\d{1,2}\s+\d+\.\d{2}|\d{2}-\d{4}\s+\d{1,2}")
"""Neighbouring cells that have a telephone number's digits: hours and amount, month and day."""


class _PhoneRecognizer(PhoneRecognizer):
    """Skips the eight regional scans of a text that holds no number's worth of digits."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return phone numbers of any supported region."""
        if sum(char.isdigit() for char in text) < _MIN_PHONE_DIGITS:
            return []
        # Presidio's signature leaves out the None that its own callers pass.
        found: list[RecognizerResult] = super().analyze(text, entities, nlp_artifacts)  # type: ignore[arg-type]
        return found


class _Pipeline(SpacyNlpEngine):
    """A spaCy pipeline that is loaded here, never downloaded, and read by lower-case tokens."""

    def __init__(self, nlp: Language, language: str) -> None:
        super().__init__(
            models=[{"lang_code": language, "model_name": nlp.meta["name"]}],
            ner_model_configuration=NerModelConfiguration(
                model_to_presidio_entity_mapping=_LABELS, labels_to_ignore=[]
            ),
        )
        self.nlp = {language: nlp}  # type: ignore[assignment]  # untyped: None until loaded

    def _doc_to_nlp_artifact(self, doc: Doc, language: str) -> NlpArtifacts:
        kept = [span for span in doc.ents if span.label_ in _LABELS]
        entities, scores = self._get_updated_entities(kept, [0.85] * len(kept))
        return NlpArtifacts(
            entities=entities,
            tokens=doc,
            tokens_indices=[token.idx for token in doc],
            lemmas=[token.lower_ for token in doc],
            nlp_engine=self,
            language=language,
            scores=scores,
        )


class PresidioEngine:
    """Finds candidates; loads the statistical pipeline when a type first needs it."""

    def __init__(self, settings: PiiSettings) -> None:
        self._settings = settings
        # Presidio logs a warning for each entity type without a recognizer of its own.
        logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
        self._patterns = self._analyzer(spacy.blank(settings.language), ner=False)
        self._full: BatchAnalyzerEngine | None = None
        self._placeholder = Replace()

    def candidates(self, texts: Sequence[str], entities: Collection[str]) -> Iterator[list[Entity]]:
        """Yield, for each text in order, what the recognizers of the named types found."""
        results = self._engine(entities).analyze_iterator(
            texts,
            language=self._settings.language,
            batch_size=BATCH,
            entities=sorted(entities),
            score_threshold=self._settings.score_threshold,
        )
        for text, found in zip(texts, results, strict=True):
            yield [_entity(one) for one in found if _plausible(text, one)]

    def _engine(self, entities: Collection[str]) -> BatchAnalyzerEngine:
        if not set(entities) & set(NER_TYPES):
            return self._patterns
        if self._full is None:
            self._full = self._analyzer(_load_model(self._settings.model), ner=True)
        return self._full

    def _analyzer(self, nlp: Language, *, ner: bool) -> BatchAnalyzerEngine:
        language = self._settings.language
        nlp.max_length = 10**9  # windows bound what is passed, not spaCy
        registry = RecognizerRegistry(
            recognizers=_recognizers(language, ner=ner), supported_languages=[language]
        )
        engine = AnalyzerEngine(
            registry=registry,
            nlp_engine=_Pipeline(nlp, language),
            supported_languages=[language],
        )
        return BatchAnalyzerEngine(engine)


def _recognizers(language: str, *, ner: bool) -> list[Any]:
    kinds = (
        CryptoRecognizer,
        IbanRecognizer,
        IpRecognizer,
        MacAddressRecognizer,
        MedicalLicenseRecognizer,
        NhsRecognizer,
        _PhoneRecognizer,
        UsItinRecognizer,
        UsPassportRecognizer,
    )
    found: list[Any] = [kind(supported_language=language) for kind in kinds]
    found += [
        _RuleRecognizer(entity, language) for entity in RULES if ner or entity not in NER_TYPES
    ]
    if ner:
        found.append(DateRecognizer(supported_language=language))
        found.append(
            SpacyRecognizer(supported_language=language, supported_entities=list(NER_TYPES))
        )
    return found


def _load_model(name: str) -> Language:
    try:
        return spacy.load(name, exclude=list(_UNUSED_PIPES))
    except OSError as error:
        raise MissingExtraError(
            f"spaCy pipeline '{name}' is not installed: pip install 'ragbastion[pii]', or set "
            "pii.model to an installed one"
        ) from error
    except ValueError as error:
        raise UsageError(f"spaCy pipeline '{name}' cannot be loaded: {error}") from error


def _plausible(text: str, result: RecognizerResult) -> bool:
    piece = text[result.start : result.end]
    if result.entity_type == "DATE_TIME":
        return is_concrete_date(piece)
    if result.entity_type == "PHONE_NUMBER":
        return _TABLE_CELLS.fullmatch(piece.strip()) is None
    if result.entity_type == "UK_NHS":
        # One in eleven ten-digit numbers has a valid check digit; dashes write a telephone number.
        return "-" not in piece or "nhs" in text[max(0, result.start - 40) : result.start].lower()
    if result.entity_type in {"ORGANIZATION", "PERSON"}:
        return piece.strip(" .:#'").casefold() not in _NOT_NAMES
    return True


def _entity(result: RecognizerResult) -> Entity:
    return Entity(
        type=result.entity_type, start=result.start, end=result.end, score=float(result.score)
    )
