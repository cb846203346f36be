"""What is believed follows keys, sources, revocations and the policy at once."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from ragbastion.core.chunk import Chunk, Integrity
from ragbastion.core.errors import ProvenanceError, SettingsError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings import ProvenanceSettings
from ragbastion.ingest.provenance import BatchSigner, ChunkProof, ChunkVerifier, SourceRegistry
from ragbastion.ingest.provenance.source_admin import SourceAdmin
from ragbastion.ingest.provenance.source_records import TrustTier

from .conftest import COLLECTION_UID, make_chunks

Signed = list[tuple[Chunk, ChunkProof]]
HOUR = 3600.0


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[SourceAdmin]:
    """Return what administers the folder."""
    admin = SourceAdmin(tmp_path, MemoryEventSink(), principal="root")
    yield admin
    admin.close()


def _sign(folder: Path, source: str = "wiki", **options: str) -> Signed:
    chunks = make_chunks(3, source=source)
    proofs = BatchSigner(folder).sign(chunks, collection_uid=COLLECTION_UID, **options)
    return list(zip(chunks, proofs, strict=True))


def _outcomes(verifier: ChunkVerifier, signed: Signed, collection: str = "") -> set[str]:
    """Return the labels, or for what is refused the message without the chunk's id."""
    found = verifier.verify_batch(signed, collection_uid=COLLECTION_UID, collection=collection)
    return {
        str(each).split(maxsplit=2)[2] if isinstance(each, ProvenanceError) else each.integrity
        for each in found
    }


def _arrived(folder: Path, at: float) -> None:
    """Let every envelope so far have arrived at a time."""
    with sqlite3.connect(folder / "provenance.db") as database:
        database.execute("UPDATE envelopes SET created_at = ?", (at,))
    database.close()


REVOKED_SOURCE = {"is of a source that is revoked"}
REVOKED_KEY = {"was signed by a key that is revoked"}


def test_a_revoked_source_is_gone_and_no_other(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin
) -> None:
    """All of its chunks at the next query, whoever signed them, and of other sources none."""
    mine, others = _sign(tmp_path), _sign(tmp_path, "hr")
    reviewed = _sign(tmp_path, reviewer="dana")
    assert _outcomes(verifier, [*mine, *others, *reviewed]) == {Integrity.TRUSTED}
    admin.revoke_source("acme", "wiki", "poisoned")
    assert _outcomes(verifier, [*mine, *reviewed]) == REVOKED_SOURCE
    assert _outcomes(verifier, others) == {Integrity.TRUSTED}


def test_no_query_that_begins_after_a_revocation_believes(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin
) -> None:
    """With one verifier in many threads, all of them reading."""
    mine, others = _sign(tmp_path), _sign(tmp_path, "hr")
    done = threading.Event()

    def ask(_: int) -> list[tuple[bool, set[str]]]:
        found = []
        for _ in range(60):
            begun_after = done.is_set()
            found.append((begun_after, _outcomes(verifier, mine)))
            assert _outcomes(verifier, others) == {Integrity.TRUSTED}
        return found

    with ThreadPoolExecutor(4) as pool:
        asked = pool.map(ask, range(4))
        admin.revoke_source("acme", "wiki", "poisoned")
        done.set()
        found = [each for answers in asked for each in answers]
    assert {True} <= {begun_after for begun_after, _ in found}
    assert [seen for begun_after, seen in found if begun_after and seen != REVOKED_SOURCE] == []


def test_another_tenants_source_of_the_name_stays(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin
) -> None:
    """A revocation is of one tenant."""
    _sign(tmp_path)
    chunks = make_chunks(1, tenant="other")
    proofs = BatchSigner(tmp_path).sign(chunks, collection_uid=COLLECTION_UID)
    admin.revoke_source("acme", "wiki", "poisoned")
    signed = list(zip(chunks, proofs, strict=True))
    assert _outcomes(verifier, signed) == {Integrity.TRUSTED}


def test_since_keeps_what_came_before(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was signed and arrived before the time still counts."""
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now - 2 * HOUR)
        before = _sign(tmp_path)
    after = _sign(tmp_path)
    admin.revoke_source("acme", "wiki", "account taken over", since=now - HOUR)
    assert _outcomes(verifier, before) == {Integrity.TRUSTED}
    assert _outcomes(verifier, after) == REVOKED_SOURCE


def test_a_backdated_statement_is_caught_by_its_arrival(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has the key can write any time into a statement, and not when it arrived."""
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now - 2 * HOUR)
        backdated = _sign(tmp_path)
    _arrived(tmp_path, now)
    assert _outcomes(verifier, backdated) == {Integrity.TRUSTED}
    admin.revoke_source("acme", "wiki", "account taken over", since=now - HOUR)
    assert _outcomes(verifier, backdated) == REVOKED_SOURCE


