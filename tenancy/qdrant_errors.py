"""What qdrant-client raises, turned into our errors; its texts can tell of other tenants' data.

Local mode, for one, names the number of all rows of a collection when a vector has a wrong shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from ..core.errors import CollectionNotFoundError, RagbastionError, StoreError, StoreFullError


@contextmanager
def translated(collection: str) -> Iterator[None]:
    """Turn what qdrant-client raises in the block into `StoreError` and its children."""
    try:
        yield
    except RagbastionError:
        raise
    except UnexpectedResponse as error:
        raise _refused(error, collection) from error
    except ResponseHandlingException as error:
        raise StoreError(
            "the Qdrant server cannot be reached: check its address and that it runs"
        ) from error
    except Exception as error:
        if isinstance(error, ValueError) and f"{collection} not found" in str(error):
            raise _missing(collection) from error
        raise StoreError(
            f"collection '{collection}' cannot serve the call ({type(error).__name__} of "
            "qdrant-client): check the arguments, their dimension and their vector names"
        ) from error


def _refused(error: UnexpectedResponse, collection: str) -> StoreError:
    text = bytes(error.content or b"").decode(errors="replace").lower()
    if error.status_code == 404 and "collection" in text:
        return _missing(collection)
    if error.status_code in {401, 403}:
        return StoreError("the Qdrant server refuses the API key: set store_api_key")
    if error.status_code == 507 or "no space left" in text:
        return StoreFullError("the Qdrant server has no space left: free some and run again")
    return StoreError(
        f"the Qdrant server refused the call on collection '{collection}' "
        f"(HTTP {error.status_code})"
    )


def _missing(collection: str) -> CollectionNotFoundError:
    return CollectionNotFoundError(
        f"collection '{collection}' does not exist on the Qdrant server: ingest into it first"
    )
