"""Laws of every store under generated filters: nested, negated, hostile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)
from ragbastion import Settings
from ragbastion.core.errors import IsolationError, RagbastionError, UsageError
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier
from ragbastion.retrieval_guard.llama_nodes import ID, SCOPE, TENANT, scope_of

from .store_backends import BACKENDS, opened
from .store_bench import METADATA, StoreBench
from .store_checks import INJECTED

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
BUDGET = settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
_COMPARED = [
    FilterOperator.EQ,
    FilterOperator.NE,
    FilterOperator.GT,
    FilterOperator.GTE,
    FilterOperator.LT,
    FilterOperator.LTE,
]
_LISTED = [FilterOperator.IN, FilterOperator.NIN]


@pytest.fixture(scope="module", params=BACKENDS)
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoreBench]:
    """Two tenants in each backend, for all examples of a test."""
    folder: Path = tmp_path_factory.mktemp("laws")
    settings_ = Settings(state_dir=folder / "state", store=str(folder / "store"))
    signer = BatchSigner(settings_.state_dir, settings_.provenance)
    verifier = ChunkVerifier(settings_.state_dir)
    with opened(request.param, lambda: request.getfixturevalue("postgres")) as backend:
        yield StoreBench(backend, signer, verifier)
    verifier.close()
    signer.close()


def _leaves() -> st.SearchStrategy[MetadataFilter]:
    words = st.sampled_from(["en", "de", "O'Brien", "fr"])
    years = st.integers(2019, 2024)
    return st.one_of(
        st.builds(
            MetadataFilter,
            key=st.just("lang"),
            value=words,
            operator=st.sampled_from(_COMPARED[:2]),
        ),
        st.builds(
            MetadataFilter, key=st.just("year"), value=years, operator=st.sampled_from(_COMPARED)
        ),
        st.builds(
            MetadataFilter,
            key=st.just("lang"),
            value=st.lists(words, min_size=1, max_size=3),
            operator=st.sampled_from(_LISTED),
        ),
        st.builds(
            MetadataFilter,
            key=st.just("year"),
            value=st.lists(years, min_size=1, max_size=3),
            operator=st.sampled_from(_LISTED),
        ),
    )


def _groups(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[MetadataFilters]:
    def grouped(members: st.SearchStrategy[Any]) -> st.SearchStrategy[MetadataFilters]:
        return st.builds(
            MetadataFilters,
            filters=st.lists(members, min_size=1, max_size=3),
            condition=st.sampled_from(FilterCondition),
        )

    return grouped(st.recursive(leaves, grouped, max_leaves=6))


def _holds(condition: MetadataFilter | MetadataFilters, metadata: Mapping[str, Any]) -> bool:
    """Say what LlamaIndex's own reference says, with groups in groups."""
    if isinstance(condition, MetadataFilters):
        members = [_holds(member, metadata) for member in condition.filters]
        if condition.condition is FilterCondition.AND:
            return all(members)
        return any(members) == (condition.condition is FilterCondition.OR)
    operator, wanted, value = condition.operator, condition.value, metadata.get(condition.key)
    if value is None:
        return operator in (FilterOperator.NE, FilterOperator.NIN)
    return {
        FilterOperator.EQ: lambda: value == wanted,
        FilterOperator.NE: lambda: value != wanted,
        FilterOperator.GT: lambda: value > wanted,
        FilterOperator.GTE: lambda: value >= wanted,
        FilterOperator.LT: lambda: value < wanted,
        FilterOperator.LTE: lambda: value <= wanted,
        FilterOperator.IN: lambda: value in wanted,  # type: ignore[operator]  # a list
        FilterOperator.NIN: lambda: value not in wanted,  # type: ignore[operator]
    }[operator]()


@given(filters=_groups(_leaves()))
@BUDGET
def test_a_filter_means_the_same_everywhere(bench: StoreBench, filters: MetadataFilters) -> None:
    """Search and listing find exactly what the reference finds of the own nodes, or refuse."""
    expected = sorted(
        node.node_id
        for node, metadata in zip(bench.nodes["acme"], METADATA, strict=True)
        if _holds(filters, metadata)
    )
    try:
        found = bench.matching(filters)
    except UsageError as refused:
        assert "cannot negate" in str(refused)  # noqa: PT017  # only Chroma, which has no NOT
        assert type(bench.backend).__name__ == "Chroma"
        return
    listed = sorted(node.node_id for node in bench.store().get_nodes(filters=filters))
    assert (found, listed) == (expected, expected)


_HOSTILE = st.builds(
    MetadataFilter,
    key=st.sampled_from(["lang", "year", "_node_content", "doc_id", "a'b", "x) OR (1=1", "", "*"]),
    value=st.one_of(
        st.sampled_from([*INJECTED, scope_of("globex"), "globex", ":x", "%", "nan"]),
        st.text(max_size=6),
        st.integers(),
        st.lists(st.sampled_from(INJECTED), max_size=2),
        st.floats(),
        st.none(),
    ),
    operator=st.sampled_from(FilterOperator),
)


@given(filters=_groups(_HOSTILE), ids=st.booleans())
@BUDGET
def test_no_filter_reaches_a_foreign_node(
    bench: StoreBench, filters: MetadataFilters, ids: bool
) -> None:
    """Whatever a filter holds, a call answers with own nodes or an error, and changes no other."""
    store, foreign = bench.store(), bench.rows()
    named = [*bench.ids("globex"), *bench.ids()] if ids else None
    for call in (
        lambda: bench.matching(filters),
        lambda: [node.node_id for node in store.get_nodes(named, filters)],
        lambda: store.delete_nodes(named, filters) or [],
    ):
        try:
            answer = call()
        except RagbastionError as error:
            assert "globex" not in str(error)  # noqa: PT017  # an answer is as good
        else:
            assert set(answer) <= set(bench.ids())
    assert bench.rows() == foreign
    store.add(bench.nodes["acme"])


@given(
    key=st.sampled_from([TENANT, SCOPE, ID, f'"{TENANT}"', f" {SCOPE} "]),
    operator=st.sampled_from(_COMPARED[:2]),
    condition=st.sampled_from(FilterCondition),
    depth=st.integers(0, 3),
)
@BUDGET
def test_the_guards_keys_cannot_be_named(
    bench: StoreBench, key: str, operator: FilterOperator, condition: FilterCondition, depth: int
) -> None:
    """A filter on the tenant, at any depth and under any condition, is refused."""
    filters = MetadataFilters(
        filters=[MetadataFilter(key=key, value=scope_of("globex"), operator=operator)],
        condition=condition,
    )
    for _ in range(depth):
        filters = MetadataFilters(filters=[filters], condition=condition)
    with pytest.raises(IsolationError, match="guard sets itself"):
        bench.matching(filters)
