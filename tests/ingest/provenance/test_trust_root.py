"""The trust root changes only by a threshold of its administrators, one version after another."""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.chunk import Integrity
from ragbastion.core.errors import ProvenanceError, SettingsError
from ragbastion.core.settings import ProvenanceSettings
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier, SourceRegistry
from ragbastion.ingest.provenance.dsse import SigningKey, add_signature, local_key
from ragbastion.ingest.provenance.trust_root import RootChain, TrustRoot, verify_root

from .conftest import COLLECTION_UID, make_chunks

KEYS = [local_key(Ed25519PrivateKey.generate()) for _ in range(6)]


def _root(keys: Sequence[SigningKey], threshold: int = 2, version: int = 1) -> TrustRoot:
    pems = {key.key_id: key.public_pem for key in keys}
    return TrustRoot(version=version, threshold=threshold, keys=pems)


def _signed(root: TrustRoot, by: Sequence[SigningKey]) -> str:
    envelope = root.unsigned()
    for key in by:
        envelope = add_signature(envelope, key)
    return envelope


FIRST = _root(KEYS[:3])


@pytest.fixture
def chain(tmp_path: Path) -> RootChain:
    """Return a chain with a first root, 2 of 3."""
    chain = RootChain(SourceRegistry(tmp_path))
    chain.accept(_signed(FIRST, KEYS[:2]))
    return chain


@settings(max_examples=80, deadline=None)
@given(signers=st.sets(st.integers(0, 5)), threshold=st.integers(1, 3))
def test_a_first_root_needs_its_own_threshold(signers: set[int], threshold: int) -> None:
    """Signed by enough of its keys and by no stranger it holds; else it does not."""
    root = _root(KEYS[:3], threshold)
    envelope = _signed(root, [KEYS[each] for each in sorted(signers)])
    if signers <= {0, 1, 2} and len(signers) >= threshold:
        assert verify_root(envelope, None) == root
    else:
        with pytest.raises(ProvenanceError):
            verify_root(envelope, None)


@settings(max_examples=80, deadline=None)
@given(signers=st.sets(st.integers(0, 5)))
def test_the_next_root_needs_both_thresholds(signers: set[int]) -> None:
    """Two of the old three and two of the new three; keys 2 and 3 belong to both or one."""
    after = _root(KEYS[2:5], version=2)
    envelope = _signed(after, [KEYS[each] for each in sorted(signers)])
    enough = len(signers & {0, 1, 2}) >= 2 and len(signers & {2, 3, 4}) >= 2
    if enough and 5 not in signers:
        assert verify_root(envelope, FIRST) == after
    else:
        with pytest.raises(ProvenanceError):
            verify_root(envelope, FIRST)


def test_one_key_cannot_count_twice() -> None:
    """The same signature twice is refused."""
    envelope = json.loads(_signed(FIRST, KEYS[:1]))
    envelope["signatures"] *= 2
    with pytest.raises(ProvenanceError):
        verify_root(json.dumps(envelope), None)


@pytest.mark.parametrize("version", [1, 3])
def test_versions_follow_one_another(chain: RootChain, version: int) -> None:
    """Neither a repetition nor a gap."""
    with pytest.raises(ProvenanceError, match="does not follow"):
        chain.accept(_signed(_root(KEYS[:3], version=version), KEYS[:3]))


def test_the_first_is_version_1(tmp_path: Path) -> None:
    """A later one has no beginning."""
    with pytest.raises(ProvenanceError, match="first one"):
        RootChain(SourceRegistry(tmp_path)).accept(_signed(_root(KEYS, version=2), KEYS[:2]))


@pytest.mark.parametrize(("threshold", "count"), [(0, 3), (4, 3), (1, 0)])
def test_a_threshold_that_cannot_be_meant(threshold: int, count: int) -> None:
    """None at all, or more than there are."""
    with pytest.raises(ProvenanceError, match="threshold"):
        _root(KEYS[:count], threshold)


