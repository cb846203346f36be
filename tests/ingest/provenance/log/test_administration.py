"""What a person changes of sources, keys and the trust root is in the log when the call returns."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ragbastion.core.errors import RollbackError
from ragbastion.core.events import MemoryEventSink
from ragbastion.ingest.provenance import BatchSigner, RootChain, SourceAdmin, TrustRoot
from ragbastion.ingest.provenance.dsse import add_signature, local_key
from ragbastion.ingest.provenance.log import LogEntry, open_log, verify_log
from ragbastion.ingest.provenance.source_records import Revoked, SourceRecord

from ..conftest import COLLECTION_UID, make_chunks

WIKI = SourceRecord(tenant="acme", source="wiki")


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[SourceAdmin]:
    """Return what administers a folder with one source, which has two keys and a reviewer."""
    made = SourceAdmin(tmp_path, MemoryEventSink(), principal="root")
    made.open(WIKI)
    made.rotate("acme", "source/wiki", overlap_s=5)
    signer = BatchSigner(tmp_path)
    signer.sign(make_chunks(1), collection_uid=COLLECTION_UID, reviewer="dana")
    signer.close()
    yield made
    made.close()


def _first_key(admin: SourceAdmin) -> str:
    return admin.registry.keys("acme", "source/wiki")[0].key_id


def _accept_root(admin: SourceAdmin) -> None:
    key = local_key(Ed25519PrivateKey.generate())
    root = TrustRoot(version=1, threshold=1, keys={key.key_id: key.public_pem})
    admin.accept_root(RootChain(admin.registry), add_signature(root.unsigned(), key))


def _revoke(admin: SourceAdmin) -> None:
    admin.revoke_source("acme", "wiki", "x")


REVOKED = ["revocation.added"]
CHANGES: dict[str, tuple[Callable[[SourceAdmin], object], list[str]]] = {
    "open": (
        lambda admin: admin.open(SourceRecord(tenant="acme", source="hr")),
        ["key.registered", "source.opened"],
    ),
    "change": (
        lambda admin: admin.change(SourceRecord(tenant="acme", source="wiki", owner="dana")),
        ["source.changed"],
    ),
    "rotate": (
        lambda admin: admin.rotate("acme", "source/wiki", overlap_s=0),
        ["key.registered", "key.changed", "key.changed"],
    ),
    "revoke a key": (lambda admin: admin.revoke_key("acme", _first_key(admin), "x"), REVOKED),
    "revoke a reviewer": (lambda admin: admin.revoke_reviewer("acme", "dana", "x"), REVOKED),
    "revoke a source": (_revoke, REVOKED * 3),
    "accept a root": (_accept_root, ["root.added"]),
}


def _kinds(state_dir: Path) -> list[str]:
    log = open_log(state_dir)
    found = [LogEntry.parse(data).kind for _, _, data in log.storage.entries()]
    log.close()
    return found


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_logged_at_once(tmp_path: Path, admin: SourceAdmin, name: str) -> None:
    """Without waiting for the next signature, which may never come."""
    change, expected = CHANGES[name]
    before = len(_kinds(tmp_path))
    change(admin)
    assert _kinds(tmp_path)[before:] == expected
    assert (verify_log(tmp_path).clean, verify_log(tmp_path).pending) == (True, 0)


@pytest.mark.parametrize("name", ["reopen", "reinstate"])
def test_what_ends_a_revocation_is_logged_at_once(
    tmp_path: Path, admin: SourceAdmin, name: str
) -> None:
    """And is no finding: it stands in the revocation, which stays."""
    _revoke(admin)
    before = len(_kinds(tmp_path))
    (admin.reopen if name == "reopen" else admin.reinstate)("acme", "wiki", "x")
    assert "revocation.changed" in _kinds(tmp_path)[before:]
    assert (verify_log(tmp_path).clean, verify_log(tmp_path).pending) == (True, 0)


def test_a_log_that_was_put_back_does_not_stop_a_revocation(
    tmp_path: Path, admin: SourceAdmin
) -> None:
    """It holds, and the call says what is wrong with the log."""
    admin.close()
    old = (tmp_path / "provenance_log.db").read_bytes()
    again = SourceAdmin(tmp_path, MemoryEventSink(), principal="root")
    again.change(SourceRecord(tenant="acme", source="wiki", owner="dana"))
    again.close()
    (tmp_path / "provenance_log.db").write_bytes(old)
    last = SourceAdmin(tmp_path, MemoryEventSink(), principal="root")
    with pytest.raises(RollbackError):
        _revoke(last)
    assert last.registry.revocations(Revoked.SOURCE, "acme", "wiki")
    last.close()
