"""How a point carries its tenant."""

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragbastion.core.chunk import TenantId
from ragbastion.core.errors import IsolationError
from ragbastion.tenancy.point_identity import ID_KEY, TENANT_KEY, namespaced_id, restored

ACME = TenantId("acme")
NAMESPACE = UUID("6f1c9d0e-6f0c-5d0b-9a5e-2b7f3c1d8e42")


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.integers())
def test_stored_ids_are_uuid5_of_the_standard_library(logical: str | int) -> None:
    """Stores that exist keep their ids: they are what `uuid.uuid5` makes of the three parts."""
    kind = "int" if isinstance(logical, int) else "str"
    assert namespaced_id(ACME, logical) == uuid5(NAMESPACE, f"acme\x00{kind}\x00{logical}")


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.integers())
def test_a_point_of_the_tenant_is_restored(logical: str | int) -> None:
    """Whether an engine gives the stored id as a UUID or as text, the caller's id comes back."""
    stored = namespaced_id(ACME, logical)
    payload = {TENANT_KEY: "acme", ID_KEY: logical, "a": 1}
    for id_ in (stored, str(stored)):
        assert restored(ACME, id_, payload) == (logical, {TENANT_KEY: "acme", "a": 1})


@pytest.mark.parametrize("bit", range(0, 128, 7))
def test_an_id_that_is_off_by_a_bit_is_foreign(bit: int) -> None:
    """A point under any other id is withheld, as a UUID and as text."""
    other = UUID(int=namespaced_id(ACME, "c1").int ^ 1 << bit)
    for id_ in (other, str(other)):
        with pytest.raises(IsolationError, match="its id does not belong"):
            restored(ACME, id_, {TENANT_KEY: "acme", ID_KEY: "c1"})


@pytest.mark.parametrize("spelled", [str.upper, lambda text: text.replace("-", "")])
def test_another_spelling_of_the_id_is_foreign(spelled: object) -> None:
    """An id as text counts in its canonical form alone."""
    id_ = spelled(str(namespaced_id(ACME, "c1")))  # type: ignore[operator]
    with pytest.raises(IsolationError, match="its id does not belong"):
        restored(ACME, id_, {TENANT_KEY: "acme", ID_KEY: "c1"})


@pytest.mark.parametrize("logical", [True, None, 1.0, ["c1"]])
def test_what_is_no_id_is_foreign(logical: object) -> None:
    """A payload whose id is neither text nor integer was not written through the guard."""
    with pytest.raises(IsolationError, match="its id does not belong"):
        restored(ACME, namespaced_id(ACME, 1), {TENANT_KEY: "acme", ID_KEY: logical})


@pytest.mark.parametrize("tenant", ["globex", None, "ACME"])
def test_a_payload_of_another_tenant_is_foreign(tenant: str | None) -> None:
    """A fitting id does not help a payload that names another tenant, or none."""
    with pytest.raises(IsolationError, match="it is not of tenant"):
        restored(ACME, namespaced_id(ACME, "c1"), {TENANT_KEY: tenant, ID_KEY: "c1"})
