"""What a Cedar schema says of actions, arguments and resource types, for building requests.

The schema is the one list of what exists: an action, an argument or a resource type that it does
not declare is unknown, and what is unknown is denied. The JSON form of the schema language is used
because it can be read here; ``cedar translate-schema`` turns it into the human form and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import UsageError

_LONG_LIMIT = 2**63
_PYTHON_TYPES: Mapping[str, type] = {"Long": int, "String": str, "Boolean": bool}
_EMPTY_RECORD: Mapping[str, Any] = {"type": "Record", "attributes": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The type of an attribute: a kind of Cedar's, with the attributes or element it holds."""

    kind: str
    required: bool = True
    attributes: Mapping[str, Shape] = field(default_factory=dict)
    element: Shape | None = None

    def problem(self, value: object) -> str | None:
        """Say why ``value`` does not have this type, or return None."""
        if self.kind == "Set":
            return self._set_problem(value)
        expected = _PYTHON_TYPES.get(self.kind)
        if expected is None or type(value) is not expected:  # bool is an int: compare exactly
            return f"is {type(value).__name__}, expected {self.kind}"
        if isinstance(value, int) and not -_LONG_LIMIT <= value < _LONG_LIMIT:
            return "is too large for a 64-bit integer"
        return None

    def _set_problem(self, value: object) -> str | None:
        if not isinstance(value, (list, tuple, set, frozenset)):
            return f"is {type(value).__name__}, expected a list"
        problems = (self.element.problem(item) for item in value) if self.element else ()
        return next((f"holds an item that {text}" for text in problems if text), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionShape:
    """An action: which resource types it applies to, and its context record."""

    name: str
    resource_types: tuple[str, ...]
    context: Shape

    @property
    def arguments(self) -> Mapping[str, Shape]:
        """The arguments that policies may look at, by name."""
        args = self.context.attributes.get("args")
        return args.attributes if args else {}


class SchemaShape:
    """The declarations of one namespace of a Cedar schema in JSON form."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        if len(document) != 1 or not next(iter(document)):
            raise UsageError("policy schema refused: it must declare exactly one named namespace")
        self.namespace, body = next(iter(document.items()))
        self._common: Mapping[str, Any] = body.get("commonTypes", {})
        self.entities = {
            name: self._shape(entity.get("shape", _EMPTY_RECORD)).attributes
            for name, entity in body.get("entityTypes", {}).items()
        }
        self._words = _type_words(body.get("entityTypes", {}))
        self.actions = {
            name: self._action(name, action)
            for name, action in body.get("actions", {}).items()
            if action.get("appliesTo")
        }
        if not self.actions or "Agent" not in self.entities or "Role" not in self.entities:
            raise UsageError(
                "policy schema refused: it needs entity types Agent and Role and at least one "
                "action with appliesTo"
            )

    def type_named(self, word: str) -> str | None:
        """Return the entity type that ``word`` names, by name or ``@alias``, in any case."""
        return self._words.get(word.casefold())

    def _action(self, name: str, action: Mapping[str, Any]) -> ActionShape:
        applies = action["appliesTo"]
        return ActionShape(
            name=name,
            resource_types=tuple(applies.get("resourceTypes", ())),
            context=self._shape(applies.get("context", _EMPTY_RECORD)),
        )

    def _shape(self, declared: Mapping[str, Any], required: bool = True) -> Shape:
        kind = str(declared["name" if declared["type"] == "EntityOrCommon" else "type"])
        if kind in self._common:
            return self._shape(self._common[kind], required)
        attributes = {
            name: self._shape(inner, inner.get("required", True))
            for name, inner in declared.get("attributes", {}).items()
        }
        element = self._shape(declared["element"]) if "element" in declared else None
        return Shape(kind=kind, required=required, attributes=attributes, element=element)


def _type_words(types: Mapping[str, Any]) -> dict[str, str]:
    words: dict[str, str] = {}
    for name, declared in types.items():
        aliases = declared.get("annotations", {}).get("alias", "")
        for word in [name, *aliases.split(",")]:
            if not word.strip():
                continue
            key = word.strip().casefold()
            if words.setdefault(key, name) != name:
                raise UsageError(
                    f"policy schema refused: '{word}' names both {words[key]} and {name}"
                )
    return words
