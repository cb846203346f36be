"""Stores that keep less of LlamaIndex's contract: each is handled, or refused with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import build_metadata_filter_fn
from ragbastion import Settings, TenantContext
from ragbastion.core.errors import IsolationError, StoreError, UsageError, VectorError
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier
from ragbastion.retrieval_guard import GuardedVectorStore
from ragbastion.retrieval_guard.llama_traits import StoreTraits, bound

from .conftest import context
from .store_backends import Rows
from .store_bench import StoreBench, asked


class FlatStore(BasePydanticVectorStore):
    """A dictionary of nodes; its filters are LlamaIndex's own, which take no groups in groups."""

    stores_text: bool = True
    _held: dict[str, BaseNode] = PrivateAttr(default_factory=dict)

    @property
    def client(self) -> Any:
        """There is none."""
        return None

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Keep copies."""
        self._held |= {node.node_id: node.model_copy(deep=True) for node in nodes}
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Delete a document, whosever it is."""
        for id_ in [id_ for id_, node in self._held.items() if node.ref_doc_id == ref_doc_id]:
            del self._held[id_]

    def matched(self, filters: MetadataFilters | None) -> list[BaseNode]:
        """Return copies of what the filters match."""
        known = {"doc_id": "ref_doc_id"}
        test = build_metadata_filter_fn(
            lambda id_: {
                **self._held[id_].metadata,
                **{key: getattr(self._held[id_], name) for key, name in known.items()},
            },
            filters,
        )
        return [node.model_copy(deep=True) for id_, node in self._held.items() if test(id_)]

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Answer in no order."""
        nodes = self.matched(query.filters)[: query.similarity_top_k]
        ids = [node.node_id for node in nodes]
        return VectorStoreQueryResult(nodes=nodes, ids=ids, similarities=[1.0] * len(ids))


class WholeStore(FlatStore):
    """Reads and deletes as the contract says."""

    def get_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Return what ids and filters both match."""
        found = self.matched(filters)
        return [node for node in found if node_ids is None or node.node_id in node_ids]

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Delete by ids, and ignore the filters."""
        for id_ in node_ids or list(self._held):
            self._held.pop(id_, None)


class DeafStore(WholeStore):
    """Reads by id whatever the filters say, and takes none when it deletes."""

    def get_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """Ignore the filters."""
        return super().get_nodes(node_ids)

    def delete_nodes(self, node_ids: list[str] | None = None) -> None:  # type: ignore[override]
        """Delete by ids."""
        super().delete_nodes(node_ids)


class BlindStore(WholeStore):
    """Ignores the filters of a query."""

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Answer with everything."""
        return super().query(VectorStoreQuery(similarity_top_k=100))


class BareStore(WholeStore):
    """Gives no vectors back."""

    def matched(self, filters: MetadataFilters | None) -> list[BaseNode]:
        """Drop the vectors."""
        nodes = super().matched(filters)
        for node in nodes:
            node.embedding = None
        return nodes


class FailingStore(WholeStore):
    """Fails with an error that quotes what another tenant stored."""

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Fail."""
        raise ValueError(f"cannot compare {[node.get_content() for node in self.matched(None)]}")


class Held:
    """One odd store as a backend."""

    def __init__(self, store: FlatStore) -> None:
        self.store = store

    def inner(self, context: TenantContext) -> BasePydanticVectorStore:
        """Return the store."""
        return self.store

    def rows(self) -> Rows:
        """Return all nodes."""
        return sorted(
            (node.metadata["ragbastion_tenant"], node.node_id, node.get_content())
            for node in self.store.matched(None)
        )


@pytest.fixture
def bench(request: pytest.FixtureRequest, settings: Settings) -> Iterator[StoreBench]:
    """Two tenants in the store that a test names."""
    signer = BatchSigner(settings.state_dir, settings.provenance)
    verifier = ChunkVerifier(settings.state_dir)
    yield StoreBench(Held(request.param()), signer, verifier)
    verifier.close()
    signer.close()


def on(*kinds: type[FlatStore]) -> pytest.MarkDecorator:
    """Run a test on these kinds of store."""
    return pytest.mark.parametrize("bench", kinds, indirect=True)


def where(condition: FilterCondition, *values: str) -> MetadataFilters:
    """Return a group of conditions on the language."""
    leaves = [MetadataFilter(key="lang", value=value) for value in values]
    return MetadataFilters(filters=leaves, condition=condition)


@on(WholeStore, FlatStore, DeafStore)
def test_filters_are_flattened_where_that_is_safe(bench: StoreBench) -> None:
    """Groups of AND become one, since the store takes no group in a group."""
    nested = MetadataFilters(filters=[where(FilterCondition.AND, "en")])
    assert len(bench.matching(nested)) == 2
    assert len(bench.matching(where(FilterCondition.OR, "en"))) == 2


@on(WholeStore, FlatStore)
def test_an_or_beside_the_tenant_is_refused(bench: StoreBench) -> None:
    """OR cannot be flattened, and is never dropped or widened."""
    with pytest.raises(UsageError, match="not known to take OR"):
        bench.matching(where(FilterCondition.OR, "en", "de"))


@on(WholeStore)
def test_values_that_may_be_code_are_refused(bench: StoreBench) -> None:
    """Of a store nothing is known of, quotes do not reach its query language."""
    for filters in (
        where(FilterCondition.AND, "O'Brien"),
        MetadataFilters(filters=[MetadataFilter(key="a = 1 --", value="x")]),
    ):
        with pytest.raises(UsageError, match="filter refused"):
            bench.matching(filters)


@on(WholeStore)
def test_traits_can_be_declared(bench: StoreBench) -> None:
    """Who knows the store's code can say what it does with values."""
    traits = StoreTraits(quote=bound)
    bench.wrap = lambda inner, who: GuardedVectorStore(
        inner,
        context=who,
        verifier=bench.verifier,
        events=bench.events,
        collection="shared",
        traits=traits,
    )
    assert len(bench.matching(where(FilterCondition.AND, "O'Brien"))) == 1


