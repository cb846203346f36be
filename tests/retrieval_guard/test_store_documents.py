"""Document access and sealed texts on every real store, alone and under the shared suite."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from llama_index.core.schema import BaseNode, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQueryMode,
)
from ragbastion import Settings, TenantContext, operator_context
from ragbastion.core.errors import AccessError, IsolationError, UsageError
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_tenancy import AccessSettings
from ragbastion.ingest.provenance import BatchSigner, ChunkVerifier
from ragbastion.retrieval_guard import GuardedVectorStore, ProvenanceTransform, StoreTraits
from ragbastion.retrieval_guard.llama_access import NodeAccess
from ragbastion.retrieval_guard.llama_nodes import scoped_id
from ragbastion.tenancy import AccessLabel, DocumentAccess, PayloadCipher, TenantKeys
from ragbastion.tenancy.access_labels import ACCESS_PREFIX, DELETED_AT, OWNER
from ragbastion.tenancy.encryption import LocalKeyEncryption

from .store_backends import BACKENDS, Backend, opened
from .store_bench import StoreBench, asked, vector
from .store_checks import CHECKS

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


def person(principal: str, **more: Any) -> TenantContext:
    """Return a principal of acme."""
    return operator_context(tenant="acme", principal=principal, **more)


ANN = person("ann", clearance=2)
BOB = person("bob", groups=["sales"], clearance=1)
CURATOR = person("cy", roles=["curator"], clearance=3)


class Library:
    """A backend, and a guarded store for each person."""

    def __init__(self, backend: Backend, settings: Settings) -> None:
        self.backend = backend
        self.events = MemoryEventSink()
        self.signer = BatchSigner(settings.state_dir, settings.provenance)
        self.verifier = ChunkVerifier(settings.state_dir)
        self.keys = TenantKeys(
            settings.state_dir / "keys.db",
            LocalKeyEncryption(secrets.token_bytes(32)),
            self.events,
        )
        self.access: DocumentAccess | None = DocumentAccess(AccessSettings(), self.events)
        self.cipher: PayloadCipher | None = None

    def store(self, who: TenantContext, **more: Any) -> GuardedVectorStore:
        """Return a person's store."""
        return GuardedVectorStore(
            self.backend.inner(who),
            context=who,
            verifier=self.verifier,
            events=self.events,
            collection="shared",
            access=self.access,
            cipher=self.cipher,
            **more,
        )

    def nodes(
        self, *names: str, text: str = "", label: AccessLabel | None = None, **metadata: Any
    ) -> list[BaseNode]:
        """Return signed nodes of acme; a node's text is its name unless given."""
        sign = ProvenanceTransform(
            self.signer, tenant="acme", source="handbook", collection="shared"
        )
        keys = {} if label is None else label.as_payload()
        plain = [
            TextNode(
                id_=name,
                text=text or name,
                embedding=vector(name),
                metadata={**metadata, **keys},
            )
            for name in names
        ]
        return list(sign(plain))

    def reads(self, who: TenantContext, k: int = 50, **more: Any) -> list[str]:
        """Return the texts that a person's query finds, sorted."""
        nodes = self.store(who).query(asked(k, **more)).nodes or []
        return sorted(node.get_content() for node in nodes)

    def close(self) -> None:
        """Close the state files."""
        self.keys.close()
        self.verifier.close()
        self.signer.close()


@pytest.fixture(params=BACKENDS)
def library(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Library]:
    """A library on each backend."""
    with opened(request.param, lambda: request.getfixturevalue("postgres")) as backend:
        made = Library(backend, settings)
        yield made
        made.close()


@pytest.mark.parametrize("unlabelled", ["deny", "allow"])
def test_each_reader_finds_what_is_admitted(library: Library, unlabelled: str) -> None:
    """Query, listing and reading by id find each admitted node, and nothing else."""
    settings = AccessSettings.model_validate({"unlabelled": unlabelled})
    open_ = AccessSettings(unlabelled="allow")
    library.access = None
    library.store(CURATOR).add(library.nodes("bare"))
    library.access = DocumentAccess(open_, library.events)
    labels = {
        f"{groups} {users} {department} {level}": AccessLabel(
            owner="ann",
            groups=frozenset(groups),
            users=frozenset(users),
            department=department,
            classification=level,
        )
        for groups, users, department, level in product(
            [(), ("sales", "a:b'c")], [(), ("eve",)], ["", "law"], [0, 2]
        )
    }
    nodes = [node for text, label in labels.items() for node in library.nodes(text, label=label)]
    library.store(CURATOR).add(nodes)
    library.access = access = DocumentAccess(settings, library.events)
    ids = [node.node_id for node in nodes]
    for reader in (
        ANN,
        BOB,
        person("eve", department="law"),
        person("zoe", groups=["a:b'c"], clearance=3),
        CURATOR,
    ):
        admitted = [t for t, label in labels.items() if access.admits(reader, label.as_payload())]
        expected = sorted(admitted + (["bare"] if unlabelled == "allow" else []))
        assert library.reads(reader) == expected
        listed = library.store(reader).get_nodes()
        assert sorted(node.get_content() for node in listed) == expected
        named = library.store(reader).get_nodes(ids)
        assert sorted(node.get_content() for node in named) == sorted(admitted)
        assert not any(key.startswith(ACCESS_PREFIX) for node in listed for key in node.metadata)


