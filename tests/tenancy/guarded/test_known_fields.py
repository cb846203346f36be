"""The table of request models is the installed client's."""

import pytest
from pydantic import BaseModel
from qdrant_client import models
from ragbastion.core.errors import IsolationError
from ragbastion.tenancy.guarded.known_fields import KNOWN_FIELDS, refuse_unknown_fields


@pytest.mark.parametrize("model", KNOWN_FIELDS, ids=lambda model: model.__name__)
def test_fields_are_the_installed_models(model: type[BaseModel]) -> None:
    """A field that a release adds or drops has to be looked at."""
    assert set(model.model_fields) == KNOWN_FIELDS[model]


def test_field_of_a_later_release_is_refused() -> None:
    """A model that carries a field the table does not know is not copied."""

    class Filter(models.Filter):
        """A filter as a later release may have it."""

    Filter.__name__ = "Later"
    with pytest.raises(IsolationError, match="type Later refused"):
        refuse_unknown_fields(Filter())
    known = models.Prefetch(limit=1)
    known.model_fields_set.add("from_another_tenant")
    with pytest.raises(IsolationError, match="does not know"):
        refuse_unknown_fields(known)
