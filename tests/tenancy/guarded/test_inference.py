"""Objects to be embedded pass where vectors stand, and read nothing of this machine."""

from pathlib import Path
from typing import Any

import pytest
from qdrant_client import models
from ragbastion.core.errors import IsolationError, UsageError
from ragbastion.tenancy import operator_context
from ragbastion.tenancy.guarded.points import stamped_point
from ragbastion.tenancy.guarded.querying import query_points
from ragbastion.tenancy.guarded.scope import TenantScope
from ragbastion.tenancy.guarded.vectors import confined_vectors

TEXT = models.Document(text="what is it", model="qdrant/bm25", options={"k": 1.2})
UNSAFE = [
    models.Document(text="a", model="m", options={"cache_dir": "models"}),
    models.Document(text="a", model="m", options={"specific_model_path": "model"}),
    models.Image(image="private.png", model="m"),
    models.Image(image=Path("private.png"), model="m"),
    models.InferenceObject(object="private.png", model="m"),
]


def scope(**fields: Any) -> TenantScope:
    """Return acme's scope."""
    return TenantScope(context=operator_context(tenant="acme", principal="app"), **fields)


def test_document_travels_as_the_query_with_words_of_the_tenant() -> None:
    """It is passed as it is; its model may be a sparse one, so the corpus is the tenant's."""
    asked = next(query_points(scope(), "docs", TEXT, using="words"))
    assert asked.kwargs["query"] == TEXT
    assert asked.kwargs["search_params"].idf.corpus == scope().filters.owned()


@pytest.mark.parametrize(
    "query",
    [
        models.NearestQuery(nearest=TEXT),
        models.RecommendQuery(recommend=models.RecommendInput(positive=[TEXT])),
        models.ContextQuery(context=models.ContextPair(positive=TEXT, negative=[1.0])),
    ],
)
def test_document_passes_as_an_example(query: Any) -> None:
    """Wherever a query takes a vector, it takes a text to embed."""
    asked = next(query_points(scope(), "docs", query))
    assert repr(TEXT) in repr(asked.kwargs["query"])


@pytest.mark.parametrize("given", UNSAFE, ids=repr)
def test_what_reaches_into_the_machine_is_refused(given: Any) -> None:
    """Loader options and paths of images, in a query, a prefetch, a point and named vectors."""
    prefetch = models.Prefetch(query=models.NearestQuery(nearest=given))
    for arguments in ({"query": given}, {"query": [1.0], "prefetch": prefetch}):
        with pytest.raises(UsageError, match="inference refused"):
            next(query_points(scope(), "docs", **arguments))
    for vector in (given, {"dense": given}):
        with pytest.raises(UsageError, match="inference refused"):
            stamped_point(scope(), models.PointStruct(id=1, vector=vector))
        with pytest.raises(UsageError, match="inference refused"):
            confined_vectors(scope(), [models.PointVectors(id=1, vector=vector)])


@pytest.mark.parametrize("given", UNSAFE, ids=repr)
def test_server_that_embeds_is_sent_them_as_they_are(given: Any) -> None:
    """With cloud_inference nothing is opened here."""
    asked = next(query_points(scope(remote_inference=True), "docs", given))
    assert asked.kwargs["query"] == given


def test_loaded_image_passes() -> None:
    """An image that is in memory opens no path."""
    image = models.Image(image=object(), model="m")
    assert next(query_points(scope(), "docs", image)).kwargs["query"] == image


def test_document_is_not_a_list_of_numbers() -> None:
    """Hidden in a list it is not embedded, and not passed."""
    with pytest.raises(IsolationError, match="type list"):
        next(query_points(scope(), "docs", [TEXT]))
