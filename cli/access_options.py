"""Options that say who asks and who may read a document, and what they are made into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..tenancy import AccessLabel

Principal = Annotated[
    str | None, typer.Option("--principal", help="Who asks; your user name if left out.")
]
Roles = Annotated[
    list[str] | None, typer.Option("--role", help="A role of the principal; repeat it.")
]
Groups = Annotated[
    list[str] | None, typer.Option("--group", help="A group of the principal; repeat it.")
]
Department = Annotated[str, typer.Option("--department", help="The department of the principal.")]
Clearance = Annotated[
    int,
    typer.Option(
        "--clearance",
        min=0,
        max=3,
        help="Up to which classification the principal reads: 0 public to 3 secret.",
    ),
]

Owner = Annotated[
    str, typer.Option("--owner", help="Who owns the document; the principal if left out.")
]
LabelUsers = Annotated[
    list[str] | None, typer.Option("--user", help="A principal who may read it; repeat it.")
]
LabelGroups = Annotated[
    list[str] | None, typer.Option("--group", help="A group whose members may read it; repeat it.")
]
LabelDepartment = Annotated[
    str, typer.Option("--department", help="A department that may read it.")
]
Classification = Annotated[
    int | None,
    typer.Option(
        "--classification",
        min=0,
        max=3,
        help="What clearance its readers need: 0 public to 3 secret.",
    ),
]


def label_of(
    owner: str,
    users: list[str] | None,
    groups: list[str] | None,
    department: str,
    classification: int | None,
) -> AccessLabel | None:
    """Return the label that options name, None if they name nothing of one."""
    from ..tenancy import AccessLabel

    if not (owner or users or groups or department) and classification is None:
        return None
    return AccessLabel(
        owner=owner,
        users=frozenset(users or ()),
        groups=frozenset(groups or ()),
        department=department,
        classification=classification,
    )
