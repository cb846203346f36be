"""The bodies of the requests: checked on the way in, unknown fields refused.

Who asks is not among them: that comes from the key. Where a body may name a tenant, principal or
roles, a tenant's key may only repeat its own, and an administrator's key speaks for others.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

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
    """For whom an administrator's key asks; a tenant's key may only repeat its own."""

    tenant: Name | None = None
    principal: Name | None = None
    roles: Annotated[list[Name], Field(max_length=64)] | None = None


class DocumentBody(_Body):
    """One document; without an ``id`` it is known by the digest of its text."""

    text: Text
    id: Name | None = None
    title: Annotated[Text, Field(max_length=1_000)] = ""
    url: Annotated[Text, Field(max_length=2_000)] = ""


class IngestBody(_Body):
    """Documents of one source for one collection."""

    source: Name
    documents: Annotated[list[DocumentBody], Field(min_length=1, max_length=_MAX_DOCUMENTS)]
    tenant: Name | None = None
    collection: Name | None = None


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
