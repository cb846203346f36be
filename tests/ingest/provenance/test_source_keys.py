"""Who signs for a source, and when it may not."""

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ragbastion.core.errors import ProvenanceError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings import ProvenanceSettings
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier
from ragbastion.ingest.provenance.keys import public_pem
from ragbastion.ingest.provenance.source_admin import SignerAt, SourceAdmin
from ragbastion.ingest.provenance.source_records import SourceRecord

from .conftest import COLLECTION_UID, make_chunks

LOG_KEY = f"{sha256(b'transparency-log').hexdigest()[:32]}.pem"
"""The file of the log's own key, which is no source's."""


@pytest.fixture
def events() -> MemoryEventSink:
    """Return where events go."""
    return MemoryEventSink()


@pytest.fixture
def admin(tmp_path: Path, events: MemoryEventSink) -> Iterator[SourceAdmin]:
    """Return what administers the folder."""
    admin = SourceAdmin(tmp_path, events, principal="root")
    yield admin
    admin.close()


@pytest.fixture
def ec_signer(tmp_path: Path) -> SignerAt:
    """Return a P-256 key in a file, as modules and services hold one."""
    private = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "p256.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return SignerAt(uri=f"file2:{path}", public_pem=public_pem(private.public_key()))


def _sign(signer: BatchSigner, source: str = "wiki") -> None:
    signer.sign(make_chunks(1, source=source), collection_uid=COLLECTION_UID)


def test_a_revoked_source_signs_nothing(
    tmp_path: Path, admin: SourceAdmin, signer: BatchSigner
) -> None:
    """In a process that is running, until it is opened again."""
    _sign(signer)
    admin.revoke_source("acme", "wiki", "poisoned")
    with pytest.raises(ProvenanceError, match="is revoked; open it again"):
        _sign(signer)
    admin.reopen("acme", "wiki", "clean")
    _sign(signer)


def test_a_revoked_key_signs_nothing(
    tmp_path: Path, admin: SourceAdmin, signer: BatchSigner
) -> None:
    """Until there is a new one."""
    _sign(signer)
    [key] = admin.registry.keys("acme", "source/wiki")
    admin.revoke_key("acme", key.key_id, "stolen")
    with pytest.raises(ProvenanceError, match="sources rotate"):
        _sign(signer)
    admin.rotate("acme", "source/wiki", overlap_s=0)
    _sign(signer)


def test_by_hand_an_unknown_source_is_refused(tmp_path: Path, admin: SourceAdmin) -> None:
    """Until a person has opened it."""
    signer = BatchSigner(tmp_path, ProvenanceSettings(open_sources="by-hand"))
    with pytest.raises(ProvenanceError, match="is not open"):
        _sign(signer)
    admin.open(SourceRecord(tenant="acme", source="wiki", owner="dana"))
    _sign(signer)
    assert admin.registry.source("acme", "wiki").owner == "dana"


def test_first_use_is_told_of(tmp_path: Path, events: MemoryEventSink) -> None:
    """A source that ingestion opened stands in the audit log, once."""
    signer = BatchSigner(tmp_path, events=events)
    _sign(signer)
    _sign(signer)
    assert [(each.kind, each.subject) for each in events.events] == [("source.opened", "wiki")]


def test_a_signer_elsewhere_signs(
    tmp_path: Path, admin: SourceAdmin, ec_signer: SignerAt, verifier: ChunkVerifier
) -> None:
    """With an ECDSA key at a URI; what it signed verifies as any other."""
    admin.open(SourceRecord(tenant="acme", source="wiki"), ec_signer)
    chunks = make_chunks(2)
    proofs = BatchSigner(tmp_path).sign(chunks, collection_uid=COLLECTION_UID)
    assert verifier.verify(chunks[1], proofs[1], collection_uid=COLLECTION_UID).integrity.rank == 2
    assert [each.name for each in (tmp_path / "keys").iterdir()] == [LOG_KEY]


def test_a_signer_with_another_key_is_refused(
    tmp_path: Path, admin: SourceAdmin, ec_signer: SignerAt
) -> None:
    """A URI that leads to another key than the registered one signs nothing."""
    other = public_pem(ec.generate_private_key(ec.SECP256R1()).public_key())
    admin.open(
        SourceRecord(tenant="acme", source="wiki"), SignerAt(uri=ec_signer.uri, public_pem=other)
    )
    with pytest.raises(ProvenanceError, match="file2' refused"):
        _sign(BatchSigner(tmp_path))


