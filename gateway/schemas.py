"""The bodies of the requests: checked on the way in, unknown fields refused.

Who asks is not among them: that comes from the key. Where a body may name a tenant, principal or
roles, a tenant's key may only repeat its own, and an administrator's key speaks for others.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from ..tenancy import AccessLabel
from ..tenancy.access_labels import MAX_NAMES

_MAX_DOCUMENTS = 1_000


def _valid_unicode(text: str) -> str:
    """Refuse lone surrogates, which no later step could encode."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("holds a lone surrogate, which is not valid Unicode") from None
    return text


Text = Annotated[StrictStr, AfterValidator(_valid_unicode)]
Name = Annotated[Text, Field(min_length=1, max_length=256)]
Names = Annotated[list[Name], Field(max_length=64)]
Level = Annotated[StrictInt, Field(ge=0, le=3)]
Identity = Name | StrictInt | float | StrictBool | None
"""An id that is given back as it came, so that a caller can match answers to requests."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextBody(_Body):
    """A text (untrusted) to scan, strip or redact."""

    text: Text
    id: Identity = None


class RedactBody(TextBody):
    """A text to redact; ``entities`` names the types to mask, all of them if left out."""

    entities: Annotated[list[Name], Field(min_length=1, max_length=100)] | None = None


class OnBehalf(_Body):
    """For whom an administrator's key asks; a tenant's key may only repeat its own, or take less.

    ``groups``, ``department`` and ``clearance`` decide with the principal which documents it reads.
    """

    tenant: Name | None = None
    principal: Name | None = None
    roles: Names | None = None
    groups: Names | None = None
    department: Annotated[Text, Field(max_length=256)] | None = None
    clearance: Level | None = None


class LabelBody(_Body):
    """Who may read a document; what is left out is as `AccessLabel` says."""

    owner: Annotated[Text, Field(max_length=256)] = ""
    users: Annotated[list[Name], Field(max_length=MAX_NAMES)] = []
    groups: Annotated[list[Name], Field(max_length=MAX_NAMES)] = []
    department: Annotated[Text, Field(max_length=256)] = ""
    classification: Level | None = None

    def access_label(self) -> AccessLabel:
        """Return the label; raise `UsageError` for a name that is not valid."""
        return AccessLabel(
            owner=self.owner,
            users=frozenset(self.users),
            groups=frozenset(self.groups),
            department=self.department,
            classification=self.classification,
        )


class DocumentBody(_Body):
    """One document; without an ``id`` it is known by the digest of its text."""

    text: Text
    id: Name | None = None
    title: Annotated[Text, Field(max_length=1_000)] = ""
    url: Annotated[Text, Field(max_length=2_000)] = ""


class IngestBody(OnBehalf):
    """Documents of one source for one collection, with one label; without it they keep theirs."""

    source: Name
    documents: Annotated[list[DocumentBody], Field(min_length=1, max_length=_MAX_DOCUMENTS)]
    collection: Name | None = None
    label: LabelBody | None = None


class FileQuery(_Body):
    """How a file comes in; a label is made of ``owner``, ``users`` and the fields after them."""

    name: Name
    source: Name
    tenant: Name | None = None
    collection: Name | None = None
    principal: Name | None = None
    roles: Names | None = None
    clearance: Annotated[int, Field(ge=0, le=3)] | None = None
    owner: Name | None = None
    users: Names | None = None
    groups: Names | None = None
    department: Name | None = None
    classification: Annotated[int, Field(ge=0, le=3)] | None = None

    def on_behalf(self) -> OnBehalf:
        """Return whom the query names."""
        return OnBehalf(
            tenant=self.tenant,
            principal=self.principal,
            roles=self.roles,
            clearance=self.clearance,
        )

    def access_label(self) -> AccessLabel | None:
        """Return the label that the query names, None if it names nothing of one."""
        parts = (self.owner, self.users, self.groups, self.department, self.classification)
        if all(part is None for part in parts):
            return None
        return AccessLabel(
            owner=self.owner or "",
            users=frozenset(self.users or ()),
            groups=frozenset(self.groups or ()),
            department=self.department or "",
            classification=self.classification,
        )


class NamedDocumentBody(OnBehalf):
    """A document of a source, as a retrieval names both."""

    source: Name
    document: Annotated[Text, Field(min_length=1, max_length=4_096)]
    collection: Name | None = None


class LabelDocumentBody(NamedDocumentBody):
    """A document, and who may read it from now on."""

    label: LabelBody


class RetrieveBody(OnBehalf):
    """A query; ``session`` ties several requests of one conversation together."""

    query: Annotated[Text, Field(min_length=1, max_length=20_000)]
    collection: Name | None = None
    limit: Annotated[StrictInt, Field(ge=1, le=200)] | None = None
    session: Annotated[Text, Field(max_length=256)] = ""


class AuthorizeBody(OnBehalf):
    """A proposed action; what is missing or unknown denies."""

    action: Any = None
    resource: Any = None
    args: Any = None
    session: Any = None
    id: Identity = None

    def session_id(self) -> str:
        """Return the session itself, or its field ``id``; empty if there is neither."""
        named = self.session.get("id") if isinstance(self.session, dict) else self.session
        return named if isinstance(named, str) else ""