def test_a_statement_signed_later_than_it_arrived_is_caught_too(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin
) -> None:
    """The signer's word counts against it."""
    signed = _sign(tmp_path)
    _arrived(tmp_path, time.time() - 2 * HOUR)
    admin.revoke_source("acme", "wiki", "account taken over", since=time.time() - HOUR)
    assert _outcomes(verifier, signed) == REVOKED_SOURCE


def test_rotation_keeps_what_was_signed(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin
) -> None:
    """Both keys' statements are believed; new ones are by the new key."""
    before = _sign(tmp_path)
    new = admin.rotate("acme", "source/wiki", overlap_s=HOUR)
    after = _sign(tmp_path)
    assert _outcomes(verifier, [*before, *after]) == {Integrity.TRUSTED}
    assert SourceRegistry(tmp_path).envelope(after[0][1].envelope)[1] == new.key_id


def test_a_key_is_not_believed_after_its_time(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin
) -> None:
    """An old key's statement that arrives after the overlap does not count, whatever it says."""
    before = _sign(tmp_path)
    admin.rotate("acme", "source/wiki", overlap_s=HOUR)
    assert _outcomes(verifier, before) == {Integrity.TRUSTED}
    _arrived(tmp_path, time.time() + 2 * HOUR)
    assert _outcomes(ChunkVerifier(tmp_path), before) == {
        "was signed by a key outside its time: ingest its document again"
    }


def test_a_revoked_key_takes_only_its_own(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin
) -> None:
    """After a rotation the source goes on with the new key."""
    before = _sign(tmp_path)
    old = SourceRegistry(tmp_path).keys("acme", "source/wiki")[0]
    admin.rotate("acme", "source/wiki", overlap_s=0)
    after = _sign(tmp_path)
    admin.revoke_key("acme", old.key_id, "laptop stolen")
    assert _outcomes(verifier, before) == REVOKED_KEY
    assert _outcomes(verifier, after) == {Integrity.TRUSTED}


def test_a_revoked_reviewer_takes_what_it_released(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin
) -> None:
    """And nothing of the source's own; with a new key it may release again."""
    mine, released = _sign(tmp_path), _sign(tmp_path, reviewer="dana")
    admin.revoke_reviewer("acme", "dana", "account taken over")
    assert _outcomes(verifier, mine) == {Integrity.TRUSTED}
    assert _outcomes(verifier, released) == REVOKED_KEY
    admin.rotate("acme", "reviewer/dana", overlap_s=0)
    assert _outcomes(verifier, _sign(tmp_path, reviewer="dana")) == {Integrity.TRUSTED}


def test_an_opened_again_source_speaks_anew(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin
) -> None:
    """Its old statements stay revoked, its new ones are believed at once."""
    before = _sign(tmp_path)
    admin.revoke_source("acme", "wiki", "account taken over")
    admin.reopen("acme", "wiki", "account is back")
    after = _sign(tmp_path)
    assert _outcomes(verifier, before) == REVOKED_SOURCE
    assert _outcomes(verifier, after) == {Integrity.TRUSTED}


def test_a_mistaken_revocation_is_taken_back(
    tmp_path: Path, verifier: ChunkVerifier, admin: SourceAdmin
) -> None:
    """All counts again, but for a key that was revoked by itself."""
    first = _sign(tmp_path)
    lost = SourceRegistry(tmp_path).keys("acme", "source/wiki")[0]
    admin.rotate("acme", "source/wiki", overlap_s=0)
    second = _sign(tmp_path)
    admin.revoke_key("acme", lost.key_id, "laptop stolen")
    admin.revoke_source("acme", "wiki", "the wrong one")
    admin.reinstate("acme", "wiki", "meant wiki-2")
    assert _outcomes(verifier, first) == REVOKED_KEY
    assert _outcomes(verifier, second) == {Integrity.TRUSTED}


