"""What the commands about tenants open: the audit log, the tenants' keys and the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.events import EventSink
    from ..core.settings import Settings
    from ..tenancy import TenantStore
    from ..tenancy.encryption import TenantKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedTenants:
    """The store of the settings, the keys if payloads are sealed, and the audit log."""

    store: TenantStore
    keys: TenantKeys | None
    events: EventSink


@contextmanager
def opened_log(settings: Settings) -> Iterator[EventSink]:
    """Open the audit log of the state folder."""
    from ..policies import AuditLog

    with closing(AuditLog(settings.state_dir / "audit.db")) as log:
        yield log


@contextmanager
def opened_keys(settings: Settings) -> Iterator[TenantKeys]:
    """Open the keys that the settings name, with the audit log as their sink."""
    from ..tenancy.encryption import open_keys

    with opened_log(settings) as log, closing(open_keys(settings, log)) as keys:
        yield keys


@contextmanager
def opened_tenants(settings: Settings, *, create: bool = False) -> Iterator[OpenedTenants]:
    """Open the store, sealed or not; a folder that is not there is made only with ``create``."""
    from ..tenancy.encryption import cipher_over, is_encrypted, open_keys
    from ..tenancy.store_location import open_store, require_store

    secret = settings.store_api_key
    with ExitStack() as stack:
        log = stack.enter_context(opened_log(settings))
        keys = cipher = None
        if is_encrypted(settings):
            keys = stack.enter_context(closing(open_keys(settings, log)))
            cipher = cipher_over(keys, settings)
        if not create:
            require_store(settings.store)
        plain = secret.get_secret_value() if secret else None
        store = open_store(settings.store, plain, embedded=settings.embedded_store, cipher=cipher)
        stack.enter_context(closing(store))
        yield OpenedTenants(store=store, keys=keys, events=log)
