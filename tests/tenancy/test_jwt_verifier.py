"""EdDSA tokens: what an honest one gives, and every dishonest one refused without an echo."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import OctKey, OKPKey
from ragbastion.core.errors import AccessError, CredentialError, SettingsError
from ragbastion.core.settings_tenancy import ClaimSettings, JwtSettings
from ragbastion.tenancy import JwtVerifier
from ragbastion.tenancy.token_claims import TokenLimits

from .token_issuer import AUDIENCE, ISSUER, Issuer, b64, claims, ec, rsa, secret_of, segment

NOW = int(time.time())
CLAIMS = [
    "sub",
    "tenant",
    "roles",
    "groups",
    "aud",
    "exp",
    "nbf",
    "iat",
    "sid",
    "clearance",
    "department",
    "purpose",
    "iss",
]


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    """Return an issuer with one key, published."""
    return Issuer(tmp_path / "keys.json")


@pytest.fixture
def verifier(issuer: Issuer) -> JwtVerifier:
    """Return a verifier that trusts the issuer."""
    return JwtVerifier(ISSUER, AUDIENCE, issuer.path)


def refusal(verifier: JwtVerifier, token: str | None) -> str:
    """Return the message of the refusal, which must not hold a part of the token."""
    with pytest.raises(CredentialError) as caught:
        verifier.authenticate(token)
    message = str(caught.value)
    for part in (token or "").split("."):
        assert len(part) < 4 or part not in message
    return message


def test_claims_become_a_context(issuer: Issuer, verifier: JwtVerifier) -> None:
    """Tenant, principal, roles, groups, department, clearance, purpose, session and the end."""
    said = claims(
        roles=["reader", "writer"],
        groups=["sales"],
        department="retail",
        clearance=2,
        purpose="support",
        sid="s-1",
    )
    credential = verifier.authenticate(issuer.token(said))
    context = credential.context()
    assert (credential.key_id, credential.admin) == ("jwt:k1", False)
    assert (context.tenant, context.principal, context.session) == ("acme", "agent-7", "s-1")
    assert (context.roles, context.groups) == ({"reader", "writer"}, {"sales"})
    assert (context.department, context.clearance, context.purpose) == ("retail", 2, "support")
    assert context.expires_at == said["exp"] + 30
    assert context.admin is False


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("typ", [None, "JWT", "at+jwt"])
def test_both_names_of_the_algorithm(
    issuer: Issuer, verifier: JwtVerifier, alg: str, typ: str | None
) -> None:
    """RFC 8037 and RFC 9864 name the same signature; neither warns."""
    header = {"alg": alg} | ({"typ": typ} if typ else {})
    token = issuer.token(header=header)
    assert verifier.authenticate(token).tenant == "acme"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"exp": None}, "no expiry"),
        ({"exp": NOW - 31}, "has expired"),
        ({"exp": NOW - 86_400}, "has expired"),
        ({"exp": "tomorrow"}, "exp is not a number"),
        ({"exp": True}, "exp is not a number"),
        ({"exp": 10**400}, "exp is no time"),
        ({"exp": -1}, "exp is no time"),
        ({"nbf": NOW + 60 * 60}, "not valid yet"),
        ({"nbf": "now"}, "nbf is not a number"),
        ({"iat": None}, "when it was issued"),
        ({"iat": NOW + 60 * 60}, "issued in the future"),
        ({"iat": NOW - 2 * 86_400}, "older than 86400 s"),
        ({"iat": [NOW]}, "iat is not a number"),
        ({"iss": None}, "another issuer"),
        ({"iss": ISSUER + "/"}, "another issuer"),
        ({"iss": [ISSUER]}, "another issuer"),
        ({"aud": None}, "names no audience"),
        ({"aud": "another"}, "another audience"),
        ({"aud": AUDIENCE.upper()}, "another audience"),
        ({"aud": [AUDIENCE + "2", "other"]}, "another audience"),
        ({"aud": [AUDIENCE, 7]}, "names no audience"),
        ({"aud": {AUDIENCE: 1}}, "names no audience"),
        ({"aud": [AUDIENCE] * 33}, "another audience"),
        ({"tenant": None}, "names no tenant"),
        ({"tenant": ""}, "names no tenant"),
        ({"tenant": ["acme"]}, "tenant is not a text"),
        ({"tenant": "acme/globex"}, "U[+]002F at 4"),
        ({"tenant": "acme\\globex"}, "U[+]005C at 4"),
        ({"tenant": "../globex"}, "U[+]002E at 0"),
        ({"tenant": "acme globex"}, "U[+]0020 at 4"),
        ({"tenant": "acme\x00"}, "U[+]0000 at 4"),
        ({"tenant": "\u0430\u0441\u043c\u0435"}, "look Latin"),
        ({"tenant": "\u0430cme"}, "several scripts"),
        ({"tenant": "\uff41cme"}, "normal form"),
        ({"tenant": "ac\u200bme"}, "U[+]200B at 2"),
        ({"tenant": "\ud800"}, "U[+]D800 at 0"),
        ({"tenant": "x" * 1_000}, "1000 characters, at most 128"),
        ({"sub": None}, "names no principal"),
        ({"sub": "x" * 257}, "principal must be a text of 0 to 256"),
        ({"sub": "agent\u202e7"}, "U[+]202E"),
        ({"sub": 7}, "principal is not a text"),
        ({"roles": {"reader": True}}, "roles are not a list"),
        ({"roles": ["reader", 7]}, "roles are not a list"),
        ({"roles": [str(n) for n in range(65)]}, "at most 64"),
        ({"groups": 7}, "groups are not a list"),
        ({"groups": ["a\nb"]}, "U[+]000A"),
        ({"department": ["retail"]}, "department is not a text"),
        ({"clearance": 4}, "clearance is not 0 to 3"),
        ({"clearance": "3"}, "clearance is not 0 to 3"),
        ({"clearance": True}, "clearance is not 0 to 3"),
        ({"clearance": 2.5}, "clearance is not 0 to 3"),
        ({"purpose": 1}, "purpose is not a text"),
        ({"sid": "s\n1"}, "session holds"),
    ],
)
def test_claims_that_are_refused(
    issuer: Issuer, verifier: JwtVerifier, change: dict[str, Any], why: str
) -> None:
    """A good signature does not make them good."""
    with pytest.raises(CredentialError, match=why):
        verifier.authenticate(issuer.token(claims(**change)))


def test_a_claim_of_10_kb_is_refused(issuer: Issuer, verifier: JwtVerifier) -> None:
    """By the size of the token, and by the name's own limit where tokens may be that large."""
    token = issuer.token(claims(tenant="x" * 10_240))
    assert "longer than 8192 bytes" in refusal(verifier, token)
    roomy = JwtVerifier(ISSUER, AUDIENCE, issuer.path, limits=TokenLimits(max_bytes=65_536))
    assert "10240 characters, at most 128" in refusal(roomy, token)


