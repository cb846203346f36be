"""Access conditions on Qdrant's real engine, with and without payload indexes."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import qdrant_edge as edge
from qdrant_client import models
from ragbastion.core.events import MemoryEventSink
from ragbastion.core.settings_tenancy import AccessSettings
from ragbastion.tenancy.access import DocumentAccess
from ragbastion.tenancy.access_labels import (
    CLASSIFICATION,
    DELETED_AT,
    DEPARTMENT,
    GROUPS,
    OWNER,
    USERS,
)
from ragbastion.tenancy.context import operator_context

FULL: dict[str, Any] = {OWNER: "ann", CLASSIFICATION: 1}
ROWS: list[dict[str, Any]] = [
    {},
    FULL,
    {**FULL, OWNER: "bob"},
    {**FULL, OWNER: ["bob", "ann"]},
    {**FULL, OWNER: "bob", USERS: ["cy", "ann"]},
    {**FULL, OWNER: "bob", GROUPS: ["it"]},
    {**FULL, OWNER: "bob", DEPARTMENT: "law"},
    {**FULL, CLASSIFICATION: 2},
    {**FULL, CLASSIFICATION: [0, 3]},
    {**FULL, CLASSIFICATION: "0"},
    {**FULL, CLASSIFICATION: True},
    {**FULL, CLASSIFICATION: None},
    {**FULL, CLASSIFICATION: -1},
    {OWNER: "ann"},
    {OWNER: None, USERS: [], GROUPS: None},
    {**FULL, DELETED_AT: 5.0},
    {**FULL, DELETED_AT: None},
    {**FULL, DELETED_AT: []},
]
READERS = [
    operator_context(tenant="acme", principal="ann", clearance=1),
    operator_context(tenant="acme", principal="eve", groups=["it"], department="law", clearance=3),
]


def of_engine(condition: Any) -> Any:
    """Return a condition of qdrant-client as the engine's own."""
    if isinstance(condition, models.Filter):
        parts = {
            name: None if listed is None else [of_engine(each) for each in listed]
            for name in ("must", "should", "must_not")
            for listed in [getattr(condition, name)]
        }
        return edge.Filter(**parts)
    if isinstance(condition, models.IsEmptyCondition):
        return edge.IsEmptyCondition(condition.is_empty.key)
    if condition.range is not None:
        bounds = condition.range
        return edge.FieldCondition(
            condition.key, range=edge.RangeFloat(gte=bounds.gte, gt=bounds.gt, lte=bounds.lte)
        )
    match = condition.match
    if isinstance(match, models.MatchAny):
        return edge.FieldCondition(condition.key, match=edge.MatchAny(match.any))
    return edge.FieldCondition(condition.key, match=edge.MatchValue(match.value))


@pytest.fixture(scope="module", params=["plain", "indexed"])
def shard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a shard of the engine that holds the rows."""
    folder: Path = tmp_path_factory.mktemp("shard")
    vectors = edge.EdgeVectorParams(size=1, distance=edge.Distance.Dot)
    made = edge.EdgeShard.create(str(folder), edge.EdgeConfig(vectors=vectors))
    points = [edge.Point(UUID(int=at), [1.0], row) for at, row in enumerate(ROWS)]
    made.update(edge.UpdateOperation.upsert_points(points))
    if request.param == "indexed":
        for key in (OWNER, USERS, GROUPS, DEPARTMENT):
            index = edge.PayloadSchemaType.Keyword
            made.update(edge.UpdateOperation.create_field_index(key, index))
        for key, index in (
            (CLASSIFICATION, edge.PayloadSchemaType.Integer),
            (DELETED_AT, edge.PayloadSchemaType.Float),
        ):
            made.update(edge.UpdateOperation.create_field_index(key, index))
    return made


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.principal)
@pytest.mark.parametrize("unlabelled", ["deny", "allow"])
def test_the_engine_finds_what_is_admitted(shard: Any, reader: Any, unlabelled: str) -> None:
    """The engine that servers run finds exactly the documents that the re-check admits."""
    chosen = AccessSettings.model_validate({"unlabelled": unlabelled})
    access = DocumentAccess(chosen, MemoryEventSink())
    for conditions, admits in (
        (access.conditions(reader), access.admits),
        (access.change_conditions(reader), access.may_change),
    ):
        mandatory = edge.Filter(must=[of_engine(each) for each in conditions])
        page, _ = shard.scroll(edge.ScrollRequest(limit=100, filter=mandatory))
        found = {UUID(str(record.id)).int for record in page}
        assert found == {at for at, row in enumerate(ROWS) if admits(reader, row)}
