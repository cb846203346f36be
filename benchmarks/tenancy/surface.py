"""Every other name of the installed client: administration, raw parts, what a release adds.

None of them is for a tenant. Each is looked up on the client under test and, if it can be called,
called with arguments that fit its signature.
"""

from __future__ import annotations

import inspect
from typing import Any

from qdrant_client import QdrantClient, models

from .answers import Answer
from .calls import GENERATED, Call
from .canaries import SCHEMA, VICTIMS
from .epochs import Pair
from .findings import Finding, Kind, Tally
from .worlds import World

ADMINISTRATION, RAW, UNKNOWN = "administration", "raw client", "harmless"
"""The tags of these attacks: by what the name reaches."""

_HARMLESS = frozenset(
    {
        "DEFAULT_BATCH_SIZE",
        "cloud_inference",
        "get_embedding_size",
        "list_image_models",
        "list_late_interaction_multimodal_models",
        "list_late_interaction_text_models",
        "list_sparse_models",
        "list_text_models",
        "local_inference_batch_size",
    }
)
"""Names that tell of the library and of no data."""


def names(raw: Any) -> list[str]:
    """Return what a client has besides its methods for points: public names and its own parts."""
    kept = {name for name in dir(raw) if not name.startswith("_")} - set(GENERATED) - {"close"}
    return sorted(kept | {name for name in vars(raw) if not name.startswith("__")})


def attack_surface(pair: Pair, seed: int, tally: Tally) -> None:
    """Reach for each name; what gives nothing away and raises is refused."""
    pair.reset()
    for name in names(pair.full.raw):
        call = Call(method=name, arguments={}, tags=frozenset({_tag(pair.full.raw, name)}))
        full, twin = (_reached(world, name) for world in (pair.full, pair.twin))
        found = _verdict(pair, call, full, twin)
        _count(pair, seed, tally, call, full, found)
        if found or full.error is None:
            pair.reset()
    _attack_close(pair, seed, tally)


def _attack_close(pair: Pair, seed: int, tally: Tally) -> None:
    """Close one tenant's client: the store must go on serving the others."""
    call = Call(method="close", arguments={}, tags=frozenset({"plain"}))
    full, twin = (world.attempt(world.attacker, "close", {}) for world in (pair.full, pair.twin))
    _count(pair, seed, tally, call, full, pair.verdict(call, full, twin) or pair.truth())
    pair.reset()


def _count(
    pair: Pair, seed: int, tally: Tally, call: Call, full: Answer, found: tuple[Kind, str] | None
) -> None:
    kind = found[0] if found else None
    tally.count(call.method, call.tags, raised=full.error is not None, kind=kind)
    if found:
        place = f"seed {seed}, every name"
        tally.findings.append(Finding.of(pair.subject.name, call, *found, place=place))


def _verdict(pair: Pair, call: Call, full: Answer, twin: Answer) -> tuple[Kind, str] | None:
    if full.error is not None:
        return pair.verdict(call, full, twin) or pair.truth()
    if found := pair.verdict(call, full, twin) or pair.truth():
        return found
    if UNKNOWN in call.tags:
        return None
    return Kind.REACH, "a name that is not for tenants was reached"


def _tag(raw: Any, name: str) -> str:
    if name in _HARMLESS:
        return UNKNOWN
    return ADMINISTRATION if _is_method(raw, name) else RAW


def _is_method(raw: Any, name: str) -> bool:
    """Say whether the client's class has a method of this name; a property is asked for nothing."""
    return inspect.isroutine(inspect.getattr_static(type(raw), name, None))


def _reached(world: World, name: str) -> Answer:
    """Return what looking at the name, and calling it if it is a method, gives."""
    if not _is_method(world.raw, name):
        found = world.attempt(world.attacker, name, {}, call=False)
        # What a part of the client looks like differs between two stores by its address.
        return found if found.error is not None else Answer(value=type(found.value).__name__)
    if world.subject.raw is not None:
        # On a server that others use, what is reachable is told and not done.
        found = world.attempt(world.attacker, name, {}, call=False)
        return found if found.error is not None else Answer(value="reachable")
    arguments = _arguments(world, getattr(world.raw, name))
    answer = world.attempt(world.attacker, name, arguments)
    copied = arguments.get("dest_client")
    if copied is not None and answer.error is None:
        return Answer(value=sorted(each.name for each in copied.get_collections().collections))
    return answer


def _arguments(world: World, method: Any) -> dict[str, Any]:
    named = inspect.signature(method).parameters
    given = {
        "collection_name": world.docs,
        "field_name": "topic",
        "vector_name": "terms",
        "snapshot_name": "any.snapshot",
        "location": f"file:///{world.docs}.snapshot",
        "shard_id": 0,
        "shard_key": VICTIMS[0],
        "peer_id": 1,
        "model_name": "any",
        "cluster_operation": None,
        "dest_client": QdrantClient(":memory:") if "dest_client" in named else None,
        "change_aliases_operations": [_alias(world)],
        "vectors_config": SCHEMA["vectors_config"],
    }
    return {
        parameter.name: given.get(parameter.name)
        for parameter in named.values()
        if parameter.default is parameter.empty
        and parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
    }


def _alias(world: World) -> models.CreateAliasOperation:
    alias = models.CreateAlias(collection_name=world.shadow, alias_name=f"{world.prefix}mine")
    return models.CreateAliasOperation(create_alias=alias)
