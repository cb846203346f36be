"""Each error has its status, and no answer says more than the caller may know."""

import asyncio
import json

import pytest
from fastapi import Request
from ragbastion.core import errors
from ragbastion.gateway.errors import _unexpected, refusal

TABLE = [
    (errors.UsageError, 400),
    (errors.CredentialError, 401),
    (errors.AccessError, 403),
    (errors.IsolationError, 403),
    (errors.PolicyError, 403),
    (errors.CollectionNotFoundError, 404),
    (errors.UnknownTenantError, 404),
    (errors.ModelMismatchError, 409),
    (errors.ProvenanceError, 409),
    (errors.RevokedError, 409),
    (errors.ReplayedError, 409),
    (errors.RelabelledError, 409),
    (errors.MovedError, 409),
    (errors.NotBelievedError, 409),
    (errors.TransparencyError, 409),
    (errors.RollbackError, 409),
    (errors.ForkError, 409),
    (errors.ClockError, 409),
    (errors.FreezeError, 409),
    (errors.QuorumError, 409),
    (errors.AuditError, 409),
    (errors.BackupError, 409),
    (errors.SealError, 409),
    (errors.ErasedTenantError, 410),
    (errors.LimitError, 413),
    (errors.QuotaError, 429),
    (errors.LoadError, 422),
    (errors.VectorError, 422),
    (errors.SettingsError, 500),
    (errors.RagbastionError, 500),
    (errors.StoreError, 503),
    (errors.StoreLockedError, 503),
    (errors.StoreFullError, 503),
    (errors.DamagedLogError, 503),
    (errors.TenantKeyError, 503),
    (errors.DetectorError, 503),
    (errors.MissingExtraError, 503),
]


@pytest.mark.parametrize(("kind", "status"), TABLE)
def test_an_error_has_its_status(kind: type[errors.RagbastionError], status: int) -> None:
    """The body names the type of the error."""
    answer = refusal(kind("why"))
    assert answer.status_code == status
    assert json.loads(answer.body)["error"]["type"] == kind.__name__


def _tree(kind: type[errors.RagbastionError]) -> set[type[errors.RagbastionError]]:
    return {kind}.union(*(_tree(child) for child in kind.__subclasses__()))


def test_every_error_is_in_the_table() -> None:
    """A new error of ours needs a row, unless its parent's status fits."""
    ours = {kind for kind in _tree(errors.RagbastionError) if kind.__module__ == errors.__name__}
    parents = {errors.InputError, errors.IntegrityError}
    assert ours - {kind for kind, _ in TABLE} == parents


@pytest.mark.parametrize(
    "kind", [errors.StoreError, errors.SettingsError, errors.UnknownTenantError]
)
def test_a_path_stays_on_this_side(kind: type[errors.RagbastionError]) -> None:
    """Messages that may name paths are replaced by general ones."""
    assert b"/secret/path" not in refusal(kind("'/secret/path' is locked")).body


def test_503_says_when_to_come_again() -> None:
    """A client that honours Retry-After does not hammer."""
    assert refusal(errors.StoreLockedError("x")).headers["Retry-After"] == "1"


def test_an_unexpected_error_tells_nothing() -> None:
    """Its message may hold a document's text."""
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": []})
    answer = asyncio.run(_unexpected(request, ValueError("the text of a document")))
    assert answer.status_code == 500
    assert b"document" not in answer.body


def test_quota_says_when_to_come_back() -> None:
    """In whole seconds, rounded up; not at all where waiting does not help."""
    waits = [(0.2, "1"), (2.0, "2"), (2.1, "3"), (None, None)]
    for retry_after_s, header in waits:
        answer = refusal(errors.QuotaError("why", retry_after_s=retry_after_s))
        assert (answer.status_code, answer.headers.get("Retry-After")) == (429, header)
