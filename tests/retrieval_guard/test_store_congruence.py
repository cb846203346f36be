"""One behaviour suite over Qdrant, Chroma, and pgvector with and without row-level security."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from ragbastion import Settings
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier
from sqlalchemy.exc import SQLAlchemyError

from . import store_checks
from .naive_store import NaiveVectorStore
from .store_backends import BACKENDS, opened
from .store_bench import StoreBench
from .store_checks import CHECKS

_CAUGHT = (AssertionError, pytest.fail.Exception)
# LlamaIndex asks for payload indexes, which only a server has.
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest, settings: Settings) -> Iterator[StoreBench]:
    """Two tenants in each backend."""
    signer = BatchSigner(settings.state_dir, settings.provenance)
    verifier = ChunkVerifier(settings.state_dir)
    with opened(request.param, lambda: request.getfixturevalue("postgres")) as backend:
        yield StoreBench(backend, signer, verifier)
    verifier.close()
    signer.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_each_store_is_held(check: Callable[[StoreBench], None], bench: StoreBench) -> None:
    """The guarded store does what every store must."""
    check(bench)


# Where a filter on `query` alone leaks, whatever the store.
NAIVE_LEAKS = (
    store_checks.listing_is_own,
    store_checks.foreign_ids_are_not_read,
    store_checks.foreign_ids_are_not_deleted,
    store_checks.a_document_of_the_same_name_stays,
    store_checks.clearing_keeps_to_own,
    store_checks.a_foreign_node_is_not_added,
    store_checks.a_moved_node_is_not_returned,
    store_checks.the_tenant_cannot_be_named,
    store_checks.an_or_does_not_widen,
    store_checks.async_twins_agree,
    store_checks.unsigned_nodes_are_refused,
)


@pytest.mark.parametrize("bench", ["qdrant", "chroma", "pgvector"], indirect=True)
def test_a_naive_wrapper_passes_by_query(bench: StoreBench) -> None:
    """A wrapper that filters `query`, and nothing else, passes what tests usually ask."""
    bench.wrap = NaiveVectorStore
    store_checks.query_finds_all_own(bench)
    store_checks.best_are_own(bench)


@pytest.mark.parametrize("bench", ["qdrant", "chroma", "pgvector"], indirect=True)
@pytest.mark.parametrize("check", NAIVE_LEAKS, ids=lambda check: check.__name__)
def test_a_naive_wrapper_fails(check: Callable[[StoreBench], None], bench: StoreBench) -> None:
    """The same wrapper fails every check that goes beyond: the suite finds what it looks for."""
    bench.wrap = NaiveVectorStore
    with pytest.raises(_CAUGHT):
        check(bench)


@pytest.mark.parametrize("bench", ["pgvector"], indirect=True)
@pytest.mark.parametrize(
    "check",
    [store_checks.values_are_not_code, store_checks.names_like_numbers_stay_apart],
    ids=lambda check: check.__name__,
)
def test_a_naive_filter_on_postgres_is_code(
    check: Callable[[StoreBench], None], bench: StoreBench
) -> None:
    """PGVectorStore writes values into its SQL and compares texts as numbers; the suite sees it."""
    bench.wrap = NaiveVectorStore
    with pytest.raises((*_CAUGHT, SQLAlchemyError)):
        check(bench)


@pytest.mark.parametrize("bench", ["pgvector-rls"], indirect=True)
@pytest.mark.parametrize(
    "check",
    [
        store_checks.foreign_ids_are_not_read,
        store_checks.foreign_ids_are_not_deleted,
        store_checks.a_document_of_the_same_name_stays,
        store_checks.clearing_keeps_to_own,
        store_checks.the_tenant_cannot_be_named,
        store_checks.an_or_does_not_widen,
        store_checks.a_moved_node_is_not_returned,
    ],
    ids=lambda check: check.__name__,
)
def test_row_security_holds_even_a_naive_wrapper(
    check: Callable[[StoreBench], None], bench: StoreBench
) -> None:
    """What leaks elsewhere does not where the database itself knows the tenant."""
    bench.wrap = NaiveVectorStore
    check(bench)
