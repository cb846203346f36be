"""JWT-SVIDs: a workload of the trust domain gets its tenant's context, and nobody else does."""

import time
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import Key, OKPKey
from ragbastion.core.errors import CredentialError, SettingsError
from ragbastion.core.settings_tenancy import JwtSvidSettings
from ragbastion.tenancy import JwtSvidVerifier
from ragbastion.tenancy.jwt_svid import Workloads

from .token_issuer import AUDIENCE, Issuer, claims, ec, rsa, secret_of

DOMAIN = "example.org"
DESK = f"spiffe://{DOMAIN}/tenant/acme/agent/desk"
WORKLOADS = Workloads(
    trust_domain=DOMAIN, path="/tenant/{tenant}/agent/{principal}", roles=("reader",)
)


def svid(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good SVID with changes: no issuer, no tenant, no time of issue."""
    return claims(**{"iss": None, "tenant": None, "iat": None, "sub": DESK, **changes})


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    """Return a trust domain's authority with one Ed25519 key."""
    return Issuer(tmp_path / "bundle.json", use="jwt-svid")


@pytest.fixture
def verifier(issuer: Issuer) -> JwtSvidVerifier:
    """Return a verifier that trusts the bundle."""
    return JwtSvidVerifier(WORKLOADS, AUDIENCE, issuer.path)


def test_a_workload_gets_its_context(issuer: Issuer, verifier: JwtSvidVerifier) -> None:
    """Tenant and principal from the path, roles from the operator, the end from the SVID."""
    said = svid()
    credential = verifier.authenticate(issuer.token(said, header={"typ": "JWT"}))
    context = credential.context(session="s-1")
    assert (context.tenant, context.principal, context.session) == ("acme", "desk", "s-1")
    assert (context.roles, context.clearance, context.admin) == ({"reader"}, 0, False)
    assert context.expires_at == said["exp"] + 30
    assert credential.key_id == "jwt-svid:k1"


@pytest.mark.parametrize(
    ("key", "alg"),
    [(ec(), "ES256"), (rsa(), "RS256"), (OKPKey.generate_key("Ed25519"), "EdDSA")],
    ids=["ES256", "RS256", "EdDSA"],
)
def test_the_bundles_key_says_the_algorithm(
    issuer: Issuer, verifier: JwtSvidVerifier, key: Key, alg: str
) -> None:
    """Its own works, and no other does with it."""
    issuer.add("k2", key)
    assert verifier.authenticate(issuer.token(svid(), kid="k2", alg=alg)).tenant == "acme"
    for other in {"ES256", "RS256", "EdDSA"} - {alg}:
        lie = issuer.token(svid(), kid="k2", alg=alg, header={"alg": other})
        with pytest.raises(CredentialError, match="not one of the key's"):
            verifier.authenticate(lie)


@pytest.mark.parametrize("alg", ["none", "HS256", "HS512", "PS256", "ES384", "RS512", ""])
def test_other_algorithms_are_refused(issuer: Issuer, verifier: JwtSvidVerifier, alg: str) -> None:
    """Those of the standard that are not taken, and those that it forbids."""
    with pytest.raises(CredentialError, match="algorithm"):
        verifier.authenticate(issuer.token(svid(), header={"alg": alg}))


def test_a_public_key_is_no_shared_secret(issuer: Issuer, verifier: JwtSvidVerifier) -> None:
    """Algorithm confusion with the bundle's own key."""
    for secret in secret_of(issuer.published()["keys"][0]):
        with pytest.raises(CredentialError, match="algorithm"):
            verifier.authenticate(issuer.token(svid(), alg="HS256", key=secret))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"aud": None}, "names no audience"),
        ({"aud": []}, "another audience"),
        ({"aud": "spiffe://example.org/other"}, "another audience"),
        ({"exp": None}, "no expiry"),
        ({"exp": int(time.time()) - 60}, "has expired"),
        ({"exp": int(time.time()) + 10_000}, "lives longer than 3600 s"),
        ({"nbf": int(time.time()) + 86_400}, "not valid yet"),
        ({"sub": None}, "no SPIFFE ID"),
        ({"sub": "desk"}, "no SPIFFE ID"),
        ({"sub": DESK + "?tenant=globex"}, "segment that is not allowed"),
        ({"sub": "spiffe://globex@example.org/tenant/acme/agent/desk"}, "character"),
        ({"sub": "spiffe://other.org/tenant/acme/agent/desk"}, "another trust domain"),
        ({"sub": "spiffe://example.org.evil.io/tenant/acme/agent/desk"}, "another trust domain"),
        ({"sub": "spiffe://example.org/tenant/acme"}, "not that of a tenant's workload"),
        ({"sub": DESK + "/more"}, "not that of a tenant's workload"),
        ({"sub": "spiffe://example.org/tenant/-acme/agent/desk"}, "tenant refused"),
        ({"sub": f"spiffe://example.org/tenant/{'x' * 129}/agent/desk"}, "129 characters"),
    ],
)
def test_claims_that_are_refused(
    issuer: Issuer, verifier: JwtSvidVerifier, change: dict[str, Any], why: str
) -> None:
    """A good signature does not make them good."""
    with pytest.raises(CredentialError, match=why):
        verifier.authenticate(issuer.token(svid(**change)))