def test_closed_nodes_take_no_place(library: Library) -> None:
    """The nearest readable node is found past nearer ones that are closed."""
    library.store(ANN).add(library.nodes(*(f"closed {at}" for at in range(20))))
    open_ = library.nodes("open", label=AccessLabel(groups=frozenset({"sales"})))
    open_[0].embedding = [-value for value in vector("0")]
    sign = ProvenanceTransform(
        library.signer, tenant="acme", source="handbook", collection="shared"
    )
    library.store(ANN).add(sign(open_))
    assert library.reads(BOB, 1) == ["open"]


def test_only_an_owner_writes_over_and_deletes(library: Library) -> None:
    """Who may read a node can neither replace nor delete it, by id, filter, document or clear."""
    shared = AccessLabel(groups=frozenset({"sales"}))
    library.store(ANN).add(library.nodes("note", label=shared, lang="en"))
    store = library.store(BOB)
    with pytest.raises(AccessError):
        store.add(library.nodes("note"))
    [node] = store.get_nodes()
    store.delete_nodes([node.node_id])
    store.delete_nodes(filters=MetadataFilters(filters=[MetadataFilter(key="lang", value="en")]))
    store.clear()
    assert library.reads(BOB) == ["note"]
    library.store(ANN).delete_nodes([node.node_id])
    assert library.backend.rows() == []


def test_a_rewritten_node_keeps_its_label(library: Library) -> None:
    """Adding a node again without a label leaves it open to the same readers."""
    library.store(ANN).add(library.nodes("note", label=AccessLabel(users=frozenset({"bob"}))))
    library.store(ANN).add(library.nodes("note"))
    assert library.reads(BOB) == ["note"]
    assert library.reads(person("eve")) == []


def test_labels_are_set_by_who_may(library: Library) -> None:
    """A label that names another owner or more clearance than the writer's is refused."""
    for label in (AccessLabel(owner="bob"), AccessLabel(classification=3)):
        with pytest.raises(AccessError):
            library.store(ANN).add(library.nodes("note", label=label))
    [node] = library.nodes("gone")
    node.metadata[DELETED_AT] = 1.0
    with pytest.raises(AccessError):
        library.store(ANN).add([node])
    assert library.backend.rows() == []


def relabel(library: Library, name: str, **keys: Any) -> None:
    """Write over label keys of a stored node past the guard."""
    inner = library.backend.inner(ANN)
    [node] = inner.get_nodes([scoped_id("acme", name)])
    node.embedding = vector(name)
    node.metadata.update(keys)
    inner.delete_nodes([node.node_id])
    inner.add([node])


def test_a_label_that_nobody_gave_opens_nothing(library: Library) -> None:
    """A node that the store opens to another is withheld from all and audited; others are not."""
    library.store(ANN).add(library.nodes("note", "other"))
    relabel(library, "note", **{OWNER: "eve"})
    assert library.reads(person("eve")) == []
    assert library.reads(ANN) == ["other"]
    [dropped] = [event for event in library.events.events if event.kind == "retrieve.dropped"]
    [(node_id, reason)] = dropped.detail["nodes"].items()
    assert (node_id, "access label is not" in reason) == (scoped_id("acme", "note"), True)


def test_an_owner_in_the_store_changes_nothing(library: Library) -> None:
    """Whoever is planted as the owner of a node can neither write over nor delete it."""
    library.store(ANN).add(library.nodes("note"))
    relabel(library, "note", **{OWNER: "eve"})
    store = library.store(person("eve"))
    with pytest.raises(AccessError):
        store.add(library.nodes("note"))
    store.delete_nodes([scoped_id("acme", "note")])
    assert len(library.backend.rows()) == 1


def test_an_owner_relabels_and_mends_a_node(library: Library) -> None:
    """Adding a node again with another label, or over one that was changed, raises no alarm."""
    library.store(ANN).add(library.nodes("note", label=AccessLabel(groups=frozenset({"sales"}))))
    library.store(ANN).add(library.nodes("note", label=AccessLabel(users=frozenset({"eve"}))))
    assert (library.reads(BOB), library.reads(person("eve"))) == ([], ["note"])
    relabel(library, "note", **{OWNER: "mallory"})
    library.store(ANN).add(library.nodes("note"))
    assert library.reads(person("eve")) == ["note"]
    assert "retrieve.dropped" not in {event.kind for event in library.events.events}


def test_a_label_needs_access(library: Library) -> None:
    """A label that nothing would hold is refused rather than stored."""
    library.access = None
    with pytest.raises(UsageError, match="access=DocumentAccess"):
        library.store(ANN).add(library.nodes("note", label=AccessLabel(owner="ann")))


