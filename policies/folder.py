"""A folder of policies: one schema, any number of Cedar files, checked as a whole.

What is checked beyond Cedar's own validation: every policy has a unique ``@id`` and a ``@reason``;
annotations are ones that are known here, because a mistyped ``@obligation`` would silently mask
nothing; no templates; at least one permit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import UsageError
from .cedar import CedarSchema, parse_policies
from .schema import SchemaShape

SCHEMA_FILE = "schema.cedarschema.json"
EXAMPLES = Path(__file__).parent / "examples"
APPROVAL = "REQUIRE_APPROVAL"

_ANNOTATIONS = frozenset({"id", "reason", "effect_on_deny", "obligation", "approvers"})
_OBLIGATION = re.compile(r"[a-z_]+(?::[A-Za-z0-9_.@-]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy: its id, the file it stands in, its Cedar JSON form and its annotations."""

    id: str
    file: str
    body: Mapping[str, Any]

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations by name; a bare annotation has the value None."""
        found: Mapping[str, str] = self.body.get("annotations", {})
        return found

    @property
    def effect(self) -> str:
        """``permit`` or ``forbid``."""
        return str(self.body["effect"])

    @property
    def asks(self) -> bool:
        """Whether the forbid yields to an approval."""
        return self.annotations.get("effect_on_deny") == APPROVAL

    @property
    def reason(self) -> str:
        """The sentence that says why."""
        return self.annotations.get("reason") or ""

    @property
    def obligations(self) -> tuple[str, ...]:
        """What must be done if the policy has a part in an allow or an approval."""
        listed = (self.annotations.get("obligation") or "").split(",")
        approvers = self.annotations.get("approvers")
        found = [item.strip() for item in listed if item.strip()]
        return (*found, f"approval:{approvers}") if approvers else tuple(found)

    def roles(self) -> frozenset[str]:
        """Return the roles that the policy names."""
        return frozenset(_role_ids(self.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyProblem:
    """What is wrong with one file or policy of a folder."""

    file: str
    policy: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file} '{self.policy}'" if self.policy else self.file
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCheck:
    """The report on a folder; ``policies`` are the ids found, in file order."""

    directory: str
    files: tuple[str, ...]
    policies: tuple[str, ...]
    actions: tuple[str, ...]
    problems: tuple[PolicyProblem, ...]

    @property
    def ok(self) -> bool:
        """Whether the folder can be used."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON form."""
        return {
            "directory": self.directory,
            "ok": self.ok,
            "files": list(self.files),
            "policies": list(self.policies),
            "actions": list(self.actions),
            "problems": [str(problem) for problem in self.problems],
        }


class PolicyFolder:
    """Everything read from a folder, with the problems found; `require` raises if there are any."""

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory or EXAMPLES
        self.problems: list[PolicyProblem] = []
        self.policies: dict[str, Policy] = {}
        self.files: list[str] = []
        self.shape: SchemaShape | None = None
        self.schema: CedarSchema | None = None
        if not self.directory.is_dir():
            raise UsageError(
                f"policy folder '{self.directory}' does not exist: create it, or unset "
                "policy.directory to use the shipped examples"
            )
        self._read_schema()
        for path in sorted(self.directory.glob("*.cedar")):
            self._read_policies(path)
        if not any(policy.effect == "permit" for policy in self.policies.values()):
            self._problem(str(self.directory.name), "", "no policy permits anything: all is denied")

    def check(self) -> PolicyCheck:
        """Return the report."""
        return PolicyCheck(
            directory=str(self.directory),
            files=tuple(self.files),
            policies=tuple(self.policies),
            actions=tuple(self.shape.actions) if self.shape else (),
            problems=tuple(self.problems),
        )

    def require(self) -> tuple[SchemaShape, CedarSchema]:
        """Return both forms of the schema, or raise `UsageError` listing every problem."""
        if self.problems or self.shape is None or self.schema is None:
            listed = "; ".join(str(problem) for problem in self.problems)
            raise UsageError(f"policy folder '{self.directory}' refused: {listed}")
        return self.shape, self.schema

    def _problem(self, file: str, policy: str, message: str) -> None:
        self.problems.append(PolicyProblem(file=file, policy=policy, message=message))

    def _read_schema(self) -> None:
        path = self.directory / SCHEMA_FILE
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            self.schema = CedarSchema(document)
            self.shape = SchemaShape(document)
        except (OSError, ValueError, UsageError) as error:
            self._problem(SCHEMA_FILE, "", f"cannot be used: {error}")

    def _read_policies(self, path: Path) -> None:
        self.files.append(path.name)
        try:
            text = path.read_text(encoding="utf-8")
            bodies, templates = parse_policies(text)
        except (OSError, ValueError, UsageError) as error:
            self._problem(path.name, "", str(error))
            return
        if templates:
            self._problem(path.name, "", "templates are not supported: write static policies")
        for body in bodies:
            self._add(Policy(id=_id_of(body), file=path.name, body=body))
        if self.schema is not None:
            for policy, message in self.schema.problems(text):
                self._problem(path.name, policy, message)

    def _add(self, policy: Policy) -> None:
        for message in _complaints(policy):
            self._problem(policy.file, policy.id, message)
        if policy.id in self.policies:
            self._problem(
                policy.file, policy.id, f"@id is used in {self.policies[policy.id].file} too"
            )
        if policy.id:
            self.policies.setdefault(policy.id, policy)


def _id_of(body: Mapping[str, Any]) -> str:
    return body.get("annotations", {}).get("id") or ""


def _complaints(policy: Policy) -> Iterator[str]:
    if not policy.id:
        yield "a policy without @id: give each one a unique @id"
    if not policy.reason:
        yield "no @reason: say in one sentence why"
    for name in sorted(set(policy.annotations) - _ANNOTATIONS):
        yield f"unknown annotation @{name}: known are {sorted(_ANNOTATIONS)}"
    if policy.annotations.get("effect_on_deny", APPROVAL) != APPROVAL:
        yield f"@effect_on_deny must be {APPROVAL!r}"
    if policy.asks and policy.effect != "forbid":
        yield "@effect_on_deny belongs on a forbid"
    if "obligation" in policy.annotations and not policy.obligations:
        yield "@obligation is empty"
    for item in policy.obligations:
        if not _OBLIGATION.fullmatch(item):
            yield f"obligation '{item}' is not of the form name or name:value"
    if policy.effect == "forbid" and "obligation" in policy.annotations and not policy.asks:
        yield "@obligation on a forbid that only denies would never be seen"


def _role_ids(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        if str(node.get("type", "")).endswith("::Role") and isinstance(node.get("id"), str):
            yield node["id"]
        for inner in node.values():
            yield from _role_ids(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _role_ids(inner)