@pytest.mark.parametrize("header", [{"typ": "jwt"}, {"typ": "at+jwt"}, {"crit": ["exp"]}, {"x": 1}])
def test_headers_that_are_refused(
    issuer: Issuer, verifier: JwtSvidVerifier, header: dict[str, Any]
) -> None:
    """The standard: typ is JWT or JOSE, and there is nothing beside alg, kid and typ."""
    with pytest.raises(CredentialError, match="typ"):
        verifier.authenticate(issuer.token(svid(), header=header))


def test_only_keys_for_svids_count(issuer: Issuer, verifier: JwtSvidVerifier) -> None:
    """A key of the bundle that is for certificates, or says nothing, signs no SVID."""
    other = OKPKey.generate_key("Ed25519").as_dict(private=False)
    published = issuer.published()["keys"]
    issuer.publish(
        {"keys": [*published, {**other, "kid": "x", "use": "x509-svid"}, {**other, "kid": "y"}],
         "spiffe_sequence": 1, "spiffe_refresh_hint": 600}
    )  # fmt: skip
    assert verifier.authenticate(issuer.token(svid())).tenant == "acme"
    for kid in ("x", "y"):
        with pytest.raises(CredentialError, match="not in the key set"):
            verifier.authenticate(issuer.token(svid(), header={"kid": kid}))


def test_contexts_stop_when_the_authority_is_withdrawn(
    issuer: Issuer, verifier: JwtSvidVerifier
) -> None:
    """A trust bundle that drops a key drops whom it vouched for."""
    context = verifier.authenticate(issuer.token(svid())).context()
    issuer.add("k2")
    issuer.withdraw("k1")
    with pytest.raises(CredentialError, match="signing key was withdrawn"):
        context.require_active()


def test_the_id_is_the_principal_where_the_path_names_none(issuer: Issuer) -> None:
    """So two workloads of a tenant are two principals."""
    settings = JwtSvidSettings(
        trust_domain=DOMAIN, audience=AUDIENCE, keys=issuer.path, path="/tenant/{tenant}"
    )
    verifier = JwtSvidVerifier.from_settings(settings)
    subject = f"spiffe://{DOMAIN}/tenant/acme"
    assert verifier.authenticate(issuer.token(svid(sub=subject))).principal == subject


def test_an_audience_is_needed(issuer: Issuer) -> None:
    """An SVID for anybody would be replayed by anybody."""
    with pytest.raises(SettingsError, match="needs an audience"):
        JwtSvidVerifier(WORKLOADS, "", issuer.path)