def test_the_leeway_is_small_and_for_both_ends(issuer: Issuer, verifier: JwtVerifier) -> None:
    """Clocks that differ by less than half a minute do not matter."""
    now = int(time.time())
    verifier.authenticate(issuer.token(claims(exp=now - 20)))
    verifier.authenticate(issuer.token(claims(nbf=now + 20, iat=now + 20)))


def test_a_long_token_ends_at_its_maximal_age(issuer: Issuer) -> None:
    """Whatever its expiry says."""
    limits = TokenLimits(leeway_s=0, max_age_s=600)
    strict = JwtVerifier(ISSUER, AUDIENCE, issuer.path, limits=limits)
    said = claims(exp=int(time.time()) + 10**6)
    assert strict.authenticate(issuer.token(said)).expires_at == said["iat"] + 600


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"alg": "none"}, "algorithm .alg. is not taken"),
        ({"alg": "None"}, "algorithm .alg. is not taken"),
        ({"alg": "HS256"}, "algorithm .alg. is not taken"),
        ({"alg": "RS256"}, "algorithm .alg. is not taken"),
        ({"alg": "ES256"}, "algorithm .alg. is not taken"),
        ({"alg": "Ed448"}, "algorithm .alg. is not taken"),
        ({"alg": ""}, "algorithm .alg. is not taken"),
        ({"alg": ["EdDSA"]}, "not a text"),
        ({"alg": None}, "not a text"),
        ({"kid": "k2"}, "not in the key set"),
        ({"kid": "../../etc/passwd"}, "not in the key set"),
        ({"kid": ""}, "names no key"),
        ({"kid": 1}, "not a text"),
        ({"jwk": {"kty": "OKP"}}, "header has jwk"),
        ({"jku": "https://evil.example/keys"}, "header has jku"),
        ({"x5u": "https://evil.example/cert"}, "header has x5u"),
        ({"x5c": ["MIIB"]}, "header has x5c"),
        ({"crit": ["exp"]}, "header has crit"),
        ({"b64": False, "crit": ["b64"]}, "header has crit, b64"),
        ({"zip": "DEF"}, "header has zip"),
        ({"strange": 1}, "a name that is not used"),
        ({"typ": "JWE"}, "type .typ. is not taken"),
        ({"typ": "dpop+jwt"}, "type .typ. is not taken"),
        ({"typ": 1}, "not a text"),
    ],
)
def test_headers_that_are_refused(
    issuer: Issuer, verifier: JwtVerifier, header: dict[str, Any], why: str
) -> None:
    """Signed by the right key, and still refused."""
    with pytest.raises(CredentialError, match=why):
        verifier.authenticate(issuer.token(header=header))


