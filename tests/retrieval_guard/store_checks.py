"""What any wrapped store must do; each check fails with an error where a tenant is not held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)
from ragbastion.core.chunk import Digest
from ragbastion.core.errors import IsolationError, RagbastionError
from ragbastion.retrieval_guard.llama_nodes import SCOPE, TENANT, scope_of, stamp

from .store_bench import StoreBench, asked

INJECTED = ("x' OR '1'='1", "x') OR 1=1 --", "x\\' OR 1=1 --", "x'; DELETE FROM data_t0; --")


def _where(key: str, value: str) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key=key, value=value)])


def query_finds_all_own(bench: StoreBench) -> None:
    """A query without filters finds every own node, and none besides."""
    assert bench.matching() == bench.ids()


def best_are_own(bench: StoreBench) -> None:
    """The nearest two are own though a foreign one is as near, with text and falling scores."""
    found = bench.store().query(asked(2))
    texts = [node.get_content() for node in found.nodes or []]
    assert (len(texts), texts[0]) == (2, "Note 0 of acme.")
    first, second = found.similarities or []
    assert first > second


def listing_is_own(bench: StoreBench) -> None:
    """Without ids and filters all own nodes are listed, with their vectors."""
    nodes = bench.store().get_nodes()
    assert sorted(node.node_id for node in nodes) == bench.ids()
    assert all(node.embedding for node in nodes)


def foreign_ids_are_not_read(bench: StoreBench) -> None:
    """Of own and foreign ids the own are returned, and foreign ones alone are an empty list."""
    store = bench.store()
    mixed = store.get_nodes([bench.ids("globex")[0], bench.ids()[0]])
    assert [node.node_id for node in mixed] == [bench.ids()[0]]
    assert store.get_nodes(bench.ids("globex")) == []


def foreign_ids_are_not_searched(bench: StoreBench) -> None:
    """A query that names ids or documents finds the own among them."""
    assert bench.matching(node_ids=bench.ids("globex")) == []
    assert bench.matching(node_ids=bench.ids()[:2]) == bench.ids()[:2]
    own = sorted(node.node_id for node in bench.nodes["acme"] if node.ref_doc_id == "doc-1")
    assert bench.matching(doc_ids=["doc-1"]) == own


def foreign_ids_are_not_deleted(bench: StoreBench) -> None:
    """Deleting by id takes the own and leaves the foreign, filters or not."""
    before = bench.rows()
    store = bench.store()
    store.delete_nodes([*bench.ids("globex"), bench.ids()[0]])
    store.delete_nodes(bench.ids("globex"), filters=_where("lang", "en"))
    assert bench.rows() == before
    assert len(bench.rows("acme")) == len(bench.ids()) - 1


def a_document_of_the_same_name_stays(bench: StoreBench) -> None:
    """Deleting a document leaves another tenant's of the same id."""
    before = bench.rows()
    bench.store().delete("doc-0")
    assert (bench.rows(), len(bench.rows("acme"))) == (before, 3)


def deleting_by_filter_keeps_to_own(bench: StoreBench) -> None:
    """Deleting by filter takes what it matches of the own."""
    before = bench.rows()
    bench.store().delete_nodes(filters=_where("lang", "en"))
    assert (bench.rows(), len(bench.rows("acme"))) == (before, 4)


def clearing_keeps_to_own(bench: StoreBench) -> None:
    """clear() empties the tenant, not the store."""
    before = bench.rows()
    bench.store().clear()
    assert (bench.rows(), bench.rows("acme")) == (before, [])


def a_foreign_node_is_not_added(bench: StoreBench) -> None:
    """Another tenant's signed node is refused, and nothing is written."""
    before = bench.backend.rows()
    with pytest.raises(IsolationError):
        bench.store().add(bench.signed("globex", 0))
    assert bench.backend.rows() == before


def a_foreign_row_is_not_written_over(bench: StoreBench) -> None:
    """A foreign row under an own id, planted past the guard, stays as it is."""
    [own] = bench.signed("acme", 5)
    bench.store().delete_nodes([own.node_id])
    [foreign] = bench.signed("globex", 5)
    foreign.id_ = own.node_id
    bench.plant(foreign)
    before = bench.rows()
    with _Allowed():
        bench.store().add([own])
    assert bench.rows() == before


def a_moved_node_is_not_returned(bench: StoreBench) -> None:
    """A foreign node whose stored scope was changed to the tenant's is never handed out."""
    bench.store("globex").delete_nodes([bench.ids("globex")[0]])
    [moved] = [node for node in bench.nodes["globex"] if node.node_id == bench.ids("globex")[0]]
    moved.metadata[SCOPE] = scope_of("acme")
    moved.metadata[TENANT] = "acme"
    bench.plant(moved)
    with _Allowed():
        assert set(bench.matching()) <= set(bench.ids())
    with _Allowed():
        assert bench.store().get_nodes([moved.node_id]) == []


