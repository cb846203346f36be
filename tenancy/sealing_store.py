"""What every store says of the payload fields that it keeps sealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.chunk import TenantId
from ..core.store import StoredPoint
from .point_records import require_openable

if TYPE_CHECKING:
    from .encryption.payload_cipher import PayloadCipher


class SealingStore:
    """A store with a cipher, or with none."""

    _cipher: PayloadCipher | None

    @property
    def sealed_fields(self) -> tuple[str, ...]:
        """Return the payload fields that are kept sealed."""
        return self._cipher.fields if self._cipher is not None else ()

    def require_openable(self, tenant: TenantId, points: Sequence[StoredPoint]) -> None:
        """Raise `SealError` or `ErasedTenantError` unless these points of a snapshot open here."""
        require_openable(tenant, points, self._cipher)
