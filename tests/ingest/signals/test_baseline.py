"""A baseline learns what is clean, within bounds, and survives what happens to its file."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ragbastion.ingest.signals import Baseline, SignalInput
from ragbastion.ingest.signals.baseline import FREELY_TAUGHT
from ragbastion.ingest.signals.observed import KEPT
from ragbastion.ingest.signals.state_file import write_state

VECTOR = np.array([[0.6, 0.8, 0.0, 0.0]], dtype=np.float32)


def document(name: str, source: str = "wiki", *, probation: bool = False) -> SignalInput:
    """Return a document of one passage."""
    text = f"The harbour master of pier {name} opens the gate at six in the morning."
    return SignalInput(
        document=name, source=source, text=text, pieces=(text,), vectors=VECTOR, probation=probation
    )


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    """Counts, rings, pairs and centres are the same after a save, in an owner-only file."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    batch = [document(str(at)) for at in range(5)]
    baseline.remember(batch)
    baseline.learn(batch)
    baseline.save()
    again = Baseline.open(tmp_path, "acme", "u1")
    assert (again.documents, again.cold, again.damaged) == (5, "", "")
    assert [p.document for p in again.recent.of("wiki")] == [f"wiki\n{at}" for at in range(5)]
    assert again.recent.of("wiki")[0].content == baseline.recent.of("wiki")[0].content
    assert np.array_equal(again.centres.means, baseline.centres.means)
    [file] = tmp_path.glob("*.baseline")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_tenants_and_collections_are_apart(tmp_path: Path) -> None:
    """Another tenant, or the collection made anew, starts cold."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    baseline.learn([document("1")])
    baseline.save()
    assert Baseline.open(tmp_path, "other", "u1").documents == 0
    assert Baseline.open(tmp_path, "acme", "u2").documents == 0


@pytest.mark.parametrize("damage", [b"", b"garbage", b"ragbastion-baseline 2\nx\ny"])
def test_a_damaged_file_starts_cold_and_is_put_aside(tmp_path: Path, damage: bytes) -> None:
    """It is told, kept for a look, and no error."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    baseline.save()
    [file] = tmp_path.glob("*.baseline")
    file.write_bytes(damage)
    again = Baseline.open(tmp_path, "acme", "u1")
    [kept] = tmp_path.glob("*.damaged")
    assert again.cold.endswith(f"; put aside as {kept.name}): it starts again")


@pytest.mark.parametrize("at", [0.1, 0.5, 0.99])
def test_a_flipped_bit_is_damage(tmp_path: Path, at: float) -> None:
    """A changed byte anywhere does not pass for a baseline."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    baseline.learn([document("1")])
    baseline.save()
    [file] = tmp_path.glob("*.baseline")
    data = bytearray(file.read_bytes())
    data[int(len(data) * at)] ^= 1
    file.write_bytes(bytes(data))
    again = Baseline.open(tmp_path, "acme", "u1")
    assert again.documents == 0
    assert again.damaged


def test_another_archive_under_the_old_checksum_is_damage(tmp_path: Path) -> None:
    """A whole archive that was put in place of the one that was written is not read."""
    one, other = (Baseline.open(tmp_path, "acme", uid) for uid in ("u1", "u2"))
    for each in (one, other):
        each.learn([document("1")] * (1 if each is one else 2))
        each.save()
    head = b"\n".join(one._path.read_bytes().split(b"\n")[:2])
    body = other._path.read_bytes().split(b"\n", 2)[2]
    one._path.write_bytes(head + b"\n" + body)
    assert "checksum" in Baseline.open(tmp_path, "acme", "u1").damaged


def test_a_folder_in_its_place_is_damage_that_a_person_must_remove(tmp_path: Path) -> None:
    """It is not claimed to be put aside where it was not."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    baseline._path.mkdir()
    baseline._path.with_suffix(".damaged").write_bytes(b"")
    again = Baseline.open(tmp_path, "acme", "u1")
    assert "could not be put aside, remove" in again.damaged
    assert "put aside as" not in again.damaged


def test_a_whole_file_that_lacks_arrays_is_damage(tmp_path: Path) -> None:
    """It tells which one is missing."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    write_state(baseline._path, {"documents": np.zeros(1)})
    assert "it lacks 'taught'" in Baseline.open(tmp_path, "acme", "u1").damaged


@pytest.mark.parametrize("name", ["best", "sum", "squares", "lift", "entries"])
def test_arrays_that_do_not_fit_each_other_are_damage(tmp_path: Path, name: str) -> None:
    """They are refused when they are read, and not by an index error in the midst of a run."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    baseline.probes.set_vectors(np.eye(4, dtype=np.float32))
    write_state(baseline._path, {**baseline._state(), f"probes_{name}": np.zeros(2)})
    assert "do not fit" in Baseline.open(tmp_path, "acme", "u1").damaged