def adding_again_replaces(bench: StoreBench) -> None:
    """A node added twice is stored once."""
    bench.store().add(bench.signed("acme", 0, 0, 1))
    assert sorted(row[1] for row in bench.rows("acme")) == bench.ids()


def the_tenant_cannot_be_named(bench: StoreBench) -> None:
    """A filter that names the tenant finds nothing of another's."""
    wide = MetadataFilters(
        filters=[MetadataFilter(key=TENANT, value=name) for name in ("acme", "globex")],
        condition=FilterCondition.OR,
    )
    with _Allowed():
        assert set(bench.matching(wide)) <= set(bench.ids())


def an_or_does_not_widen(bench: StoreBench) -> None:
    """An OR that every node satisfies finds the own."""
    anything = MetadataFilters(
        filters=[
            MetadataFilter(key="year", value=0, operator=FilterOperator.GT),
            MetadataFilter(key="year", value=0, operator=FilterOperator.NE),
        ],
        condition=FilterCondition.OR,
    )
    assert bench.matching(anything) == bench.ids()


def values_are_not_code(bench: StoreBench) -> None:
    """Quotes in a value match themselves and nothing else, in search and in deletion."""
    before = bench.backend.rows()
    for value in INJECTED:
        with _Allowed():
            assert bench.matching(_where("lang", value)) == []
        with _Allowed():
            bench.store().delete_nodes(filters=_where("lang", value))
        with _Allowed():
            bench.store().delete(value)
        with _Allowed():
            assert set(bench.matching(_where(f"lang{value}", "x"))) <= set(bench.ids())
    assert bench.backend.rows() == before
    assert len(bench.matching(_where("lang", "O'Brien"))) == 1


def native_options_are_refused(bench: StoreBench) -> None:
    """What only the inner store understands is not passed to it."""
    store = bench.store()
    with pytest.raises(IsolationError):
        store.query(asked(), where={}, qdrant_filters=None)
    with pytest.raises(IsolationError):
        store.delete("doc-0", shard_identifier="s")
    with pytest.raises(IsolationError):
        store.query(asked(output_fields=["text"]))
    with pytest.raises(IsolationError):
        _ = store.client


def async_twins_agree(bench: StoreBench) -> None:
    """Each asynchronous method does what the other does."""

    async def all_of_them() -> None:
        store = bench.store()
        found = await store.aquery(asked())
        assert sorted(found.ids or []) == bench.ids()
        assert await store.aget_nodes(bench.ids("globex")) == []
        await store.adelete_nodes(bench.ids("globex"))
        await store.adelete("doc-0")
        assert len(bench.rows("acme")) == 3
        await store.async_add(bench.nodes["acme"])
        with pytest.raises(IsolationError):
            await store.async_add(bench.signed("globex", 0))
        await store.aclear()

    before = bench.rows()
    asyncio.run(all_of_them())
    assert (bench.rows(), bench.rows("acme")) == (before, [])


def names_like_numbers_stay_apart(bench: StoreBench) -> None:
    """Tenants whose names are equal as numbers, or no numbers at all, see their own."""
    for name in ("1", "1.0", "01", "nan", "1e0"):
        bench.store(name).add(bench.signed(name, 0))
    for name in ("1", "1.0", "01", "nan", "1e0"):
        found = bench.store(name).query(asked()).nodes or []
        assert [node.get_content() for node in found] == [f"Note 0 of {name}."]


def unsigned_nodes_are_refused(bench: StoreBench) -> None:
    """A node that names the tenant and was never signed is not stored."""
    [node] = bench.signed("acme", 0)
    node.metadata = {}
    stamp(node, tenant="acme", source="handbook", position=0, digest=Digest("ab" * 32))
    before = bench.backend.rows()
    with pytest.raises(RagbastionError):
        bench.store().add([node])
    assert bench.backend.rows() == before


class _Allowed:
    """A refusal is as good as an empty answer."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: object, _trace: object) -> bool:
        return isinstance(error, RagbastionError)


CHECKS: tuple[Callable[[StoreBench], None], ...] = (
    query_finds_all_own,
    best_are_own,
    listing_is_own,
    foreign_ids_are_not_read,
    foreign_ids_are_not_searched,
    foreign_ids_are_not_deleted,
    a_document_of_the_same_name_stays,
    deleting_by_filter_keeps_to_own,
    clearing_keeps_to_own,
    a_foreign_node_is_not_added,
    a_foreign_row_is_not_written_over,
    a_moved_node_is_not_returned,
    adding_again_replaces,
    the_tenant_cannot_be_named,
    an_or_does_not_widen,
    values_are_not_code,
    native_options_are_refused,
    async_twins_agree,
    names_like_numbers_stay_apart,
    unsigned_nodes_are_refused,
)