@on(WholeStore, DeafStore)
def test_foreign_ids_survive_a_store_that_deletes_any_id(bench: StoreBench) -> None:
    """Only ids that were found to be the tenant's are passed on, so ignored filters do no harm."""
    before = bench.rows()
    bench.store().delete_nodes([*bench.ids("globex"), bench.ids()[0]])
    assert (bench.rows(), len(bench.rows("acme"))) == (before, 5)


@on(DeafStore)
def test_a_foreign_id_looks_as_if_it_were_absent(bench: StoreBench) -> None:
    """A store that reads any id is asked for one: nothing comes back, and the operator is told."""
    foreign = bench.ids("globex")[0]
    assert bench.store().get_nodes([foreign]) == bench.store().get_nodes(["absent"]) == []
    assert bench.events.events[-1].detail["nodes"] == [foreign]


@on(DeafStore)
def test_a_listing_that_ignores_filters_is_refused(bench: StoreBench) -> None:
    """Without ids a store that ignores filters answers with everything: nothing is returned."""
    before = bench.backend.rows()
    for call in (bench.store().get_nodes, bench.store().clear):
        with pytest.raises(IsolationError, match="nothing was returned"):
            call()
    assert bench.backend.rows() == before


@on(BlindStore)
def test_a_query_that_ignores_filters_is_refused(bench: StoreBench) -> None:
    """A store that searches everybody's nodes gives nobody an answer, and is audited."""
    with pytest.raises(IsolationError, match="nothing was returned"):
        bench.store().query(asked())
    foreign = next(event for event in bench.events.events if event.kind == "tenancy.foreign")
    assert foreign.detail["nodes"] == bench.ids("globex")


@on(FlatStore)
def test_a_store_without_get_nodes_can_be_searched(bench: StoreBench) -> None:
    """A query's nodes that carry their vectors are verified as they are."""
    assert bench.matching() == bench.ids()


@on(FlatStore)
def test_a_store_without_get_nodes_cannot_delete(bench: StoreBench) -> None:
    """Its delete would reach a foreign document of the same name, so nothing is deleted."""
    before = bench.backend.rows()
    store = bench.store()
    for call in (
        lambda: store.delete("doc-0"),
        lambda: store.delete_nodes(bench.ids()),
        store.clear,
        store.get_nodes,
    ):
        with pytest.raises(StoreError, match="offers no get_nodes"):
            call()
    assert bench.backend.rows() == before


@on(BareStore)
def test_a_store_without_vectors_verifies_nothing(bench: StoreBench) -> None:
    """Without its vector no node is returned."""
    with pytest.raises(StoreError, match="gives no embeddings back"):
        bench.store().query(asked())


@on(FailingStore)
def test_a_stores_error_is_not_passed_on(bench: StoreBench) -> None:
    """The store's own message may quote foreign text, so only its kind is told."""
    with pytest.raises(StoreError, match=r"could not serve query \(ValueError\)") as raised:
        bench.store().query(asked())
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@on(WholeStore)
def test_malformed_filters_are_refused(bench: StoreBench) -> None:
    """Lists where one value belongs, nothing where a value belongs, and numbers that are none."""
    for operator, value in (
        (FilterOperator.EQ, None),
        (FilterOperator.EQ, ["en"]),
        (FilterOperator.IN, "en"),
        (FilterOperator.IN, []),
        (FilterOperator.EQ, float("nan")),
    ):
        bad = MetadataFilter(key="lang", value=value, operator=operator)
        with pytest.raises(UsageError, match="filter refused"):
            bench.matching(MetadataFilters(filters=[bad]))


@on(WholeStore)
def test_a_filter_has_a_greatest_depth(bench: StoreBench) -> None:
    """A filter nested without end is refused before it is walked."""
    deep = where(FilterCondition.AND, "en")
    for _ in range(40):
        deep = MetadataFilters(filters=[deep])
    with pytest.raises(UsageError, match="nested deeper"):
        bench.matching(deep)


@on(WholeStore)
def test_a_query_for_nothing_is_refused(bench: StoreBench) -> None:
    """Stores differ in what zero means."""
    with pytest.raises(UsageError, match="at least 1"):
        bench.store().query(asked(0))


@on(FlatStore)
def test_only_a_context_names_a_tenant(bench: StoreBench) -> None:
    """Nothing that merely looks like one, such as what a request was parsed into."""
    inner = bench.backend.inner(context(tenant="acme"))
    rest = {"verifier": bench.verifier, "events": bench.events, "collection": "shared"}
    for odd in ({"tenant": "acme"}, SimpleNamespace(tenant="acme", require_active=int), None):
        with pytest.raises(UsageError, match="TenantContext is needed"):
            GuardedVectorStore(inner, context=odd, **rest)
    with pytest.raises(UsageError, match="wraps a vector store"):
        GuardedVectorStore(None, context=context(tenant="acme"), **rest)


@on(FlatStore)
@pytest.mark.parametrize("odd", [[float("nan"), 1.0], [float("inf"), 1.0], ["a", 1.0], []])
def test_a_query_of_no_vector_is_refused(bench: StoreBench, odd: list[Any]) -> None:
    """Stores answer NaN with whatever comes first."""
    with pytest.raises(VectorError, match="refused"):
        bench.store().query(VectorStoreQuery(query_embedding=odd, similarity_top_k=1))