def test_one_signer_for_two_tenants_is_refused(admin: SourceAdmin, ec_signer: SignerAt) -> None:
    """Whoever holds the key could speak for both."""
    admin.open(SourceRecord(tenant="acme", source="wiki"), ec_signer)
    with pytest.raises(ProvenanceError, match="registered for something else"):
        admin.open(SourceRecord(tenant="other", source="wiki"), ec_signer)
    assert admin.registry.source("other", "wiki") is None


def test_a_key_file_that_was_swapped_is_refused(tmp_path: Path, signer: BatchSigner) -> None:
    """A key that is not the registered one does not sign in its name."""
    _sign(signer)
    _sign(signer, "hr")
    found = sorted((tmp_path / "keys").glob("*.pem"))
    one, other = (each for each in found if each.name != LOG_KEY)
    one.write_bytes(other.read_bytes())
    with pytest.raises(ProvenanceError, match="holds another key"):
        [_sign(signer, each) for each in ("wiki", "hr")]


@pytest.mark.parametrize(("behind", "held"), [(2.0, True), (299.0, True), (301.0, False)])
def test_a_clock_that_runs_back(
    tmp_path: Path,
    events: MemoryEventSink,
    monkeypatch: pytest.MonkeyPatch,
    behind: float,
    held: bool,
) -> None:
    """A little is held at the last statement's time; more is refused; both are told of."""
    signer = BatchSigner(tmp_path, events=events)
    _sign(signer)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - behind)
    if held:
        _sign(signer)
    else:
        with pytest.raises(ProvenanceError, match=r"clock is 30. s behind"):
            _sign(signer)
    [told] = [each for each in events.events if each.kind == "provenance.clock_back"]
    assert told.outcome == ("held" if held else "refused")


def test_a_new_key_is_free_of_the_old_clock(
    tmp_path: Path, admin: SourceAdmin, signer: BatchSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that once ran a year ahead does not stop the source for a year."""
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now + 365 * 86_400)
        _sign(signer)
    with pytest.raises(ProvenanceError, match="rotate the key"):
        _sign(signer)
    admin.rotate("acme", "source/wiki", overlap_s=0)
    _sign(signer)


@pytest.mark.parametrize("since", [-1.0, float("nan"), float("inf"), 4e9])
def test_since_must_have_been(admin: SourceAdmin, signer: BatchSigner, since: float) -> None:
    """A time to come, or none at all, is refused and revokes nothing."""
    _sign(signer)
    with pytest.raises(UsageError, match="since refused"):
        admin.revoke_source("acme", "wiki", "x", since=since)
    _sign(signer)


def test_every_change_is_an_event(admin: SourceAdmin, events: MemoryEventSink) -> None:
    """With who did it."""
    admin.open(SourceRecord(tenant="acme", source="wiki"))
    admin.change(SourceRecord(tenant="acme", source="wiki", owner="dana"))
    key = admin.rotate("acme", "source/wiki", overlap_s=5)
    admin.revoke_key("acme", key.key_id, "lost")
    admin.revoke_source("acme", "wiki", "wrong")
    admin.reinstate("acme", "wiki", "meant another")
    admin.revoke_source("acme", "wiki", "poisoned")
    admin.reopen("acme", "wiki", "clean")
    assert [each.kind for each in events.events] == [
        "key.registered",
        "source.opened",
        "source.changed",
        "key.registered",
        "key.rotated",
        "key.revoked",
        "source.revoked",
        "source.reinstated",
        "source.revoked",
        "source.reopened",
        "key.registered",
    ]
    assert {each.principal for each in events.events} == {"root"}


REFUSALS = {
    "open twice": lambda admin: admin.open(SourceRecord(tenant="acme", source="wiki")),
    "rotate nothing": lambda admin: admin.rotate("acme", "source/none", overlap_s=0),
    "a negative overlap": lambda admin: admin.rotate("acme", "source/wiki", overlap_s=-1),
    "revoke nothing": lambda admin: admin.revoke_source("acme", "none", "x"),
    "a foreign source": lambda admin: admin.revoke_source("other", "wiki", "x"),
    "an unknown reviewer": lambda admin: admin.revoke_reviewer("acme", "wiki", "x"),
    "an unknown key": lambda admin: admin.revoke_key("acme", "k", "x"),
    "reopen": lambda admin: admin.reopen("acme", "wiki", "x"),
    "reinstate": lambda admin: admin.reinstate("acme", "wiki", "x"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_meant_is_refused(
    admin: SourceAdmin, events: MemoryEventSink, name: str
) -> None:
    """And nothing is told of that was not done."""
    admin.open(SourceRecord(tenant="acme", source="wiki"))
    before = len(events.events)
    with pytest.raises(UsageError):
        REFUSALS[name](admin)
    assert len(events.events) == before
