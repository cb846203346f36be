"""Every bearer text goes to its verifier, and every refusal is an event without the text."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ragbastion.core.errors import CredentialError, SettingsError, StoreError
from ragbastion.core.events import Event, MemoryEventSink
from ragbastion.tenancy import ApiKeys, Authentication, JwtSvidVerifier, JwtVerifier
from ragbastion.tenancy.jwt_svid import Workloads

from .token_issuer import AUDIENCE, ISSUER, Issuer, claims

WORKLOADS = Workloads(trust_domain="example.org", path="/{tenant}/{principal}")


class Door:
    """A set of keys, an issuer, a trust domain, and who watches them."""

    def __init__(self, folder: Path) -> None:
        self.keys = ApiKeys(folder / "api_keys.db")
        self.issuer = Issuer(folder / "jwks.json")
        self.domain = Issuer(folder / "bundle.json", use="jwt-svid")
        self.events = MemoryEventSink()
        tokens = [
            JwtVerifier(ISSUER, AUDIENCE, self.issuer.path),
            JwtSvidVerifier(WORKLOADS, AUDIENCE, self.domain.path),
        ]
        self.authentication = Authentication(self.keys, tokens, self.events)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Return a door with every kind of credential."""
    made = Door(tmp_path)
    yield made
    made.keys.close()


def test_each_kind_goes_to_its_verifier(door: Door) -> None:
    """A key, a token and an SVID, with nothing to report."""
    key = door.keys.create(tenant="acme", principal="by-key")
    token = door.issuer.token()
    svid = door.domain.token(claims(sub="spiffe://example.org/acme/by-svid"))
    found = [door.authentication.authenticate(bearer) for bearer in (key, token, svid)]
    assert [each.principal for each in found] == ["by-key", "agent-7", "by-svid"]
    assert door.events.events == []


@pytest.mark.parametrize("bearer", [None, "", "rb_x_y", "rubbish", "x" * 10_240])
def test_refused_keys_are_reported(door: Door, bearer: str | None) -> None:
    """With the reason, and without what was sent."""
    with pytest.raises(CredentialError):
        door.authentication.authenticate(bearer)
    (event,) = door.events.events
    assert (event.kind, event.outcome, event.tenant) == ("identity.refused", "refused", "")
    assert event.subject == ("api-key" if bearer else "none")
    assert not bearer or bearer not in json.dumps(dict(event.detail))


def test_refused_tokens_are_reported(door: Door) -> None:
    """Both verifiers say why, and no part of the token is kept."""
    token = door.issuer.token(claims(aud="another", sub="somebody-else"))
    with pytest.raises(CredentialError, match="another audience") as caught:
        door.authentication.authenticate(token)
    (event,) = door.events.events
    kept = json.dumps([event.subject, dict(event.detail), str(caught.value)])
    assert event.subject == "token"
    assert not [part for part in (*token.split("."), "somebody-else") if part in kept]


def test_strangers_cannot_fill_the_log(door: Door) -> None:
    """Sixty a minute are told, the rest is counted."""
    for _ in range(200):
        with pytest.raises(CredentialError):
            door.authentication.authenticate("rubbish")
    assert len(door.events.events) <= 120
    counted = [event.detail["unreported_before"] for event in door.events.events]
    assert sum(counted) + len(counted) <= 200


def test_a_report_that_cannot_be_kept_is_an_error(door: Door) -> None:
    """Fails closed: it raises in place of the refusal."""

    class Full:
        def emit(self, event: Event) -> None:
            raise StoreError("no space is left")

    authentication = Authentication(door.keys, events=Full())
    with pytest.raises(StoreError, match="no space"):
        authentication.authenticate("rubbish")


def test_a_broken_key_set_is_no_refusal_of_the_caller(door: Door) -> None:
    """The operator has to act, so it is an error of the settings."""
    door.issuer.path.write_text("{")
    with pytest.raises(SettingsError, match="not JSON"):
        door.authentication.authenticate(door.issuer.token())


def test_without_verifiers_a_token_is_an_unknown_key(door: Door) -> None:
    """Tokens are off unless they are set."""
    with pytest.raises(CredentialError, match="API key refused"):
        Authentication(door.keys).authenticate(door.issuer.token())