@pytest.mark.parametrize(
    ("change", "document", "url", "passes"),
    [
        ({"paths": ("hr/*",)}, "hr/pay.md", "", True),
        ({"paths": ("hr/*",)}, "legal/pay.md", "", False),
        ({"domains": ("example.com",)}, "d", "https://docs.example.com/a", True),
        ({"domains": ("example.com",)}, "d", "https://example.com.evil.org/a", False),
        ({"domains": ("example.com",)}, "d", "https://notexample.com/a", False),
        ({"domains": ("example.com",)}, "d", "http://[bad", False),
        ({"domains": ("example.com",)}, "d", "", False),
    ],
)
def test_a_source_holds_what_it_is_registered_for(
    tmp_path: Path,
    verifier: ChunkVerifier,
    admin: SourceAdmin,
    change: dict[str, tuple[str, ...]],
    document: str,
    url: str,
    passes: bool,
) -> None:
    """Documents elsewhere are refused, and so are those without an address."""
    [chunk] = make_chunks(1)
    chunk = replace(chunk, document=document, metadata={"url": url} if url else {})
    proofs = BatchSigner(tmp_path).sign([chunk], collection_uid=COLLECTION_UID)
    record = SourceRegistry(tmp_path).source("acme", "wiki")
    admin.change(replace(record, **change))
    [found] = _outcomes(verifier, [(chunk, proofs[0])])
    assert (found is Integrity.TRUSTED) is passes


POLICY = """
version = 1
default = "refuse"
[[rule]]
collections = ["handbook*"]
sources = ["wiki"]
minimum_tier = "internal"
max_age_days = 30
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """Return a policy for the collection 'handbook'."""
    path = tmp_path / "trust.toml"
    path.write_text(POLICY)
    return path


def _verifier(tmp_path: Path, policy: Path) -> ChunkVerifier:
    return ChunkVerifier(tmp_path, ProvenanceSettings(trust_policy=policy))


def test_the_policy_says_who_may_speak(tmp_path: Path, policy: Path) -> None:
    """Another source is refused with the reason, and so is a collection that no rule is about."""
    verifier = _verifier(tmp_path, policy)
    mine, others = _sign(tmp_path), _sign(tmp_path, "forum")
    assert _outcomes(verifier, mine, "handbook-1") == {Integrity.TRUSTED}
    [refused] = _outcomes(verifier, others, "handbook-1")
    assert "its source may not speak for this" in refused
    [refused] = _outcomes(verifier, mine, "contracts")
    assert "no rule is about it" in refused


def test_a_source_that_nobody_registered_is_not_above_the_policy(
    tmp_path: Path, policy: Path
) -> None:
    """It counts as untrusted, and the policy is asked."""
    mine = _sign(tmp_path)
    with sqlite3.connect(tmp_path / "provenance.db") as database:
        database.execute("DELETE FROM sources")
    database.close()
    assert _outcomes(ChunkVerifier(tmp_path), mine) == {Integrity.UNTRUSTED}
    [refused] = _outcomes(_verifier(tmp_path, policy), mine, "handbook")
    assert "its source is untrusted, at least internal" in refused


def test_without_the_name_a_policy_on_collections_refuses(tmp_path: Path, policy: Path) -> None:
    """A caller that does not say where the chunk was found is told to."""
    [refused] = _outcomes(_verifier(tmp_path, policy), _sign(tmp_path))
    assert "the caller named none" in refused


def test_the_tier_is_asked_for(tmp_path: Path, policy: Path, admin: SourceAdmin) -> None:
    """A source whose tier was lowered since may not speak any more."""
    verifier, mine = _verifier(tmp_path, policy), _sign(tmp_path)
    _outcomes(verifier, mine, "handbook")
    record = SourceRegistry(tmp_path).source("acme", "wiki")
    admin.change(replace(record, tier=TrustTier.EXTERNAL))
    [refused] = _outcomes(verifier, mine, "handbook")
    assert "its source is external, at least internal is asked for" in refused


def test_stale_signatures_are_refused(
    tmp_path: Path, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Freshness runs out while nothing is written, by the earlier of the two times."""
    verifier, mine = _verifier(tmp_path, policy), _sign(tmp_path)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 29 * 24 * HOUR)
    assert _outcomes(verifier, mine, "handbook") == {Integrity.TRUSTED}
    monkeypatch.setattr(time, "time", lambda: now + 31 * 24 * HOUR)
    [refused] = _outcomes(verifier, mine, "handbook")
    assert "signed more than 30 days ago" in refused


