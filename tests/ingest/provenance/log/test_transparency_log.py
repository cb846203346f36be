"""A log grows, proves what it holds, and refuses to go on from what it was not."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ragbastion.core.errors import (
    ClockError,
    DamagedLogError,
    ForkError,
    RollbackError,
    TransparencyError,
    UsageError,
)
from ragbastion.ingest.provenance.log import LogReport, Tampering, TransparencyLog
from ragbastion.ingest.provenance.log.audit import LogAudit
from ragbastion.ingest.provenance.log.database import LogDatabase
from ragbastion.ingest.provenance.log.seen import SeenCheckpoint
from ragbastion.ingest.provenance.log.storage import LogStorage
from ragbastion.ingest.provenance.log.transparency_log import LogParts
from ragbastion.ingest.provenance.log.tree import grew, includes
from ragbastion.ingest.provenance.merkle import leaf_hash

from .conftest import START_S, Clock, Connect, Fill, LogFiles, signer
from .vectors import LEAVES, ROOTS


def over(database: LogDatabase, folder: Path, clock: Callable[[], float]) -> TransparencyLog:
    """Return a log in a database."""
    seen = SeenCheckpoint(folder / "seen", signer().key)
    storage = LogStorage(database)
    return TransparencyLog(LogParts(storage=storage, signer=signer(), seen=seen, clock=clock))


@pytest.fixture
def either(database: LogDatabase, tmp_path: Path) -> TransparencyLog:
    """An empty log on each database."""
    return over(database, tmp_path, Clock())


def test_checkpoints_have_the_published_roots(either: TransparencyLog) -> None:
    """After each of the published leaves, appended one by one."""
    found = []
    for leaf in LEAVES:
        either.append([leaf])
        newest = either.newest()
        assert newest is not None
        found.append(newest.root.hex())
    assert found == ROOTS[1:]


def test_proofs_verify_against_checkpoints(either: TransparencyLog) -> None:
    """Of every entry, and between every two sizes, after appends of many sizes."""
    data = [bytes([at]) for at in range(23)]
    for start, stop in ((0, 1), (1, 1), (1, 8), (8, 21), (21, 23)):
        assert either.append(data[start:stop]) == start
    root = either.root(23)
    for at, each in enumerate(data):
        assert includes(leaf_hash(each), at, 23, either.inclusion(at, 23), root)
        assert grew(at, either.root(at), 23, root, either.consistency(at, 23))


def test_large_batches_are_one_commit(either: TransparencyLog) -> None:
    """More rows than one statement of PostgreSQL takes."""
    either.append([b"%d" % at for at in range(2500)], [f"s/{at}" for at in range(2500)])
    storage = either.storage
    assert [storage.size(), storage.last_of("s/2499"), storage.last_of("s")] == [2500, 2499, None]
    assert [index for index, _, _ in storage.entries(2490, 2600)] == list(range(2490, 2500))


def test_the_newest_entry_of_a_subject_is_found(either: TransparencyLog) -> None:
    """And entries without a subject are about nothing."""
    either.append([b"a", b"b", b"c"], ["x", "y", "x"])
    either.append([b"d"])
    assert [either.storage.last_of(name) for name in ("x", "y", "")] == [2, 1, None]


def test_another_opening_goes_on(database: LogDatabase, tmp_path: Path) -> None:
    """Two that share database and seen file append in turn."""
    one, two = over(database, tmp_path, Clock()), over(database, tmp_path, Clock())
    assert [one.append([b"a"]), two.append([b"b"]), one.append([b"c"])] == [0, 1, 2]
    assert two.newest() == one.newest()


def test_an_error_in_the_block_undoes_it(either: TransparencyLog) -> None:
    """Nothing of it was appended, and the log goes on."""

    def fail() -> None:
        with either.writing() as write:
            write.append([b"b"])
            either.storage.put_meta("m", "1")
            raise RuntimeError

    either.append([b"a"])
    with pytest.raises(RuntimeError):
        fail()
    assert (either.storage.size(), either.storage.meta("m")) == (1, None)
    assert either.append([b"c"]) == 1


def test_a_checkpoint_can_be_signed_again(database: LogDatabase, tmp_path: Path) -> None:
    """The same tree, at a later time, so that it is not taken for frozen."""
    clock = Clock()
    log = over(database, tmp_path, clock)
    log.append([b"a"])
    clock.now_s += 50
    again = log.checkpoint()
    assert (again.size, again.time_s, log.checkpoint_of(1)) == (1, START_S + 50, again)


def test_one_checkpoint_in_1024_entries_is_kept(either: TransparencyLog) -> None:
    """Those between go, the newest stays."""
    for size in (1000, 1030, 1040, 2049, 2060):
        either.append([b""] * (size - either.storage.size()))
    assert [size for size, _ in either.storage.checkpoints()] == [1030, 2049, 2060]


@pytest.mark.parametrize(
    "ask",
    [
        lambda log: log.inclusion(3, 3),
        lambda log: log.inclusion(0, 4),
        lambda log: log.inclusion(-1, 3),
        lambda log: log.consistency(3, 4),
        lambda log: log.consistency(3, 2),
        lambda log: log.root(4),
        lambda log: log.append([b"a"], ["x", "y"]),
    ],
)
def test_what_the_log_does_not_hold_is_wrong_usage(
    fill: Fill, ask: Callable[[TransparencyLog], object]
) -> None:
    """Indexes and sizes beyond the end."""
    with pytest.raises(UsageError, match="refused"):
        ask(fill(3))


def test_a_clock_that_steps_back_a_little_is_held(files: LogFiles, log: TransparencyLog) -> None:
    """As time servers do; the checkpoint keeps the later time."""
    log.append([b"a"])
    files.clock.now_s -= 300
    log.append([b"b"])
    assert (newest := log.newest()) is not None
    assert newest.time_s == START_S


def test_a_clock_that_ran_back_stops_the_log(files: LogFiles, log: TransparencyLog) -> None:
    """Nothing is appended until it is set right."""
    log.append([b"a"])
    files.clock.now_s -= 301
    with pytest.raises(ClockError, match="301 s before"):
        log.append([b"b"])
    assert log.storage.size() == 1


def test_an_older_file_is_a_rollback(files: LogFiles, fill: Fill) -> None:
    """Put back while nobody has it open, it is refused at the next opening."""
    fill(3).close()
    old = files.path.read_bytes()
    log = files.open()
    log.append([b"x"])
    log.close()
    files.path.write_bytes(old)
    with pytest.raises(RollbackError, match="has 3 entries and had 4"):
        files.open()


def test_a_removed_file_is_a_rollback(files: LogFiles, fill: Fill) -> None:
    """An empty log in its place is not taken for a new one."""
    fill(3).close()
    files.path.unlink()
    with pytest.raises(RollbackError, match="is empty and had 3"):
        files.open()


def test_a_running_log_sees_a_rollback(files: LogFiles, fill: Fill) -> None:
    """Also without the seen file: it remembers what it had itself."""
    log = fill(6)
    files.sql("DELETE FROM log_entries WHERE idx > 2", "DELETE FROM log_checkpoints")
    files.seen_path.unlink()
    with pytest.raises(RollbackError):
        log.append([b"x"])


def test_another_history_is_a_fork(files: LogFiles, fill: Fill) -> None:
    """A log rewritten by one who has the key, and longer than before."""
    fill(6).close()
    seen = files.seen_path.read_bytes()
    files.seen_path.unlink()
    files.path.unlink()
    log = files.open()
    log.append([b"another"] * 9)
    log.close()
    files.seen_path.write_bytes(seen)
    with pytest.raises(ForkError, match="does not hold the tree of 6"):
        files.open()


def test_entries_beyond_the_checkpoint_are_not_built_upon(files: LogFiles, fill: Fill) -> None:
    """They are somebody else's."""
    log = fill(3)
    files.sql("INSERT INTO log_entries VALUES (3, '', 'x')")
    with pytest.raises(RollbackError, match="holds 4 entries and its checkpoint is over 3"):
        log.append([b"y"])


