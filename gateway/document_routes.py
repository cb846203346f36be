"""``/v1/documents``: hide a document, show it again, or say anew who may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from ..retrieval_guard.documents import DocumentName, Documents
from ..tenancy import Credential, TenantContext
from .caller import Caller, claim_of, context_of, count_probe
from .contract import Fields
from .json_route import StrictJsonRoute
from .schemas import LabelDocumentBody, NamedDocumentBody
from .security import BEARER

if TYPE_CHECKING:
    from ..retrieval_guard import Guard


def document_router(guard: Guard) -> APIRouter:
    """Return the routes; who may do what is decided by the document's label."""
    router = APIRouter(
        prefix="/v1/documents",
        tags=["documents"],
        route_class=StrictJsonRoute,
        dependencies=[BEARER],
    )

    @router.post("/delete", response_model=None)
    def delete(body: NamedDocumentBody, caller: Caller) -> Fields:
        """Hide a document from every reader; a curator can restore it."""
        documents, context = _opened(guard, body, caller)
        return _changed(body, documents.delete(_name(body), context))

    @router.post("/restore", response_model=None)
    def restore(body: NamedDocumentBody, caller: Caller) -> Fields:
        """Show a deleted document to its readers again."""
        documents, context = _opened(guard, body, caller)
        return _changed(body, documents.restore(_name(body), context))

    @router.post("/label", response_model=None)
    def label(body: LabelDocumentBody, caller: Caller) -> Fields:
        """Give a document another access label."""
        documents, context = _opened(guard, body, caller)
        return _changed(body, documents.label(_name(body), context, body.label.access_label()))

    return router


def _opened(
    guard: Guard, body: NamedDocumentBody, caller: Credential
) -> tuple[Documents, TenantContext]:
    claim = claim_of(body)
    count_probe(guard, caller, claim, session="")
    context = context_of(caller, claim)
    return guard.documents(context, body.collection or guard.settings.collection), context


def _name(body: NamedDocumentBody) -> DocumentName:
    return DocumentName(source=body.source, document=body.document)


def _changed(body: NamedDocumentBody, points: int) -> Fields:
    return {"source": body.source, "document": body.document, "points": points}
