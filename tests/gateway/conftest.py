"""A service over a real guard, and the keys to call it with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from ragbastion.core.settings import Settings
from ragbastion.gateway import create_app
from ragbastion.gateway.authentication import Authenticator, token_verifiers
from ragbastion.retrieval_guard import Guard
from ragbastion.tenancy import ApiKeys
from starlette.testclient import TestClient

from ..tenancy.token_issuer import AUDIENCE, ISSUER, Issuer

ADMIN_KEY = "an-admin-key-for-tests-only-0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The app, its guard, and one key of each kind."""

    app: FastAPI
    guard: Guard
    keys: ApiKeys
    issuer: Issuer | None = None
    reader: str
    ingester: str
    other: str

    def client(self, key: str | None = ADMIN_KEY) -> TestClient:
        """Return a client that sends the key; the app's start and stop are not run."""
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        return TestClient(self.app, headers=headers, raise_server_exceptions=False)


def settings_in(folder: Path) -> Settings:
    """Return settings whose state and store lie in a folder of the test."""
    return Settings(state_dir=folder / "state", store=str(folder / "store"))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own for each test file; its models load once."""
    settings = settings_in(tmp_path_factory.mktemp("service"))
    keys = ApiKeys(settings.state_dir / "api_keys.db")
    issuer = Issuer(settings.state_dir / "jwks.json")
    settings = settings.with_(
        identity={"jwt": {"issuer": ISSUER, "audience": AUDIENCE, "keys": issuer.path}}
    )
    with Guard.from_settings(settings) as guard:
        tokens = token_verifiers(settings.identity)
        authenticator = Authenticator(keys, ADMIN_KEY, tokens, guard.audit)
        yield Service(
            app=create_app(guard, authenticator, settings),
            guard=guard,
            issuer=issuer,
            keys=keys,
            reader=keys.create(tenant="acme", principal="agent-7", roles=["support"]),
            ingester=keys.create(tenant="acme", principal="loader", roles=["ingest"]),
            other=keys.create(tenant="globex", principal="agent-9", roles=["support"]),
        )
    keys.close()


@pytest.fixture
def admin(service: Service) -> TestClient:
    """A client with the bootstrap admin key."""
    return service.client()