def test_a_header_without_alg_or_kid_is_refused(issuer: Issuer, verifier: JwtVerifier) -> None:
    """Neither is guessed."""
    rest = issuer.token().split(".")[1:]
    assert "names no key" in refusal(verifier, ".".join([segment({"alg": "EdDSA"}), *rest]))
    assert "alg" in refusal(verifier, ".".join([segment({"kid": "k1"}), *rest]))


def test_a_public_key_is_no_shared_secret(issuer: Issuer, verifier: JwtVerifier) -> None:
    """HS256 keyed with the public key, under its own name and under the pinned one."""
    for secret in secret_of(issuer.published()["keys"][0]):
        for said in ("HS256", "EdDSA", "Ed25519"):
            token = issuer.token(alg="HS256", header={"alg": said}, key=secret)
            assert refusal(verifier, token).startswith("token refused")


def test_a_key_that_the_token_brings_is_not_used(issuer: Issuer, verifier: JwtVerifier) -> None:
    """A forger's own key in ``jwk``, or under a known kid."""
    forged = OKPKey.generate_key("Ed25519")
    brought = {"jwk": forged.as_dict(private=False)}
    assert "header has jwk" in refusal(verifier, issuer.token(key=forged, header=brought))
    assert "does not verify" in refusal(verifier, issuer.token(key=forged))


def test_changed_and_cut_tokens_are_refused(issuer: Issuer, verifier: JwtVerifier) -> None:
    """Claims of another tenant under an old signature, no signature, parts missing or too many."""
    head, body, mark = issuer.token().split(".")
    other = segment(claims(tenant="globex"))
    for token in (
        f"{head}.{other}.{mark}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}..{mark}",
        f".{body}.{mark}",
        f"{head}.{body}.{mark}.{mark}",
        f"{head}.{body}.{mark}=",
        f"{head}.{body}.{mark[:-2]}",
        f" {head}.{body}.{mark}",
        f"{head}=.{body}.{mark}",
        f"{head}.{body}.{mark}\u00e9",
    ):
        assert refusal(verifier, token).startswith("token refused")


@pytest.mark.parametrize("token", [None, "", ".", "..", "...", "a.b.c", "e30.e30.e30", "x" * 10**5])
def test_what_is_no_token_is_refused(verifier: JwtVerifier, token: str | None) -> None:
    """Missing, empty, dots, rubbish and far too long."""
    assert refusal(verifier, token).startswith("token refused")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"acme"',
        b"\xff\xfe",
        b'{"tenant": "acme", "tenant": "globex"}',
        b'{"exp": NaN}',
        b'{"exp": Infinity}',
        b"[" * 3_000,
        b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
    ],
)
def test_odd_payloads_are_refused(issuer: Issuer, verifier: JwtVerifier, body: bytes) -> None:
    """Signed bytes that are not one plain JSON object, or say something twice."""
    assert refusal(verifier, issuer.token(body)).startswith("token refused")


def test_a_header_that_says_alg_twice_is_refused(issuer: Issuer, verifier: JwtVerifier) -> None:
    """Two readers could read two algorithms."""
    rest = issuer.token().split(".")[1:]
    twice = b64(b'{"alg":"none","kid":"k1","alg":"EdDSA"}')
    assert "gives a name twice" in refusal(verifier, ".".join([twice, *rest]))


def test_a_new_key_is_known_at_once(issuer: Issuer, verifier: JwtVerifier) -> None:
    """Rotation: the set holds both for a while, and then the new one alone."""
    issuer.add("k2")
    assert verifier.authenticate(issuer.token(kid="k2")).key_id == "jwt:k2"
    assert verifier.authenticate(issuer.token(kid="k1")).key_id == "jwt:k1"
    old = issuer.token(kid="k1")
    issuer.withdraw("k1")
    assert "not in the key set" in refusal(verifier, old)


def test_contexts_stop_when_their_key_is_withdrawn(issuer: Issuer, verifier: JwtVerifier) -> None:
    """In mid-stream, also when another key takes its name."""
    context = verifier.authenticate(issuer.token()).context()
    context.require_active()
    issuer.add("k1", OKPKey.generate_key("Ed25519"))
    with pytest.raises(CredentialError, match="signing key was withdrawn"):
        context.require_active()


def test_a_token_is_bound_to_its_session_and_purpose(issuer: Issuer, verifier: JwtVerifier) -> None:
    """A request may repeat them, and not name others."""
    credential = verifier.authenticate(issuer.token(claims(sid="s-1", purpose="support")))
    assert credential.context(session="s-1").session == "s-1"
    for named in ({"session": "s-2"}, {"purpose": "marketing"}):
        with pytest.raises(AccessError, match="may not name another"):
            credential.context(**named)


