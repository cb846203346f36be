"""Each way to rewrite a log is found, and named with the entry that it is about."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import DamagedLogError, StoreError
from ragbastion.core.settings_log import LogSettings
from ragbastion.ingest.provenance.log import LogReport, Tampering, TransparencyLog
from ragbastion.ingest.provenance.log.audit import LogAudit
from ragbastion.ingest.provenance.log.checkpoint import Checkpoint, TreeHead, sign_checkpoint
from ragbastion.ingest.provenance.log.storage import LogStorage
from ragbastion.ingest.provenance.log.tree import position
from ragbastion.ingest.provenance.merkle import leaf_hash, node_hash

from .conftest import ORIGIN, START_S, Fill, LogFiles, entry, signer

COUNT = 11


def audit(files: LogFiles, seen: list[Checkpoint] | None = None) -> LogReport:
    """Return the report of a log as it stands in its file."""
    storage = LogStorage(files.database())
    try:
        run = LogAudit(storage, signer().key, [])
        run.run(seen or [])
        return run.report()
    finally:
        storage.close()


def found(report: LogReport) -> list[tuple[Tampering, int | None]]:
    """Return kinds and indexes."""
    return [(each.kind, each.index) for each in report.findings]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8, COUNT])
def test_an_honest_log_is_clean(files: LogFiles, fill: Fill, count: int) -> None:
    """Of any size; root and size are the checkpoint's."""
    log = fill(count)
    report = audit(files)
    assert (report.clean, report.size) == (True, count)
    assert report.root == log.root(count).hex()


