"""Nothing but /healthz answers without a key, and keys are who they say."""

import asyncio
import json
from pathlib import Path

import pytest
from ragbastion.core.errors import CredentialError, SettingsError
from ragbastion.core.settings import Settings
from ragbastion.gateway.authentication import Authenticator, token_verifiers
from ragbastion.tenancy import ApiKeys, authentication
from starlette.types import Message

from ..tenancy.token_issuer import AUDIENCE, ISSUER, Issuer, claims
from .conftest import ADMIN_KEY, Service

ROUTES = [
    ("POST", "/v1/scan"),
    ("POST", "/v1/strip"),
    ("POST", "/v1/neutralise"),
    ("POST", "/v1/redact"),
    ("POST", "/v1/ingest"),
    ("POST", "/v1/ingest/file"),
    ("POST", "/v1/documents/delete"),
    ("POST", "/v1/documents/label"),
    ("POST", "/v1/documents/restore"),
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


def test_two_credentials_are_none(service: Service) -> None:
    """What a proxy read of a request with two headers may be the other one."""
    header = ("Authorization", f"Bearer {ADMIN_KEY}")
    for headers in ([header, ("Authorization", "Bearer x")], [header, header]):
        answer = service.client(None).get("/readyz", headers=headers)
        assert answer.status_code == 401


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


def refused_reasons(service: Service) -> list[str]:
    """Return the reasons of the refusals that are in the audit log."""
    entries = [entry.record for entry in service.guard.audit.tail(500)]
    return [entry["detail"]["reason"] for entry in entries if entry["kind"] == "identity.refused"]


def test_a_token_is_a_key(issued: Service, issuer: Issuer) -> None:
    """A bearer token of the issuer passes, and stands for its tenant alone."""
    client = issued.client(issuer.token(claims(roles=["support"])))
    assert client.post("/v1/scan", json={"text": "hello"}).status_code == 200
    body = {"action": "refund", "tenant": "globex"}
    assert client.post("/v1/authorize", json=body).status_code == 403


@pytest.mark.parametrize(
    ("change", "header", "why"),
    [
        ({"exp": 1}, {}, "has expired"),
        ({"nbf": 4_000_000_000}, {}, "not valid yet"),
        ({"aud": "another"}, {}, "another audience"),
        ({"tenant": None}, {}, "names no tenant"),
        ({"tenant": "a/b"}, {}, "tenant refused"),
        ({}, {"alg": "none"}, "algorithm"),
        ({}, {"alg": "HS256"}, "algorithm"),
        ({}, {"kid": "k9"}, "not in the key set"),
        ({}, {"jku": "https://evil.example"}, "header has jku"),
    ],
)
def test_a_refused_token_is_401_and_audited(
    issued: Service,
    issuer: Issuer,
    change: dict[str, object],
    header: dict[str, object],
    why: str,
) -> None:
    """The answer and the audit log say why, and neither has a part of the token."""
    token = issuer.token(claims(**change), header=header)
    answer = issued.client(token).post("/v1/scan", json={"text": "hello"})
    assert (answer.status_code, why in answer.json()["error"]["message"]) == (401, True)
    log = "".join(refused_reasons(issued))
    assert why in log
    assert not [part for part in token.split(".") if part in log + answer.text]


def test_a_missing_key_is_audited(service: Service) -> None:
    """Also one that has no form of a key."""
    before = len(refused_reasons(service))
    assert service.client(None).get("/readyz").status_code == 401
    assert "no API key" in refused_reasons(service)[-1]
    assert len(refused_reasons(service)) == before + 1


def test_a_withdrawn_signing_key_ends_its_tokens(issued: Service, issuer: Issuer) -> None:
    """The next request after a rotation is 401, and tokens of the new key pass."""
    issuer.add("k2")
    old, new = issuer.token(kid="k1"), issuer.token(kid="k2")
    assert issued.client(old).post("/v1/scan", json={"text": "x"}).status_code == 200
    spare = issuer.keys["k1"]
    issuer.withdraw("k1")
    assert issued.client(old).post("/v1/scan", json={"text": "x"}).status_code == 401
    assert issued.client(new).post("/v1/scan", json={"text": "x"}).status_code == 200
    issuer.add("k1", spare)


def test_a_broken_key_set_is_the_operators_matter(issued: Service, issuer: Issuer) -> None:
    """500 without the path; API keys still pass."""
    issuer.path.write_text("{")
    answer = issued.client(issuer.token()).get("/readyz")
    assert (answer.status_code, str(issuer.path) in answer.text) == (500, False)
    assert issued.client(issued.reader).post("/v1/scan", json={"text": "x"}).status_code == 200
    issuer.publish()


def test_tokens_are_off_by_default() -> None:
    """Without settings there is no verifier, and so no token that passes."""
    assert token_verifiers(Settings().identity) == []


def test_svids_are_taken_where_settings_say_so(tmp_path: Path) -> None:
    """Both kinds may be on at once."""
    bundle = Issuer(tmp_path / "bundle.json", use="jwt-svid")
    keys = Issuer(tmp_path / "jwks.json")
    svids = {"trust_domain": "example.org", "audience": AUDIENCE, "path": "/{tenant}"}
    svids["keys"] = str(bundle.path)
    jwt = {"issuer": ISSUER, "audience": AUDIENCE, "keys": keys.path}
    made = Settings().with_(identity={"jwt": jwt, "jwt_svid": svids})
    assert len(token_verifiers(made.identity)) == 2


@pytest.fixture(autouse=True)
def _every_refusal_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is shared by the tests of this file, and so is its minute."""
    monkeypatch.setattr(authentication, "_REPORTS_A_MINUTE", 10_000)


@pytest.fixture
def issued(service: Service) -> Service:
    """A service that takes tokens."""
    return service


@pytest.fixture
def issuer(service: Service) -> Issuer:
    """Who issues tokens for the service."""
    assert service.issuer is not None
    return service.issuer


def test_a_key_revoked_while_the_body_arrives_is_refused(service: Service) -> None:
    """Whoever opens a request and waits does not outlive the key."""
    key = service.keys.create(tenant="acme", principal="slow", roles=["ingest"])
    document = {"source": "s", "documents": [{"text": "Refunds take three days."}]}
    parts = [json.dumps(document).encode()[:20], json.dumps(document).encode()[20:]]
    sent: list[Message] = []

    async def receive() -> Message:
        part = parts.pop(0)
        if not parts:
            service.keys.revoke(key.split("_")[1])
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/ingest",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(service.app(scope, receive, send))
    assert sent[0]["status"] == 401