def test_a_missing_node_is_named(files: LogFiles, fill: Fill) -> None:
    """With what to do."""
    log = fill(8)
    files.sql("DELETE FROM log_nodes WHERE place = 3")
    with pytest.raises(DamagedLogError, match=r"lacks node 0 of level 2.*restore"):
        log.inclusion(7, 8)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff", b"a\n1\n\n"])
def test_a_damaged_seen_file_is_refused(files: LogFiles, fill: Fill, content: bytes) -> None:
    """Not taken for none."""
    fill(3).close()
    files.seen_path.write_bytes(content)
    with pytest.raises(TransparencyError, match="seen checkpoint"):
        files.open()


def test_the_seen_file_only_moves_forward(files: LogFiles, fill: Fill) -> None:
    """A process that is behind does not take it back."""
    log = fill(3)
    before = log.newest()
    assert before is not None
    log.append([b"x"])
    log.seen.flush()
    log.seen.note(before)
    log.seen.flush()
    assert (kept := log.seen.read()) is not None
    assert kept.size == 4


def test_connections_append_at_once(connect: Connect, tmp_path: Path) -> None:
    """Three threads, each with a connection of its own: one tree holds what all appended."""

    def append(worker: int) -> None:
        log = over(connect(), tmp_path, Clock())
        for at in range(10):
            log.append([b"%d/%d" % (worker, at)] * 2)

    connect().close()  # makes the tables
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(append, range(3)))
    storage = over(connect(), tmp_path, Clock()).storage
    found = [data for _, _, data in storage.entries()]
    assert sorted(found) == sorted([b"%d/%d" % (w, at) for w in range(3) for at in range(10)] * 2)
    assert report_of(storage).clean


