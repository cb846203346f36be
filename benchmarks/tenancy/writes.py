"""Writes: points, choices of points, payloads and the operations of a batch."""

from __future__ import annotations

from typing import Any

from qdrant_client import models

from .canaries import MULTI, SECOND, TERMS, VICTIMS, WORDS, random_vectors
from .draw import RESERVED_KEYS, Draw
from .filters import some_filter, user_filter

_NAMES = (SECOND, MULTI, WORDS, TERMS)


def payload(draw: Draw) -> dict[str, Any]:
    """Return a payload without canaries; in some calls it claims to be another tenant's."""
    made: dict[str, Any] = {
        "note": f"note {draw.rng.randint(0, 9)}",
        "topic": draw.one(("x", "y", "z")),
        "group": draw.one(("g1", "g2", "g3")),
        "n": draw.rng.randint(1, 99_999),
    }
    for key in draw.rng.sample(list(made), draw.rng.randint(0, 3)):
        del made[key]
    if draw.names_tenant or draw.chance(0.04):
        draw.tags.add("forged")
        key = draw.known.tenant_key if draw.chance(0.6) else draw.one(RESERVED_KEYS)
        made[key] = draw.one((*VICTIMS, list(VICTIMS), 101))
    return made


def point(draw: Draw) -> models.PointStruct:
    """Return a point under an id of one's own or, to overwrite it, of another tenant."""
    return models.PointStruct(id=draw.valid_id(), vector=_vectors(draw), payload=payload(draw))


def points(draw: Draw, least: int = 1) -> list[models.PointStruct]:
    """Return some points."""
    return draw.some(lambda: point(draw), 3, least)


def points_or_batch(draw: Draw) -> Any:
    """Return points as a list or as columns."""
    listed = points(draw)
    return _columns(listed) if draw.chance(0.25) else listed


def moved(draw: Draw) -> list[models.PointVectors]:
    """Return new vectors for some points."""
    return draw.some(
        lambda: models.PointVectors(id=draw.valid_id(), vector=_some_vectors(draw)), 3, 1
    )


def chosen(draw: Draw) -> Any:
    """Return a choice of points in one of the forms that the client takes."""
    if draw.chance(0.55):
        ids = draw.some(draw.valid_id, 3, 1)
        return models.PointIdsList(points=ids) if draw.chance(0.3) else ids
    picked = narrow_filter(draw)
    return models.FilterSelector(filter=picked) if draw.chance(0.4) else picked


def narrow_filter(draw: Draw) -> models.Filter:
    """Return a filter that mostly leaves few of one's points, so that some are left to attack."""
    if draw.chance(0.35):
        return some_filter(draw, 2)
    few: Any = models.HasIdCondition(has_id=draw.some(draw.valid_id, 2, 1))
    return models.Filter(must=[few, some_filter(draw, 1)])


def path(draw: Draw) -> str | None:
    """Return what `set_payload` takes as ``key``: mostly none."""
    if draw.names_tenant:
        return draw.key()
    return draw.one((None, None, None, "deep", "extra", "rows[0]"))


def keys(draw: Draw) -> list[str]:
    """Return payload keys to be deleted."""
    return draw.some(draw.key, 2, 1)


def vector_names(draw: Draw) -> list[str]:
    """Return names of vectors to be deleted; the one that most queries use stays."""
    return draw.some(lambda: draw.one(_NAMES), 2, 1)


def operation(draw: Draw) -> models.UpdateOperation:
    """Return one operation of a batch."""
    made: models.UpdateOperation = draw.weighted(
        (
            (3.0, lambda: models.UpsertOperation(upsert=_upsert(draw))),
            (0.7, lambda: models.DeleteOperation(delete=_selector(draw))),
            (1.0, lambda: models.SetPayloadOperation(set_payload=_set_payload(draw, path(draw)))),
            (1.0, lambda: models.OverwritePayloadOperation(
                overwrite_payload=_set_payload(draw, None))),
            (0.7, lambda: models.ClearPayloadOperation(clear_payload=_selector(draw))),
            (0.7, lambda: models.DeletePayloadOperation(
                delete_payload=models.DeletePayload(keys=keys(draw), **_places(draw)))),
            (1.0, lambda: models.UpdateVectorsOperation(
                update_vectors=models.UpdateVectors(
                    points=moved(draw), update_filter=draw.maybe(lambda: user_filter(draw), 0.2)))),
            (0.7, lambda: models.DeleteVectorsOperation(
                delete_vectors=models.DeleteVectors(vector=vector_names(draw), **_places(draw)))),
        )
    )  # fmt: skip
    return made


def _upsert(draw: Draw) -> models.PointsList | models.PointsBatch:
    rest: dict[str, Any] = {
        "update_filter": draw.maybe(lambda: user_filter(draw), 0.2),
        "update_mode": draw.maybe(lambda: draw.one(list(models.UpdateMode)), 0.2),
    }
    listed = points(draw)
    if draw.chance(0.25):
        return models.PointsBatch(batch=_columns(listed), **rest)
    return models.PointsList(points=listed, **rest)


def _selector(draw: Draw) -> Any:
    picked = chosen(draw)
    if isinstance(picked, list):
        return models.PointIdsList(points=picked)
    return models.FilterSelector(filter=picked) if isinstance(picked, models.Filter) else picked


def _set_payload(draw: Draw, key: str | None) -> models.SetPayload:
    return models.SetPayload(payload=payload(draw), key=key, **_places(draw))


def _places(draw: Draw) -> dict[str, Any]:
    if draw.chance(0.5):
        return {"points": draw.some(draw.valid_id, 3, 1)}
    return {"filter": narrow_filter(draw)}


def _vectors(draw: Draw) -> dict[str, Any]:
    return random_vectors(draw.rng, own_terms=range(10, 20))


def _some_vectors(draw: Draw) -> dict[str, Any]:
    made = _vectors(draw)
    return {name: made[name] for name in draw.rng.sample(list(made), draw.rng.randint(1, 3))}


def _columns(listed: list[models.PointStruct]) -> models.Batch:
    vectors: list[Any] = [each.vector for each in listed]
    return models.Batch(
        ids=[each.id for each in listed],
        vectors={name: [each[name] for each in vectors] for name in vectors[0]},
        payloads=[each.payload or {} for each in listed],
    )