def test_a_fifo_in_its_place_is_damage(tmp_path: Path) -> None:
    """What is no regular file is not waited for."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    os.mkfifo(baseline._path)
    assert Baseline.open(tmp_path, "acme", "u1").damaged


def test_probation_teaches_nothing(tmp_path: Path) -> None:
    """A source in probation is remembered in the shared ring, and learned from no more."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    batch = [document(str(at), f"s{at}", probation=True) for at in range(3)]
    baseline.remember(batch)
    baseline.learn(batch)
    assert baseline.documents == 0
    assert len(baseline.recent.of("\x00probation")) == 3


def test_one_source_teaches_half_at_most(tmp_path: Path) -> None:
    """Beside others a source stops teaching once it has taught as much as they did."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    baseline.learn([document(str(at), "small") for at in range(10)])
    baseline.learn([document(str(at), "loud") for at in range(FREELY_TAUGHT + 50)])
    assert baseline.documents == 10 + FREELY_TAUGHT


def test_memory_is_bounded_by_sources_and_passages(tmp_path: Path) -> None:
    """A flood of documents of one source, or of sources, fills the rings and no more."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    for at in range(400):
        baseline.remember([document(str(at), f"s{at}"), document(str(at), "flood")])
    assert len(baseline.recent.of("flood")) == 48
    assert baseline.recent.of("s0") == ()
    assert baseline.bytes_held < 2_000_000


def test_a_flood_of_new_sources_does_not_make_their_ring_forgotten(tmp_path: Path) -> None:
    """What sources in probation brought is remembered together, however many others come."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    baseline.remember([document("1", "new", probation=True)])
    baseline.remember([document(str(at), f"s{at}") for at in range(300)])
    assert [p.document for p in baseline.recent.of("\x00probation")] == ["new\n1"]


def test_observed_queries_are_a_bounded_sample_without_text(tmp_path: Path) -> None:
    """No word of a query is in the file, and the sample stays at its size."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    for at in range(KEPT + 20):
        baseline.observe(f"who opens the zanzibar gate {at}", VECTOR[0])
    baseline.observed.save()
    [file] = tmp_path.glob("*.observed")
    assert b"zanzibar" not in file.read_bytes()
    again = Baseline.open(tmp_path, "acme", "u1")
    assert (again.observed.seen, len(again.observed.vectors)) == (KEPT + 20, KEPT)


@pytest.mark.parametrize("bad", [np.full(4, np.nan), np.zeros(4), np.ones((2, 2))])
def test_a_query_that_is_no_vector_is_not_noted(tmp_path: Path, bad: np.ndarray) -> None:
    """NaN, zeros and matrices are left out."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    baseline.observe("who opens the gate", bad.astype(np.float32))
    assert baseline.observed.seen == 0


def test_two_open_files_do_not_share_hashes(tmp_path: Path) -> None:
    """Hashes are keyed: another folder hashes the same query otherwise."""
    one = Baseline.open(tmp_path / "one", "acme", "u1").observed.hashed("who opens the gate")
    two = Baseline.open(tmp_path / "two", "acme", "u1").observed.hashed("who opens the gate")
    assert not set(one) & set(two)


@pytest.mark.parametrize("left", [b"", b"short", b"x" * 33])
def test_a_key_that_is_not_whole_is_made_anew(tmp_path: Path, left: bytes) -> None:
    """A kill between making and writing it would leave hashes without a key, which words betray."""
    (tmp_path / "observed.key").write_bytes(left)
    hashed = Baseline.open(tmp_path, "acme", "u1").observed.hashed("who opens the gate")
    again = Baseline.open(tmp_path, "acme", "u1").observed.hashed("who opens the gate")
    assert len((tmp_path / "observed.key").read_bytes()) == 32
    assert stat.S_IMODE((tmp_path / "observed.key").stat().st_mode) == 0o600
    assert hashed == again
    assert not list(tmp_path.glob(".key-*"))


def test_threads_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    """Whoever comes second hashes with the key of the first, never with a part of it."""
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(
            lambda at: tuple(
                Baseline.open(tmp_path / "b", "acme", f"u{at}").observed.hashed(
                    "who opens the gate"
                )
            ),
            range(16),
        )
    assert len(set(found)) == 1


def test_vectors_of_another_dimension_start_the_memory_again(tmp_path: Path) -> None:
    """Rings of two dimensions can be neither compared nor saved."""
    baseline = Baseline.open(tmp_path, "acme", "u1")
    baseline.remember([document("1"), document("2", "feed")])
    wide = replace(document("3"), vectors=np.eye(1, 8, dtype=np.float32))
    baseline.remember([wide])
    baseline.save()
    again = Baseline.open(tmp_path, "acme", "u1")
    assert [p.document for p in again.recent.of("wiki")] == ["wiki\n3"]
    assert again.recent.of("feed") == ()