def test_tampering_is_found_on_each_database(database: LogDatabase, tmp_path: Path) -> None:
    """An entry that was changed, one that was removed, and a node."""
    log = over(database, tmp_path, Clock())
    log.append([b"%d" % at for at in range(9)])
    database.rows("UPDATE log_entries SET entry = ? WHERE idx = 4", (b"x",))
    database.rows("DELETE FROM log_entries WHERE idx = 6")
    database.rows("UPDATE log_nodes SET hash = ? WHERE place = 1", (bytes(32),))
    found = {(each.kind, each.index) for each in report_of(log.storage).findings}
    assert found >= {(Tampering.CHANGED, 4), (Tampering.REMOVED, 6), (Tampering.NODE, 0)}


def report_of(storage: LogStorage) -> LogReport:
    """Audit a log."""
    run = LogAudit(storage, signer().key, [])
    run.run()
    return run.report()


def _append_many(folder: Path, worker: int) -> None:
    files = LogFiles(folder)
    log = files.open()
    for at in range(25):
        log.append([b"%d/%d" % (worker, at)] * (1 + at % 3))
    log.close()


def test_processes_append_at_once(files: LogFiles) -> None:
    """Four of them: every entry is there once, in each one's order, under one tree."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append_many, args=(files.folder, n)) for n in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert [each.exitcode for each in workers] == [0] * 4
    log = files.open()
    found = [data for _, _, data in log.storage.entries()]
    for worker in range(4):
        own = [data for data in found if data.startswith(b"%d/" % worker)]
        assert own == [b"%d/%d" % (worker, at) for at in range(25) for _ in range(1 + at % 3)]
    assert (newest := log.newest()) is not None
    assert newest.size == len(found) == 4 * sum(1 + at % 3 for at in range(25))