def test_a_key_under_another_id_is_refused() -> None:
    """One key under two ids would count twice."""
    keys = {KEYS[0].key_id: KEYS[0].public_pem, KEYS[1].key_id: KEYS[0].public_pem}
    with pytest.raises(ProvenanceError, match="not the one"):
        TrustRoot(version=1, threshold=2, keys=keys)


def test_a_root_changed_in_the_registry_is_refused(tmp_path: Path, chain: RootChain) -> None:
    """The chain is verified whenever it is read."""
    forged = _signed(_root(KEYS[3:], version=2), KEYS[3:])
    with sqlite3.connect(tmp_path / "provenance.db") as database:
        database.execute("INSERT INTO roots VALUES (2, ?, 0)", (forged,))
    database.close()
    with pytest.raises(ProvenanceError):
        chain.current()


def test_a_pinned_root_is_where_the_chain_starts(tmp_path: Path) -> None:
    """A registry that was made anew with other administrators does not pass."""
    pinned = tmp_path / "root.json"
    pinned.write_text(_signed(FIRST, KEYS[:2]))
    strangers = RootChain(SourceRegistry(tmp_path))
    strangers.accept(_signed(_root(KEYS[3:]), KEYS[3:]))
    strangers.accept(_signed(_root(KEYS[3:], version=2), KEYS[3:]))
    with pytest.raises(ProvenanceError):
        RootChain(SourceRegistry(tmp_path), pinned).current()


@pytest.mark.parametrize("content", ["", "{}", FIRST.unsigned()])
def test_a_pinned_root_that_does_not_hold(tmp_path: Path, content: str) -> None:
    """It is a wrong setting."""
    pinned = tmp_path / "root.json"
    pinned.write_text(content)
    with pytest.raises(SettingsError, match=r"root\.json"):
        RootChain(SourceRegistry(tmp_path), pinned)


POLICY = b'version = 1\ndefault = "allow"\n'


@pytest.fixture
def guarded(tmp_path: Path) -> ProvenanceSettings:
    """Return settings with a policy."""
    path = tmp_path / "trust.toml"
    path.write_bytes(POLICY)
    return ProvenanceSettings(trust_policy=path)


def test_a_policy_needs_the_root(tmp_path: Path, guarded: ProvenanceSettings) -> None:
    """Once there is a root, a policy that it does not stand for is not followed."""
    chunks = make_chunks(1)
    pairs = [(chunks[0], BatchSigner(tmp_path).sign(chunks, collection_uid=COLLECTION_UID)[0])]
    verifier = ChunkVerifier(tmp_path, guarded)

    def label() -> Integrity:
        [found] = verifier.verify_batch(pairs, collection_uid=COLLECTION_UID)
        return found.integrity

    assert label() is Integrity.TRUSTED
    chain = RootChain(SourceRegistry(tmp_path))
    chain.accept(_signed(FIRST, KEYS[:2]))
    with pytest.raises(ProvenanceError, match="does not stand for it"):
        label()
    second = replace(FIRST, version=2, policies=(sha256(POLICY).hexdigest(),))
    chain.accept(_signed(second, KEYS[:2]))
    assert label() is Integrity.TRUSTED
    guarded.trust_policy.write_bytes(POLICY + b"# changed\n")
    with pytest.raises(ProvenanceError, match="does not stand for it"):
        label()


def test_an_expired_root_stands_for_nothing(
    tmp_path: Path, guarded: ProvenanceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the moment on, in a process that is running."""
    now = time.time()
    root = replace(FIRST, policies=(sha256(POLICY).hexdigest(),), expires=int(now) + 100)
    RootChain(SourceRegistry(tmp_path)).accept(_signed(root, KEYS[:2]))
    verifier = ChunkVerifier(tmp_path, guarded)
    assert verifier.verify_batch([], collection_uid=COLLECTION_UID) == []
    monkeypatch.setattr(time, "time", lambda: now + 101)
    with pytest.raises(ProvenanceError, match="expired"):
        verifier.verify_batch([], collection_uid=COLLECTION_UID)
