"""``/v1/ingest`` and ``/v1/retrieve``: documents in, guarded context out, for the key's tenant."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from ..core.errors import UsageError
from .answers import RetrieveAnswer
from .caller import Caller, claim_of, context_of, count_probe, writer_of
from .contract import Fields
from .json_route import StrictJsonRoute
from .schemas import DocumentBody, FileQuery, IngestBody, RetrieveBody
from .security import BEARER

if TYPE_CHECKING:
    from ..retrieval_guard import Guard

API_FILE = "api.jsonl"
"""The name under which documents of JSON bodies are known: document ids are ``api.jsonl#<id>``."""


def data_router(guard: Guard) -> APIRouter:
    """Return the routes that take JSON."""
    router = APIRouter(
        prefix="/v1", tags=["documents"], route_class=StrictJsonRoute, dependencies=[BEARER]
    )

    @router.post("/ingest", response_model=None)
    def ingest(body: IngestBody, caller: Caller) -> Mapping[str, Any]:
        """Scan, sign and store documents; what looks like an attack is quarantined."""
        label = None if body.label is None else body.label.access_label()
        writer = writer_of(caller, claim_of(body), label)
        collection = body.collection or guard.settings.collection
        report = guard.ingest_bytes(
            _lines(body.documents),
            API_FILE,
            tenant=writer.context.tenant,
            source=body.source,
            collection=collection,
            writer=writer,
        )
        return report.as_dict()

    # Told, and not applied: what the guard wrote goes out as it is.
    @router.post("/retrieve", response_model=None, responses={200: {"model": RetrieveAnswer}})
    def retrieve(body: RetrieveBody, caller: Caller) -> Mapping[str, Any]:
        """Return guarded context for a query, with the evidence for it."""
        claim = claim_of(body)
        count_probe(guard, caller, claim, session=body.session)
        context = context_of(caller, claim, session=body.session)
        collection = body.collection or guard.settings.collection
        return guard.retrieve(
            body.query, context, collection=collection, limit=body.limit
        ).as_dict()

    return router


def file_router(guard: Guard) -> APIRouter:
    """Return the route that takes the bytes of a file."""
    router = APIRouter(prefix="/v1", tags=["documents"], dependencies=[BEARER])

    @router.post("/ingest/file", response_model=None, openapi_extra=_BINARY_BODY)
    async def ingest_file(
        request: Request,
        caller: Caller,
        query: Annotated[FileQuery, Query()],
    ) -> Mapping[str, Any]:
        """Ingest one file of any supported format; ``name`` tells the format by its ending."""
        writer = writer_of(caller, claim_of(query.on_behalf()), query.access_label())
        data = await request.body()
        report = await run_in_threadpool(
            guard.ingest_bytes,
            data,
            _file_name(query.name),
            tenant=writer.context.tenant,
            source=query.source,
            collection=query.collection or guard.settings.collection,
            writer=writer,
        )
        return report.as_dict()

    return router


_BINARY_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _lines(documents: list[DocumentBody]) -> bytes:
    """Return documents as the JSON Lines that the loader reads."""
    return b"\n".join(json.dumps(_row(document)).encode("utf-8") for document in documents)


def _row(document: DocumentBody) -> Fields:
    # A line number would name another document in the next request, so the text names it.
    identity = document.id or hashlib.sha256(document.text.encode("utf-8")).hexdigest()[:32]
    row: Fields = {"id": identity, "text": document.text}
    if document.title:
        row["title"] = document.title
    if document.url:
        row["url"] = document.url
    return row


def _file_name(name: str) -> str:
    if not name.isprintable() or name != name.strip() or {"/", "\\"} & set(name) or name[0] == ".":
        raise UsageError("file name refused: give a plain name without a folder")
    return name
