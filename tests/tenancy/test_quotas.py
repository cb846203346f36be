"""Quotas hold under threads and processes, and say when to come back."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import QuotaError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_tenancy import QuotaChanges, QuotaSettings
from ragbastion.tenancy.context import TenantContext, operator_context
from ragbastion.tenancy.quota_ledger import QuotaLedger
from ragbastion.tenancy.quotas import Quotas

ACME = operator_context(tenant="acme", principal="app")
GLOBEX = operator_context(tenant="globex", principal="app")
MINUTE_NS = 60_000_000_000
Make = Callable[[QuotaSettings], Quotas]


@pytest.fixture(params=["memory", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return what makes quotas of each kind of state."""
    made: list[Quotas] = []

    def _make(chosen: QuotaSettings) -> Quotas:
        path = tmp_path / "quotas.db" if request.param == "file" else None
        made.append(Quotas(chosen, path, MemoryEventSink()))
        return made[-1]

    yield _make
    for quotas in made:
        quotas.close()


def calls_that_pass(quotas: Quotas, context: TenantContext, tries: int) -> int:
    """Return how many of the calls pass."""
    passed = 0
    for _ in range(tries):
        try:
            quotas.spend_call(context)
            passed += 1
        except QuotaError:
            pass
    return passed


def test_calls_end_with_the_bucket(make: Make) -> None:
    """A full bucket gives its burst at once, and the next call is told how long to wait."""
    quotas = make(QuotaSettings(calls_per_minute=1, burst_calls=3))
    assert calls_that_pass(quotas, ACME, 3) == 3
    with pytest.raises(QuotaError, match="calls_per_minute of 1 is used up") as refused:
        quotas.spend_call(ACME)
    assert 59 < (refused.value.retry_after_s or 0) <= 60


def test_tenants_have_their_own_bucket(make: Make) -> None:
    """What one tenant spends, another keeps; a tenant's own limit is its own."""
    chosen = QuotaSettings(calls_per_minute=2, tenants={"globex": QuotaChanges(calls_per_minute=5)})
    quotas = make(chosen)
    assert [calls_that_pass(quotas, ACME, 9), calls_that_pass(quotas, GLOBEX, 9)] == [2, 5]


@settings(max_examples=80)
@given(
    gaps=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    burst=st.integers(1, 5),
    jump=st.integers(-10_000, 0),
)
def test_no_span_holds_more_calls_than_the_rate(gaps: list[int], burst: int, jump: int) -> None:
    """In any span, calls that pass are at most the burst and what the rate gives in that span."""
    ledger = QuotaLedger()
    ledger.spend("acme", interval_ns=10, burst=burst, now_ns=100_000)
    now, passed = 100_000 + jump, []
    for gap in gaps:
        now += gap
        if not ledger.spend("acme", interval_ns=10, burst=burst, now_ns=now):
            passed.append(now)
    for first, begin in enumerate(passed):
        for last, end in enumerate(passed[first:], start=first):
            assert last - first + 1 <= burst + (end - begin) / 10
    ledger.close()


@settings(max_examples=50)
@given(burst=st.integers(1, 5), spent=st.integers(0, 12))
def test_waiting_as_told_is_enough_and_needed(burst: int, spent: int) -> None:
    """After the time that a refusal names a call passes, and a nanosecond earlier it does not."""
    ledger = QuotaLedger()
    wait = 0
    for _ in range(spent):
        wait = ledger.spend("acme", interval_ns=10, burst=burst, now_ns=1_000)
    if wait:
        early = ledger.spend("acme", interval_ns=10, burst=burst, now_ns=1_000 + wait - 1)
        late = ledger.spend("acme", interval_ns=10, burst=burst, now_ns=1_000 + wait)
        assert (early, late) == (1, 0)
    ledger.close()


def test_clock_set_back_costs_one_bucket_at_most() -> None:
    """When the clock falls back a day, the tenant waits for one call, not for a day."""
    ledger = QuotaLedger()
    day = 86_400_000_000_000
    for _ in range(5):
        ledger.spend("acme", interval_ns=10, burst=5, now_ns=2 * day)
    assert ledger.spend("acme", interval_ns=10, burst=5, now_ns=day) == 10
    ledger.close()


def test_points_of_a_collection_are_limited(make: Make) -> None:
    """Points fit up to the limit and not one more; another tenant's do not count."""
    quotas = make(QuotaSettings(points_per_collection=10))
    quotas.reserve_points(GLOBEX, "docs", 10, 0)
    with quotas.reserve_points(ACME, "docs", 4, 6):
        pass
    with pytest.raises(QuotaError, match="points_per_collection of 10") as refused:
        quotas.reserve_points(ACME, "docs", 1, 10)
    assert refused.value.retry_after_s is None


def test_points_in_flight_count(make: Make) -> None:
    """What another writer has reserved counts until it is released and counted."""
    quotas = make(QuotaSettings(points_per_collection=10))
    first = quotas.reserve_points(ACME, "docs", 6, 0)
    with pytest.raises(QuotaError) as refused:
        quotas.reserve_points(ACME, "docs", 5, 0)
    assert refused.value.retry_after_s == 1.0
    first.release()
    first.release()
    quotas.reserve_points(ACME, "docs", 4, 6)


