"""A proof bundle vouches for one envelope, offline, and any change of it is refused."""

import base64
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ragbastion.core.errors import QuorumError, TransparencyError, UsageError
from ragbastion.ingest.provenance import BatchSigner
from ragbastion.ingest.provenance.log import (
    EnvelopeInclusion,
    LoggedRegistry,
    bundle_of,
    cosign,
    prove,
    read_bundle,
)
from ragbastion.ingest.provenance.log.witness import LocalWitness

from ..conftest import make_chunks
from .conftest import signer as note_signer
from .test_feed import sql

Bundle = dict[str, Any]


@pytest.fixture
def envelope(tmp_path: Path) -> str:
    """The id of an envelope, the third of five that were signed."""
    signer = BatchSigner(tmp_path)
    ids = [signer.sign(make_chunks(1), collection_uid=f"u{at}")[0].envelope for at in range(5)]
    signer.close()
    return ids[2]


@pytest.fixture
def registry(tmp_path: Path, envelope: str) -> Iterator[LoggedRegistry]:
    """The registry that holds it, with its log."""
    made = LoggedRegistry(tmp_path)
    yield made
    made.close()


@pytest.fixture
def bundle(registry: LoggedRegistry, envelope: str) -> Bundle:
    """The envelope's bundle, as it is read from a file."""
    read: Bundle = json.loads(json.dumps(bundle_of(registry, envelope)))
    return read


def test_a_bundle_vouches_for_its_envelope(
    registry: LoggedRegistry, envelope: str, bundle: Bundle
) -> None:
    """With the log's public key alone; the order of JSON members does not matter."""
    turned = dict(reversed(bundle.items()))
    entry = read_bundle(turned, registry.log().key)
    assert (entry.kind, entry.subject) == ("envelope.added", f"envelope/{envelope}")
    assert entry.fields["collection_uid"] == "u2"


def test_a_bundle_of_an_older_checkpoint_holds(
    tmp_path: Path, registry: LoggedRegistry, bundle: Bundle
) -> None:
    """Whatever is logged after."""
    signer = BatchSigner(tmp_path)
    signer.sign(make_chunks(1), collection_uid="later")
    signer.close()
    assert read_bundle(bundle, registry.log().key).fields["collection_uid"] == "u2"


def put(*path: str, value: Any) -> Callable[[Bundle], None]:
    """Return what sets a member of a bundle."""

    def act(bundle: Bundle) -> None:
        *above, last = path
        for name in above:
            bundle = bundle[name]
        bundle[last] = value(bundle[last]) if callable(value) else value

    return act


def flipped(text: str) -> str:
    """Return base64 with one bit changed."""
    data = bytearray(base64.b64decode(text))
    data[5] ^= 1
    return base64.b64encode(data).decode()


def larger(note: str) -> str:
    """Return a checkpoint with another size."""
    origin, size, rest = note.split("\n", 2)
    return "\n".join((origin, str(int(size) + 1), rest))


PROOF = "inclusionProof"
CHANGES: dict[str, Callable[[Bundle], Any]] = {
    "envelope": put("dsseEnvelope", "payload", value=flipped),
    "signature": put("dsseEnvelope", "signatures", value=[]),
    "another member": put("dsseEnvelope", value=lambda old: {**old, "x": 1}),
    "entry": put("logEntry", value=flipped),
    "index": put(PROOF, "logIndex", value="3"),
    "no index": put(PROOF, "logIndex", value="-1"),
    "hash": put(PROOF, "hashes", value=lambda old: [flipped(old[0]), *old[1:]]),
    "cut path": put(PROOF, "hashes", value=lambda old: old[:-1]),
    "no path": put(PROOF, "hashes", value=None),
    "odd path": put(PROOF, "hashes", value=["*"]),
    "checkpoint": put(PROOF, "checkpoint", "envelope", value=larger),
    "no checkpoint": put(PROOF, "checkpoint", value=None),
    "number for a note": put(PROOF, "checkpoint", "envelope", value=7),
    "type": put("mediaType", value="application/json"),
    "no entry": lambda bundle: bundle.pop("logEntry"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_bundle_is_refused(registry: LoggedRegistry, bundle: Bundle, name: str) -> None:
    """Any part of it."""
    changed = copy.deepcopy(bundle)
    CHANGES[name](changed)
    assert changed != bundle
    with pytest.raises(TransparencyError, match="refused"):
        read_bundle(changed, registry.log().key)


def test_the_entry_of_another_envelope_is_refused(registry: LoggedRegistry, bundle: Bundle) -> None:
    """A proof that holds, of something else."""
    other = {**bundle, **prove(registry.log(), 3).as_dict()}
    with pytest.raises(TransparencyError, match="not the one that was logged"):
        read_bundle(other, registry.log().key)


@pytest.mark.parametrize("odd", [None, [], "x", 3, {}])
def test_what_is_no_bundle_is_refused(registry: LoggedRegistry, odd: Any) -> None:
    """Any JSON value may come."""
    with pytest.raises(TransparencyError, match="not of a known form"):
        read_bundle(odd, registry.log().key)


def test_a_bundle_carries_its_witnesses(
    tmp_path: Path, registry: LoggedRegistry, envelope: str, bundle: Bundle
) -> None:
    """And one without them does not reach a quorum."""
    log, own = registry.log(), note_signer("w.example/1", 9)
    with pytest.raises(QuorumError, match="0 of the 1"):
        read_bundle(bundle, log.key, [own.cosigner], 1)
    cosign(log, log.checkpoint(), [LocalWitness(tmp_path / "w", own, {log.key.name: log.key})])
    again = bundle_of(registry, envelope)
    assert read_bundle(again, log.key, [own.cosigner], 1).subject == f"envelope/{envelope}"


def test_the_text_form_is_that_of_the_specification(registry: LoggedRegistry) -> None:
    """https://c2sp.org/tlog-proof: index, hashes, an empty line, the checkpoint."""
    proof = prove(registry.log(), 4)
    head, checkpoint = proof.as_text().split("\n\n", 1)
    lines = head.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 4"]
    assert [base64.b64decode(each) for each in lines[2:]] == list(proof.hashes)
    assert checkpoint == proof.checkpoint


def test_what_the_log_lacks_cannot_be_proved(registry: LoggedRegistry) -> None:
    """An index beyond the end, an unknown envelope."""
    end = registry.log().checkpoint().size
    assert prove(registry.log(), end - 1).index == end - 1
    with pytest.raises(UsageError, match=f"no entry {end}"):
        prove(registry.log(), end)
    with pytest.raises(UsageError, match="no envelope of that id"):
        bundle_of(registry, "unknown")


def test_inclusion_is_checked_once_an_envelope(tmp_path: Path, envelope: str) -> None:
    """What is kept and logged is vouched for; what was altered or planted since is not."""
    inclusion = EnvelopeInclusion(tmp_path)
    inclusion.refresh()
    assert inclusion.problem(envelope) == ""
    sql(tmp_path / "provenance.db", "UPDATE envelopes SET envelope = '{}'")
    assert inclusion.problem(envelope) == ""
    inclusion.refresh()
    assert inclusion.problem(envelope) == f"envelope {envelope} is not the one that was logged"
    assert "is not in the log" in inclusion.problem("planted")
    inclusion.close()