def test_filters_do_not_name_labels(library: Library) -> None:
    """A caller cannot ask for the label of what it reads."""
    probing = MetadataFilters(filters=[MetadataFilter(key=ACCESS_PREFIX + "owner", value="ann")])
    with pytest.raises(IsolationError, match="guard sets itself"):
        library.store(BOB).query(asked(filters=probing))


def test_texts_are_sealed_in_the_store(library: Library) -> None:
    """The store holds no word of the text; readers get it as it was, twice written or not."""
    library.cipher = PayloadCipher(library.keys, fields=("text", "author"))
    for _ in range(2):
        nodes = library.nodes("n1", text="Quarterly figures", author="ann the author", year=1)
        library.store(ANN).add(nodes)
    rows = library.backend.rows()
    assert len(rows) == 1
    assert "figures" not in str(rows)
    assert "rbseal1." in rows[0][2]
    assert library.reads(ANN) == ["Quarterly figures"]
    [node] = library.store(ANN).get_nodes([scoped_id("acme", "n1")])
    assert (node.metadata["author"], node.metadata["year"]) == ("ann the author", 1)
    inner = library.backend.inner(ANN).get_nodes([node.node_id])
    assert str(inner[0].metadata["author"]).startswith("rbseal1.")


def test_the_callers_nodes_stay_open(library: Library) -> None:
    """Adding seals copies."""
    library.cipher = PayloadCipher(library.keys)
    nodes = library.nodes("Quarterly figures")
    library.store(ANN).add(nodes)
    assert nodes[0].get_content() == "Quarterly figures"


def test_a_moved_or_plain_text_is_withheld(library: Library) -> None:
    """A sealed text under another id, and one that is not sealed, are left out; others are not."""
    library.cipher = PayloadCipher(library.keys)
    library.store(ANN).add(library.nodes("one", "two", "three"))
    inner = library.backend.inner(ANN)
    [one] = inner.get_nodes([scoped_id("acme", "one")])
    [two] = inner.get_nodes([scoped_id("acme", "two")])
    [three] = inner.get_nodes([scoped_id("acme", "three")])
    one.embedding, two.embedding = vector("one"), vector("two")
    one.set_content(three.get_content())
    two.set_content("two")
    inner.delete_nodes([one.node_id, two.node_id])
    inner.add([one, two])
    assert library.reads(ANN) == ["three"]
    [dropped] = [event for event in library.events.events if event.kind == "retrieve.dropped"]
    assert set(dropped.detail["nodes"]) == {one.node_id, two.node_id}


def test_sealed_texts_are_not_compared(library: Library) -> None:
    """A query by words, or a filter on a sealed key, is refused."""
    library.cipher = PayloadCipher(library.keys, fields=("text", "author"))
    store = library.store(ANN)
    with pytest.raises(UsageError, match="sealed"):
        store.query(asked(mode=VectorStoreQueryMode.HYBRID, query_str="figures"))
    by_author = MetadataFilters(filters=[MetadataFilter(key="author", value="ann")])
    with pytest.raises(UsageError, match="sealed"):
        store.query(asked(filters=by_author))


class SealedBench(StoreBench):
    """The suite's bench, whose stores seal texts and hold documents to labels."""

    cipher: PayloadCipher
    access: DocumentAccess

    def _guarded(
        self, inner: BasePydanticVectorStore, who: TenantContext
    ) -> BasePydanticVectorStore:
        return GuardedVectorStore(
            inner,
            context=who,
            verifier=self.verifier,
            events=self.events,
            collection="shared",
            access=self.access,
            cipher=self.cipher,
        )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_suite_holds_with_both(
    check: Callable[[StoreBench], None], library: Library, settings: Settings
) -> None:
    """What every store must do it does with labels and sealed texts as well."""
    SealedBench.cipher = PayloadCipher(library.keys)
    SealedBench.access = DocumentAccess(AccessSettings(), library.events)
    check(SealedBench(library.backend, library.signer, library.verifier))


def test_a_store_of_unknown_kind_is_rechecked(settings: Settings) -> None:
    """Of a store that nothing is known of no filter is asked, and labels are kept as flat texts."""
    access = DocumentAccess(AccessSettings(), MemoryEventSink())
    held = NodeAccess(access, BOB, StoreTraits())
    assert held.condition is None
    label = AccessLabel(owner="bob", groups=frozenset({"sales"})).as_payload()
    [written] = NodeAccess(access, BOB, StoreTraits()).labelled(
        [TextNode(id_="n", text="t", metadata=label)], {}
    )
    assert written.metadata[ACCESS_PREFIX + "groups"] == '["sales"]'
    assert held.admitted([written]) == [written]
    written.metadata[ACCESS_PREFIX + "groups"] = "sales"
    written.metadata[ACCESS_PREFIX + "owner"] = "ann"
    assert held.admitted([written]) == []