def test_a_token_never_administers(issuer: Issuer, verifier: JwtVerifier) -> None:
    """Whatever it says of itself."""
    credential = verifier.authenticate(issuer.token(claims(admin=True, roles=["admin"])))
    with pytest.raises(AccessError, match="may not administer"):
        credential.context(admin=True)
    with pytest.raises(AccessError, match="bound to tenant 'acme'"):
        credential.context(tenant="globex")


def test_claims_by_other_names(issuer: Issuer) -> None:
    """The operator names them; a slash begins a JSON pointer, an empty name is not read."""
    names = ClaimSettings(
        tenant="https://example.com/org",
        principal="client_id",
        roles="/realm_access/roles",
        groups="scope",
        clearance="",
    )
    own = JwtVerifier(ISSUER, AUDIENCE, issuer.path, claims=names)
    said = claims(
        **{"https://example.com/org": "globex"},
        client_id="desk",
        realm_access={"roles": ["reader"]},
        scope="read  write",
        clearance=3,
    )
    credential = own.authenticate(issuer.token(said))
    assert (credential.tenant, credential.principal) == ("globex", "desk")
    assert (credential.roles, credential.groups) == ({"reader"}, {"read", "write"})
    assert credential.clearance == 0


def test_a_pointer_to_nothing_is_no_claim(issuer: Issuer) -> None:
    """Also through what is no object."""
    names = ClaimSettings(roles="/sub/roles", groups="/no/such")
    own = JwtVerifier(ISSUER, AUDIENCE, issuer.path, claims=names)
    credential = own.authenticate(issuer.token())
    assert (credential.roles, credential.groups) == (frozenset(), frozenset())


def test_other_keys_of_the_set_sign_nothing(issuer: Issuer, verifier: JwtVerifier) -> None:
    """A set may hold RSA and EC keys for others; here they are not known."""
    issuer.add("rsa", rsa())
    issuer.add("ec", ec())
    for kid, alg in (("rsa", "RS256"), ("ec", "ES256")):
        assert "alg" in refusal(verifier, issuer.token(kid=kid, alg=alg))
        lie = issuer.token(kid=kid, alg=alg, header={"alg": "EdDSA"})
        assert "not in the key set" in refusal(verifier, lie)
    assert verifier.authenticate(issuer.token()).tenant == "acme"


def test_made_from_settings(issuer: Issuer) -> None:
    """The settings hold the same, and refuse an empty audience."""
    made = JwtVerifier.from_settings(
        JwtSettings(issuer=ISSUER, audience=AUDIENCE, keys=issuer.path, max_age_s=60)
    )
    assert "older than 60 s" in refusal(made, issuer.token(claims(iat=int(time.time()) - 100)))
    with pytest.raises(ValueError, match="audience"):
        JwtSettings(issuer=ISSUER, audience="", keys=issuer.path)
    with pytest.raises(SettingsError, match="issuer and an audience"):
        JwtVerifier("", AUDIENCE, issuer.path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(name=st.sampled_from(CLAIMS), value=json_values)
def test_any_claim_is_mapped_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: object
) -> None:
    """No signed value raises anything but a refusal, or gives more than the claim says."""
    issuer = Issuer(tmp_path_factory.getbasetemp() / "property.json")
    verifier = JwtVerifier(ISSUER, AUDIENCE, issuer.path)
    body = json.dumps({**claims(), name: value}).encode()
    try:
        context = verifier.authenticate(issuer.token(body)).context()
    except CredentialError:
        return
    assert context.tenant == (value if name == "tenant" else "acme")
    assert context.clearance == (value if name == "clearance" and value is not None else 0)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(where=st.integers(0, 10_000), flip=st.integers(1, 127))
def test_any_changed_character_is_refused(
    tmp_path_factory: pytest.TempPathFactory, where: int, flip: int
) -> None:
    """There is one text for one token."""
    issuer = Issuer(tmp_path_factory.getbasetemp() / "flip.json")
    verifier = JwtVerifier(ISSUER, AUDIENCE, issuer.path)
    token = issuer.token()
    at = where % len(token)
    changed = token[:at] + chr(ord(token[at]) ^ flip) + token[at + 1 :]
    with pytest.raises(CredentialError):
        verifier.authenticate(changed)


def test_a_secret_key_in_the_set_is_an_error(issuer: Issuer) -> None:
    """A set is public; a shared or private key in it is a leak."""
    secret = {**OctKey.generate_key(256).as_dict(private=True), "kid": "s"}
    private = {**issuer.keys["k1"].as_dict(private=True), "kid": "p"}
    for jwk in (secret, private):
        issuer.publish({"keys": [*issuer.published()["keys"], jwk]})
        with pytest.raises(SettingsError, match="private or secret key"):
            JwtVerifier(ISSUER, AUDIENCE, issuer.path)
