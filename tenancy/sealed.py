"""Types that are made from a verified credential, and by no other way that happens by accident.

- INVARIANT: `VERIFIED` is used by the verifiers of this package, `operator_context` and what
  narrows a context, and by nobody else. Code in this process can fetch it; a request cannot.
- INVARIANT: calling, unpickling, `dataclasses.replace`, subclassing, a pydantic field or a FastAPI
  parameter of a sealed type are errors. A copy is the object itself.
"""

from __future__ import annotations

from typing import NoReturn, Self

from ..core.errors import UsageError


def _refused(name: str, what: str) -> UsageError:
    return UsageError(
        f"{name} refused: {what}. It comes from a verifier (ApiKeys, JwtVerifier, "
        "JwtSvidVerifier), or from operator_context() in a program that has authenticated its "
        "caller itself"
    )


class Proof:
    """That a credential was verified; there is one, `VERIFIED`."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> NoReturn:
        raise _refused("TenantContext", "it is no type for request data")


VERIFIED = Proof()


class Sealed:
    """Base of the types that need a proof to be made; see the invariants of this module."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        if Sealed not in cls.__bases__:
            raise _refused(cls.__mro__[1].__name__, "it has no subclasses")

    def __new__(
        cls,
        *args: object,  # noqa: ARG004 - taken so that any call gets the error below
        _proof: Proof | None = None,
        **fields: object,  # noqa: ARG004
    ) -> Self:
        """Raise `UsageError` unless the caller holds the proof."""
        if _proof is not VERIFIED:
            raise _refused(cls.__name__, "it is not made by calling its class")
        return object.__new__(cls)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # Unpickled elsewhere it would outlive its credential, and a pickle can be edited.
        raise _refused(
            type(self).__name__, "it is not pickled; verify the credential where it is used"
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> NoReturn:
        raise _refused(cls.__name__, "it is no type for request data")
