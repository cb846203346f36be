"""Nothing but /healthz answers without a key, and keys are who they say."""

import asyncio

import pytest
from ragbastion.core.errors import CredentialError, SettingsError
from ragbastion.gateway.authentication import Authenticator
from ragbastion.tenancy import ApiKeys

from .conftest import ADMIN_KEY, Service

ROUTES = [
    ("POST", "/v1/scan"),
    ("POST", "/v1/strip"),
    ("POST", "/v1/neutralise"),
    ("POST", "/v1/redact"),
    ("POST", "/v1/ingest"),
    ("POST", "/v1/ingest/file"),
    ("POST", "/v1/retrieve"),
    ("POST", "/v1/authorize"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("GET", "/"),
    ("GET", "/no/such/route"),
    ("OPTIONS", "/v1/scan"),
    ("POST", "/healthz"),
    ("GET", "/healthz/"),
    ("GET", "//healthz"),
    ("GET", "/HEALTHZ"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_route_asks_for_a_key(service: Service, method: str, path: str) -> None:
    """Without a key the answer is 401, whatever the route."""
    answer = service.client(None).request(method, path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["error"]["type"] == "CredentialError"


def test_health_is_open(service: Service) -> None:
    """A liveness probe needs no key."""
    answer = service.client(None).get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_every_route_of_the_app_is_in_the_list(service: Service) -> None:
    """A new route has to be added to the table above."""
    paths = set(service.client().get("/openapi.json").json()["paths"])
    assert paths - {"/healthz"} <= {path for _, path in ROUTES}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {ADMIN_KEY}",
        ADMIN_KEY,
        f"Bearer {ADMIN_KEY}x",
        f"Bearer {ADMIN_KEY[:-1]}",
        "Bearer " + "x" * 100_000,
        "Bearer rb__",
    ],
)
def test_a_wrong_header_is_refused(service: Service, header: str) -> None:
    """What is not exactly a bearer key that is known is 401."""
    answer = service.client(None).post(
        "/v1/scan", json={"text": "x"}, headers={"Authorization": header}
    )
    assert answer.status_code == 401


def test_the_scheme_is_read_in_any_case(service: Service) -> None:
    """RFC 9110: authentication schemes are case-insensitive."""
    headers = {"Authorization": f"bearer {ADMIN_KEY}"}
    assert service.client(None).get("/readyz", headers=headers).status_code != 401


def test_a_revoked_key_is_refused_at_once(service: Service) -> None:
    """The next request after a revocation is 401."""
    key = service.keys.create(tenant="acme", principal="leaver", roles=[])
    client = service.client(key)
    assert client.post("/v1/scan", json={"text": "hello"}).status_code == 200
    service.keys.revoke(key.split("_")[1])
    assert client.post("/v1/scan", json={"text": "hello"}).status_code == 401


def test_an_unknown_route_is_404_with_a_key(service: Service) -> None:
    """Only a caller with a key learns which routes exist."""
    answer = service.client().get("/no/such/route")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "NotFound")


@pytest.mark.parametrize("key", ["", "  "])
def test_an_empty_bootstrap_key_is_refused(service: Service, key: str) -> None:
    """An empty variable must not become a key that anybody guesses."""
    with pytest.raises(SettingsError, match="RAGBASTION_API_KEY"):
        Authenticator(service.keys, key)


def test_the_bootstrap_key_is_an_administrators(service: Service) -> None:
    """It stands for no tenant."""
    credential = asyncio.run(Authenticator(service.keys, "k").authenticate("Bearer k"))
    assert (credential.admin, credential.tenant) == (True, None)


def test_a_key_that_is_not_ascii_is_an_ordinary_refusal(service: Service) -> None:
    """Bytes beyond ASCII are compared like any others."""
    with pytest.raises(CredentialError):
        asyncio.run(Authenticator(service.keys, "k").authenticate("Bearer k\u00e9\udcff"))


def test_a_websocket_is_closed(service: Service) -> None:
    """The service speaks HTTP only; other protocols do not pass the guard."""
    from starlette.websockets import WebSocketDisconnect

    with (
        pytest.raises(WebSocketDisconnect),
        service.client().websocket_connect("/v1/scan") as socket,
    ):
        socket.receive_text()


def test_keys_are_shared_with_the_command(service: Service) -> None:
    """A key made in the same file by another process is known here."""
    elsewhere = ApiKeys(service.guard.settings.state_dir / "api_keys.db")
    key = elsewhere.create(tenant="acme", principal="late", roles=[])
    elsewhere.close()
    assert service.client(key).post("/v1/scan", json={"text": "x"}).status_code == 200