SWAP = (
    "UPDATE log_entries SET idx = -1 WHERE idx = 2",
    "UPDATE log_entries SET idx = 2 WHERE idx = 7",
    "UPDATE log_entries SET idx = 7 WHERE idx = -1",
)
UP = (
    "UPDATE log_entries SET idx = -idx - 1 WHERE idx >= 4",
    "UPDATE log_entries SET idx = -idx WHERE idx < 0",
)
DOWN = (
    "UPDATE log_entries SET idx = -idx WHERE idx > 4",
    "UPDATE log_entries SET idx = -idx - 1 WHERE idx < 0",
)
NULLS = f"x'{'00' * 32}'"
TAMPERINGS: dict[str, tuple[tuple[str, ...], tuple[Tampering, int]]] = {
    "changed": (("UPDATE log_entries SET entry = 'x' WHERE idx = 4",), (Tampering.CHANGED, 4)),
    "another type": (("UPDATE log_entries SET entry = 9 WHERE idx = 4",), (Tampering.CHANGED, 4)),
    "first": (("UPDATE log_entries SET entry = 'x' WHERE idx = 0",), (Tampering.CHANGED, 0)),
    "last": (("UPDATE log_entries SET entry = 'x' WHERE idx = 10",), (Tampering.CHANGED, 10)),
    "removed": (("DELETE FROM log_entries WHERE idx = 4",), (Tampering.REMOVED, 4)),
    "removed and closed up": (
        ("DELETE FROM log_entries WHERE idx = 4", *DOWN),
        (Tampering.REMOVED, 4),
    ),
    "reordered": (SWAP, (Tampering.REORDERED, 2)),
    "truncated": (("DELETE FROM log_entries WHERE idx > 6",), (Tampering.TRUNCATED, 7)),
    "last removed": (("DELETE FROM log_entries WHERE idx = 10",), (Tampering.TRUNCATED, 10)),
    "inserted": ((*UP, "INSERT INTO log_entries VALUES (4, '', 'x')"), (Tampering.INSERTED, 4)),
    "appended": (("INSERT INTO log_entries VALUES (11, '', 'x')",), (Tampering.INSERTED, 11)),
    "far beyond": (
        ("INSERT INTO log_entries VALUES (4000000000000, '', 'x')",),
        (Tampering.INSERTED, 4_000_000_000_000),
    ),
    "refiled": (("UPDATE log_entries SET subject = 'x' WHERE idx = 4",), (Tampering.INDEX, 4)),
    "node": (
        (f"UPDATE log_nodes SET hash = {NULLS} WHERE place = 11",),
        (Tampering.NODE, 4),
    ),
    "short node": (("UPDATE log_nodes SET hash = x'00' WHERE place = 11",), (Tampering.NODE, 4)),
    "node removed": (("DELETE FROM log_nodes WHERE place = 11",), (Tampering.NODE, 4)),
    "leaf removed": (("DELETE FROM log_nodes WHERE place = 8",), (Tampering.NODE, 4)),
    "node added": (
        (f"INSERT INTO log_nodes VALUES (31, {NULLS})",),
        (Tampering.NODE, 0),
    ),
    "no checkpoint": (("DELETE FROM log_checkpoints",), (Tampering.INSERTED, 0)),
    "checkpoint refiled": (("UPDATE log_checkpoints SET size = 9",), (Tampering.CHECKPOINT, 9)),
    "checkpoint changed": (
        ("UPDATE log_checkpoints SET note = replace(note, 'AAAA', 'AAAB')",),
        (Tampering.CHECKPOINT, 11),
    ),
    "checkpoint no text": (("UPDATE log_checkpoints SET note = 9",), (Tampering.CHECKPOINT, 11)),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_named(files: LogFiles, fill: Fill, name: str) -> None:
    """What was done, and to which entry."""
    statements, expected = TAMPERINGS[name]
    fill(COUNT)
    files.sql(*statements)
    assert expected in found(audit(files))


def test_both_reordered_entries_are_named(files: LogFiles, fill: Fill) -> None:
    """And that time runs back after each; nothing else."""
    fill(COUNT)
    files.sql(*SWAP)
    assert found(audit(files)) == [
        (Tampering.CLOCK, 3),
        (Tampering.CLOCK, 7),
        (Tampering.REORDERED, 2),
        (Tampering.REORDERED, 7),
        (Tampering.CHECKPOINT, 0),
    ]


def rewrite(files: LogFiles, at: int, levels: int) -> None:
    """Change an entry and so many levels of nodes above it, as one would who knows the format."""
    storage = LogStorage(files.database())
    value = leaf_hash(b"forged")
    changed = {position(0, at): value}
    for level in range(levels):
        index = at >> level
        [sibling] = storage.nodes([(level, index ^ 1)]).values()
        value = node_hash(sibling, value) if index % 2 else node_hash(value, sibling)
        changed[position(level + 1, index >> 1)] = value
    storage.close()
    files.sql(
        f"UPDATE log_entries SET entry = 'forged' WHERE idx = {at}",
        *(
            f"UPDATE log_nodes SET hash = x'{v.hex()}' WHERE place = {p}"
            for p, v in changed.items()
        ),
    )


@pytest.mark.parametrize(("levels", "first"), [(0, 4), (1, 4), (2, 0), (3, 0)])
def test_an_entry_rewritten_with_its_nodes_is_found(
    files: LogFiles, fill: Fill, levels: int, first: int
) -> None:
    """By the first node that was left, and at the latest by the signed root."""
    fill(COUNT)
    rewrite(files, 5, levels)
    report = audit(files)
    kinds = {(Tampering.NODE, first), (Tampering.CHECKPOINT, 0)}
    assert kinds & set(found(report)) == (kinds if levels < 3 else {(Tampering.CHECKPOINT, 0)})


def test_a_rewrite_lies_between_two_kept_checkpoints(files: LogFiles, fill: Fill) -> None:
    """So a large log need not be searched whole."""
    log = fill(4)
    keep(log, 4)
    log.append([b"x"] * 4)
    keep(log, 8)
    log.append([b"y"] * 4)
    rewrite(files, 5, 3)
    assert (Tampering.CHECKPOINT, 4) in found(audit(files))


def keep(log: TransparencyLog, size: int) -> None:
    """Keep the checkpoint of a size."""
    checkpoint = log.checkpoint_of(size)
    assert checkpoint is not None
    log.storage.put_checkpoint(size, checkpoint.note, keep=True)


def test_a_checkpoint_from_elsewhere_shows_a_new_history(files: LogFiles, fill: Fill) -> None:
    """Even one that is signed and whole: who has the log's key cannot take back what others saw."""
    before = fill(6).newest()
    files.path.unlink()
    files.seen_path.unlink()
    log = files.open()
    log.append([b"another"] * 9)
    assert before is not None
    assert audit(files).clean
    assert found(audit(files, [before])) == [(Tampering.CHECKPOINT, 6)]


def test_a_checkpoint_from_elsewhere_shows_a_rollback(files: LogFiles, fill: Fill) -> None:
    """One that is larger than the log."""
    log = fill(6)
    old = files.path.read_bytes()
    log.append([b"x"])
    seen = log.newest()
    log.close()
    files.path.write_bytes(old)
    assert seen is not None
    assert found(audit(files, [seen])) == [(Tampering.ROLLBACK, 6)]


def test_time_that_runs_back_is_named(files: LogFiles, log: TransparencyLog) -> None:
    """Between entries, and between checkpoints."""
    log.append([entry(at).as_bytes() for at in (5, 3)], [entry(at).subject for at in (5, 3)])
    head = TreeHead(ORIGIN, 1, log.root(1))
    log.storage.put_checkpoint(1, sign_checkpoint(head, signer(), START_S + 9), keep=True)
    assert found(audit(files)) == [(Tampering.CLOCK, 1), (Tampering.CLOCK, 2)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (LogSettings(), []),
        (LogSettings(max_age_s=50), []),
        (LogSettings(max_age_s=49), [(Tampering.FREEZE, 3)]),
        (
            LogSettings.model_construct(quorum=1, max_age_s=None),
            [(Tampering.QUORUM, 3)],
        ),
    ],
)
def test_policy_is_checked(
    files: LogFiles, fill: Fill, policy: LogSettings, expected: list[tuple[Tampering, int]]
) -> None:
    """A checkpoint that is too old, or that too few have cosigned."""
    fill(3)
    storage = LogStorage(files.database())
    run = LogAudit(storage, signer().key, [])
    run.run()
    run.policy(policy, START_S + 50)
    storage.close()
    assert found(run.report()) == expected