def test_a_clock_that_runs_back_makes_nothing_fresh(
    tmp_path: Path, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader whose clock is behind the arrival cannot tell an age, and refuses."""
    verifier, mine = _verifier(tmp_path, policy), _sign(tmp_path)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 10)
    assert _outcomes(verifier, mine, "handbook") == {Integrity.TRUSTED}
    monkeypatch.setattr(time, "time", lambda: now - HOUR)
    [refused] = _outcomes(verifier, mine, "handbook")
    assert "signed more than 30 days ago" in refused


def test_rules_about_documents_are_asked_of_each(tmp_path: Path) -> None:
    """Chunks of one envelope may have different answers."""
    policy = tmp_path / "trust.toml"
    policy.write_text(
        'version = 1\ndefault = "untrusted"\n'
        '[[rule]]\ndocuments = ["doc1"]\nsources = ["hr"]\n'
        '[[rule]]\ndocuments = ["doc2"]\nsources = ["wiki"]\n'
    )
    found = _verifier(tmp_path, policy).verify_batch(_sign(tmp_path), collection_uid=COLLECTION_UID)
    assert [str(getattr(each, "integrity", "refused")) for each in found] == [
        "untrusted", "refused", "trusted"
    ]  # fmt: skip


TOPICS = """
version = 1
default = "allow"
topic_field = "about"
[[rule]]
topics = ["Leave*"]
sources = ["hr"]
[[rule]]
topics = ["lunch"]
sources = ["wiki", "hr"]
"""


@pytest.mark.parametrize(
    ("source", "about", "allowed"),
    [
        ("hr", "leave", True),
        ("hr", "Leave of absence ", True),
        ("hr", ["leave", "lunch"], True),
        ("wiki", "lunch", True),
        ("wiki", "sports", True),
        ("wiki", "leave", False),
        ("wiki", "ＬＥＡＶＥ", False),
        ("wiki", "le\u200bave", False),
        ("wiki", ["lunch", "leave"], False),
        ("wiki", ["lunch", 3], False),
        ("wiki", [], False),
        ("wiki", ["lunch"] * 17, False),
        ("wiki", {"lunch": 1}, False),
        ("wiki", None, False),
        ("hr", "", False),
    ],
)
def test_a_source_speaks_for_its_topics(
    tmp_path: Path, source: str, about: object, allowed: bool
) -> None:
    """Whatever form they are stated in; none stated is none that a rule with topics allows."""
    policy = tmp_path / "trust.toml"
    policy.write_text(TOPICS)
    [chunk] = make_chunks(1, source=source)
    chunk = replace(chunk, metadata={} if about is None else {"about": about})
    signer = BatchSigner(tmp_path)
    [proof] = signer.sign([chunk], collection_uid=COLLECTION_UID)
    signer.close()
    [found] = _verifier(tmp_path, policy).verify_batch(
        [(chunk, proof)], collection_uid=COLLECTION_UID
    )
    assert isinstance(found, Chunk) is allowed
    if not allowed:
        assert "refused by the trust policy" in str(found)


def test_a_topic_is_what_was_signed(tmp_path: Path) -> None:
    """Who changes it in the store does not choose the rule: the chunk is altered."""
    policy = tmp_path / "trust.toml"
    policy.write_text(TOPICS)
    [chunk] = make_chunks(1, source="wiki")
    signer = BatchSigner(tmp_path)
    [proof] = signer.sign(
        [replace(chunk, metadata={"about": "leave"})], collection_uid=COLLECTION_UID
    )
    signer.close()
    moved = replace(chunk, metadata={"about": "lunch"})
    [found] = _verifier(tmp_path, policy).verify_batch(
        [(moved, proof)], collection_uid=COLLECTION_UID
    )
    assert "is altered" in str(found)


def test_a_changed_policy_counts_at_the_next_query(tmp_path: Path, policy: Path) -> None:
    """Whatever its size and time; one that is broken or gone refuses everything."""
    verifier, mine = _verifier(tmp_path, policy), _sign(tmp_path)
    assert _outcomes(verifier, mine, "handbook") == {Integrity.TRUSTED}
    policy.write_text(POLICY.replace("wiki", "hrhr"))
    assert "may not speak" in str(_outcomes(verifier, mine, "handbook"))
    policy.write_text("version = ")
    with pytest.raises(ProvenanceError, match="not TOML"):
        _outcomes(verifier, mine, "handbook")
    policy.unlink()
    with pytest.raises(ProvenanceError, match="cannot be read"):
        _outcomes(verifier, mine, "handbook")
    policy.write_text(POLICY)
    assert _outcomes(verifier, mine, "handbook") == {Integrity.TRUSTED}


def test_a_policy_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    """Naming one that does not exist is a wrong setting."""
    with pytest.raises(SettingsError, match="cannot be read"):
        _verifier(tmp_path, tmp_path / "none.toml")


def test_a_policy_that_all_can_write_is_refused(tmp_path: Path, policy: Path) -> None:
    """Whoever writes it decides what is believed."""
    policy.chmod(0o666)
    with pytest.raises(SettingsError, match="chmod o-w"):
        _verifier(tmp_path, policy)