def test_stale_count_passes_no_limit(make: Make) -> None:
    """A count taken before another's write ended is not believed without that write."""
    quotas = make(QuotaSettings(points_per_collection=10))
    writing = quotas.reserve_points(ACME, "docs", 6, 0, mark=quotas.mark(ACME))
    mark = quotas.mark(ACME)  # the count of 0 that follows may miss the write
    writing.release()
    with pytest.raises(QuotaError):
        quotas.reserve_points(ACME, "docs", 6, 0, mark=mark)


def test_fresh_count_frees_what_was_deleted(make: Make) -> None:
    """After points were deleted, a new count makes room at once."""
    quotas = make(QuotaSettings(points_per_collection=10))
    with quotas.reserve_points(ACME, "docs", 10, 0, mark=quotas.mark(ACME)):
        pass
    with quotas.reserve_points(ACME, "docs", 10, 0, mark=quotas.mark(ACME)):
        pass
    assert quotas.used(ACME, "docs").points == 10


def test_total_is_over_collections(make: Make) -> None:
    """The total counts what is known of each collection, and a noted deletion frees it."""
    quotas = make(QuotaSettings(points_total=10))
    with quotas.reserve_points(ACME, "a", 7, 0):
        pass
    with pytest.raises(QuotaError, match="points_total of 10"):
        quotas.reserve_points(ACME, "b", 4, 0)
    quotas.note_held(ACME, "a", 2)
    quotas.reserve_points(ACME, "b", 4, 0).release()
    quotas.forget(ACME, "a")
    assert quotas.used(ACME).points == 4


def test_batch_is_limited(make: Make) -> None:
    """One call writes at most the batch size, and waiting does not help."""
    quotas = make(QuotaSettings(batch_points=3))
    with pytest.raises(QuotaError, match="smaller batches") as refused:
        quotas.reserve_points(ACME, "docs", 4, 0)
    assert refused.value.retry_after_s is None


def test_dead_writer_frees_its_points() -> None:
    """A reservation that nobody releases ends when it expires."""
    quotas = Quotas(QuotaSettings(points_per_collection=10), events=MemoryEventSink())
    quotas.reserve_points(ACME, "docs", 10, 0)
    later = time.time_ns() + 121_000_000_000
    quotas._ledger.mark("acme", later)
    quotas.reserve_points(ACME, "docs", 10, 0).release()
    quotas.close()


@pytest.mark.parametrize(
    ("collection", "count", "held", "mark"),
    [
        ("docs", -1, 0, None),
        ("docs", True, 0, None),
        ("docs", 1, -1, None),
        ("docs", 1.5, 0, None),
        ("docs", 1, "0", None),
        ("docs", 1, 0, 99),
        ("docs", 1, 0, -1),
        ("a/b", 1, 0, None),
        ("x" * 10_000, 1, 0, None),
    ],
)
def test_bad_amounts_are_refused(
    make: Make, collection: str, count: int, held: int, mark: int | None
) -> None:
    """Amounts that are no numbers of points, unknown marks and bad names reserve nothing."""
    quotas = make(QuotaSettings())
    with pytest.raises(UsageError):
        quotas.reserve_points(ACME, collection, count, held, mark=mark)
    assert quotas.used(ACME).points == 0


def test_impossible_tenant_in_the_settings_is_refused() -> None:
    """Limits under a name that no tenant can have would limit nobody."""
    with pytest.raises(UsageError, match="tenant refused"):
        Quotas(QuotaSettings(tenants={"a b": QuotaChanges(points_total=1)}))


def test_refusals_are_reported_and_do_not_flood() -> None:
    """A flood of refused calls leaves one event a second, not one for each."""
    sink = MemoryEventSink()
    quotas = Quotas(QuotaSettings(calls_per_minute=1), events=sink)
    calls_that_pass(quotas, ACME, 50)
    (event,) = sink.events
    assert (event.kind, event.tenant, event.outcome) == ("tenancy.quota", "acme", "refused")
    assert event.detail["limit"] == "calls_per_minute"
    quotas.close()


def test_threads_share_exactly(make: Make) -> None:
    """Of many calls by many threads exactly the burst passes."""
    quotas = make(QuotaSettings(calls_per_minute=1, burst_calls=50))
    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(lambda _: calls_that_pass(quotas, ACME, 10), range(16)))
    assert sum(passed) == 50


def test_writing_threads_never_pass_the_limit(make: Make) -> None:
    """Whatever the interleaving of count, reserve, write and release, the store holds the limit."""
    quotas = make(QuotaSettings(points_per_collection=20))
    stored: list[int] = []
    lock = threading.Lock()

    def write(worker: int) -> None:
        for at in range(6):
            mark = quotas.mark(ACME)
            held = len(stored)
            try:
                with quotas.reserve_points(ACME, "docs", 2, held, mark=mark), lock:
                    stored.extend([worker, at])
            except QuotaError:
                continue

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    assert 0 < len(stored) <= 20


def _spend(path: Path) -> int:
    quotas = Quotas(QuotaSettings(calls_per_minute=1, burst_calls=30), path, MemoryEventSink())
    return calls_that_pass(quotas, ACME, 25)


@pytest.mark.usefixtures("importable")
def test_processes_share_exactly(tmp_path: Path) -> None:
    """Processes on one state file spend one bucket."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        passed = pool.map(_spend, [tmp_path / "quotas.db"] * 3)
    assert sum(passed) == 30