@given(st.integers(0, COUNT - 1), st.binary(max_size=8))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_change_of_an_entry_is_named(files: LogFiles, fill: Fill, at: int, data: bytes) -> None:
    """Whatever it is changed to."""
    if not files.path.exists():
        fill(COUNT)
    kept = entry(at).as_bytes()
    files.sql(f"UPDATE log_entries SET entry = x'{data.hex()}' WHERE idx = {at}")
    assert (Tampering.CHANGED, at) in found(audit(files))
    files.sql(f"UPDATE log_entries SET entry = x'{kept.hex()}' WHERE idx = {at}")
    assert audit(files).clean


def test_findings_are_counted_beyond_those_listed(files: LogFiles, fill: Fill) -> None:
    """A report stays small."""
    log = fill(3)
    log.append([b"%d" % at for at in range(1500)])
    files.sql("UPDATE log_entries SET entry = 'x'")
    report = audit(files)
    assert (len(report.findings), report.found > 1500, report.clean) == (1000, True, False)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.4, 0.6, 0.8, 0.99])
def test_a_log_that_was_cut_is_named(files: LogFiles, fill: Fill, share: float) -> None:
    """Cut at any place: the audit says what to restore, and what is left is not changed."""
    log = fill(3)
    log.append([b"%d" % at * 50 for at in range(1500)])
    log.close()
    data = files.path.read_bytes()
    cut = data[: int(len(data) * share)]
    files.path.write_bytes(cut)
    for act in (lambda: audit(files), lambda: files.open().append([b"x"])):
        with pytest.raises(StoreError, match=r"restore|log\.db"):
            act()
    assert files.path.read_bytes()[100:] == cut[100:]


def test_a_log_with_foreign_bytes_is_named(files: LogFiles, fill: Fill) -> None:
    """The message names the file, the backup to look for, and that the rest comes back."""
    log = fill(3)
    log.append([b"%d" % at * 50 for at in range(1500)])
    log.close()
    data = bytearray(files.path.read_bytes())
    data[8192:16384] = b"\xff" * 8192
    files.path.write_bytes(data)
    with pytest.raises(DamagedLogError, match=r"log\.db.*restore it.*backup must have"):
        audit(files)


def test_a_file_that_is_no_database_is_named(files: LogFiles) -> None:
    """Nothing is made in its place."""
    files.path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(DamagedLogError, match="restore it"):
        files.open()
