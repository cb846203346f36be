"""Which values are sealed, and which spelled otherwise would have stayed readable."""

from typing import Any

import pytest
from ragbastion.core.errors import InputError, UsageError
from ragbastion.tenancy.encryption.payload_fields import SealedFields


@pytest.mark.parametrize(
    "names",
    [
        [],
        "text",
        ["text", "text"],
        ["metadata", "metadata.title"],
        ["metadata.title", "metadata"],
        ["tenant"],
        ["tenant.x"],
        ["_ragbastion_id"],
        [""],
        ["a..b"],
        ["a[0]"],
        ["a" * 300],
    ],
)
def test_wrong_fields_are_refused(names: Any) -> None:
    """None, doubles, overlaps, reserved and malformed names."""
    with pytest.raises(UsageError, match="refused"):
        SealedFields(names)


def test_values_are_found_and_replaced_in_a_copy() -> None:
    """What is not there is left out, and the payload given stays as it was."""
    fields = SealedFields(["text", "metadata.title", "absent", "metadata.a.b"])
    payload = {"text": "a", "metadata": {"title": None, "page": 1}, "source": "s"}
    assert fields.values(payload) == {"text": "a", "metadata.title": None}
    new = fields.replaced(payload, {"text": "x", "metadata.title": "y"})
    assert new == {"text": "x", "metadata": {"title": "y", "page": 1}, "source": "s"}
    assert payload == {"text": "a", "metadata": {"title": None, "page": 1}, "source": "s"}


@pytest.mark.parametrize(
    "payload",
    [
        {"metadata": [{"title": "secret"}]},
        {"metadata.title": "secret", "metadata": {}},
        {"metadata.title": "secret"},
    ],
)
def test_values_spelled_otherwise_are_refused(payload: dict[str, Any]) -> None:
    """A list on the way and a key with a dot would keep the value readable."""
    with pytest.raises(InputError, match="sealed field"):
        SealedFields(["metadata.title"]).values(payload)


@pytest.mark.parametrize(
    "key",
    [
        "text",
        '"text"',
        " text ",
        "text[]",
        "text[0]",
        "text.inner",
        "metadata",
        "metadata.title",
        'metadata."title"',
        "metadata[].title",
        "metadata.title[0].x",
    ],
)
def test_a_filter_on_a_sealed_field_is_refused(key: str) -> None:
    """In every spelling of the path, and above or below it."""
    with pytest.raises(UsageError, match="filter refused"):
        SealedFields(["text", "metadata.title"]).refuse(["source", key], "filter")


@pytest.mark.parametrize("key", ["source", "texts", "metadata.page", "textual", "a.text"])
def test_a_filter_on_another_field_passes(key: str) -> None:
    """A field is no part of another because of its letters."""
    SealedFields(["text", "metadata.title"]).refuse([key], "filter")
