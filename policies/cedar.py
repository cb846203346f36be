"""The only module that imports cedarpy: parse, validate and decide, in our own words.

Policies travel as Cedar's JSON form keyed by their ``@id``, so a determining policy is named by the
id that its author gave it and not by its place in a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..core.errors import MissingExtraError, UsageError

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CedarAnswer:
    """Cedar's answer: allowed or not, which policies determined it, what failed on the way."""

    allowed: bool
    determining: tuple[str, ...]
    errors: tuple[str, ...]


def _cedarpy() -> ModuleType:
    try:
        import cedarpy
    except ImportError as error:
        raise MissingExtraError(
            "policies need cedarpy: pip install 'ragbastion[policy]'"
        ) from error
    return cedarpy


class CedarSchema:
    """A parsed schema handle; raises `UsageError` if the JSON is not a Cedar schema."""

    def __init__(self, document: Json) -> None:
        try:
            self.handle = _cedarpy().Schema.from_json_str(json.dumps(document))
        except ValueError as error:
            raise UsageError(f"policy schema refused: {error}") from error

    def problems(self, policies: str) -> list[tuple[str, str]]:
        """Return (policy id, message) for every policy of a file that does not fit the schema."""
        result = _cedarpy().validate_policies(policies, self.handle)
        names = result.id_annotations_by_policy_id
        return [
            (names.get(problem.policy_id, problem.policy_id), problem.error)
            for problem in result.errors
        ]


def parse_policies(text: str) -> tuple[list[Json], int]:
    """Return the static policies of a Cedar text in JSON form, and how many templates it holds.

    Raises `UsageError` with Cedar's own message if the text does not parse.
    """
    try:
        document = json.loads(_cedarpy().policies_to_json_str(text))
    except ValueError as error:
        raise UsageError(f"policy text does not parse: {error}") from error
    return list(document["staticPolicies"].values()), len(document["templates"])


class CedarPolicySet:
    """A policy set and its schema, parsed once and held as handles."""

    def __init__(self, policies: Mapping[str, Json], schema: CedarSchema) -> None:
        self._cedarpy = _cedarpy()
        self._schema = schema.handle
        document = {"templates": {}, "templateLinks": [], "staticPolicies": dict(policies)}
        self._policies = self._cedarpy.PolicySet.from_json_str(json.dumps(document))

    def decide(self, request: Json, entities: Sequence[Json]) -> CedarAnswer:
        """Decide one request; one that does not fit the schema is an error, never an allow."""
        try:
            result = self._cedarpy.is_authorized(
                dict(request), self._policies, list(entities), self._schema
            )
        except (ValueError, TypeError) as error:
            return CedarAnswer(allowed=False, determining=(), errors=(str(error),))
        diagnostics = result.diagnostics
        errors = tuple(diagnostics.errors)
        if result.decision is self._cedarpy.Decision.NoDecision and not errors:
            errors = ("Cedar gave no decision",)
        # Cedar skips a policy that errors, forbids included: an allow beside an error is no allow.
        return CedarAnswer(
            allowed=result.allowed and not errors,
            determining=tuple(sorted(diagnostics.reasons)),
            errors=errors,
        )
