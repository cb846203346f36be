"""One tree of errors; each message says what was refused, why, and what to do.

    RagbastionError
    ├── UsageError                  the caller asked for something that cannot be meant
    │   └── SettingsError           a setting or environment variable is wrong
    ├── InputError                  one document, line, query or vector is refused; others go on
    │   ├── LoadError               a file cannot be read as its format
    │   ├── LimitError              a size, depth, page, part or time limit was passed
    │   └── VectorError             a vector has NaN, infinity or the wrong dimension
    ├── AccessError                 the caller may not do this
    │   ├── CredentialError         no credential, or one that does not verify
    │   ├── IsolationError          a call would have crossed a tenant boundary
    │   ├── QuotaError              the tenant has used up its points or calls
    │   └── PolicyError             a policy denies, or no policy could decide
    ├── IntegrityError              evidence does not verify
    │   ├── ProvenanceError         a chunk's proof, key or source does not hold
    │   │   ├── RevokedError        what is evidenced so was revoked by a person
    │   │   ├── NotBelievedError    signed, but by a key or source that may not say this
    │   │   ├── MovedError          signed for another tenant, source, collection or id
    │   │   ├── ReplayedError       a chunk of a version that its document no longer has
    │   │   └── RelabelledError     a point with an access label that its document does not have
    │   ├── SealError               a sealed value does not open, or a value is not sealed
    │   ├── AuditError              the audit log was altered
    │   ├── BackupError             a backup was altered, cut, or is of another tenant
    │   └── TransparencyError       the transparency log, a checkpoint or a proof does not verify
    │       ├── RollbackError       the log is smaller than it was
    │       ├── ForkError           the log shows another history than it did
    │       ├── ClockError          time ran back between two checkpoints
    │       ├── FreezeError         the newest checkpoint is older than allowed
    │       └── QuorumError         too few witnesses have cosigned
    ├── StoreError                  the vector store or a state file cannot serve the call
    │   ├── StoreLockedError        another process holds the store
    │   ├── StoreFullError          no space is left; nothing was half written
    │   ├── DamagedLogError         the file of the transparency log is cut or corrupt
    │   ├── CollectionNotFoundError the collection does not exist
    │   ├── UnknownTenantError      the collection holds nothing of that tenant
    │   ├── ModelMismatchError      the collection was built with another embedding model
    │   └── TenantKeyError          a key that sealing or opening needs is missing or refused
    │       └── ErasedTenantError   the tenant's keys were dropped for good
    ├── DetectorError               a detector failed, so that nothing was judged
    └── MissingExtraError           an optional dependency is not installed

Messages name ids, paths and limits, never document text, secrets or personal data.
"""

from __future__ import annotations


class RagbastionError(Exception):
    """Root of every error that a public function of ragbastion raises."""


class UsageError(RagbastionError):
    """The call itself is wrong: an unknown name, an empty list, a value out of range."""


class SettingsError(UsageError):
    """A setting in ``ragbastion.toml`` or a ``RAGBASTION_…`` variable is not valid."""


class InputError(RagbastionError):
    """One item of input is refused; the other items go on."""


class LoadError(InputError):
    """A file cannot be read as the format that it claims."""


class LimitError(InputError):
    """An input is larger, deeper, longer or slower than the settings allow."""


class VectorError(InputError):
    """A vector has the wrong shape, or holds NaN or infinity."""


class AccessError(RagbastionError):
    """The caller may not do this."""


class CredentialError(AccessError):
    """There is no credential, or it does not verify."""


class IsolationError(AccessError):
    """A call would have crossed a tenant boundary; nothing was returned or changed."""


class QuotaError(AccessError):
    """A tenant has used up what it may store or call; nothing was written.

    ``retry_after_s`` is how long to wait before the same call can pass, or None where waiting does
    not help.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PolicyError(AccessError):
    """A policy denies the action, or the policies could not decide."""


class IntegrityError(RagbastionError):
    """Evidence does not verify."""


class ProvenanceError(IntegrityError):
    """A chunk's proof, its signing key or its source does not hold."""


class RevokedError(ProvenanceError):
    """A revocation voids the statement that signed a chunk."""


class NotBelievedError(ProvenanceError):
    """A chunk is as it was signed, and its key, its source or the trust policy may not vouch."""


class MovedError(ProvenanceError):
    """A chunk was signed for another tenant, source, collection or id than where it stands."""


class ReplayedError(ProvenanceError):
    """A chunk was honestly signed, and is of a version that its document no longer has."""


class RelabelledError(ProvenanceError):
    """A point carries another access label, or another word on deletion, than its document has."""


class SealError(IntegrityError):
    """A sealed value was altered or moved, or a value that must be sealed is not."""


class AuditError(IntegrityError):
    """The audit log was altered, cut or reordered."""


class BackupError(IntegrityError):
    """A tenant's backup does not verify, or is of another tenant; nothing was restored."""


class TransparencyError(IntegrityError):
    """The transparency log, one of its checkpoints, proofs or cosignatures does not verify."""


class RollbackError(TransparencyError):
    """The log, or what feeds it, is smaller than a checkpoint that was seen before."""


class ForkError(TransparencyError):
    """The log does not hold what a checkpoint that was seen before holds: two histories exist."""


class ClockError(TransparencyError):
    """A checkpoint is dated before an earlier one, or the clock of this machine ran back."""


class FreezeError(TransparencyError):
    """The newest checkpoint is older than the settings allow: newer ones may be held back."""


class QuorumError(TransparencyError):
    """Fewer witnesses than the quorum have cosigned a checkpoint."""


class StoreError(RagbastionError):
    """The vector store or a state file cannot serve the call."""


class StoreLockedError(StoreError):
    """Another process holds the store."""


class StoreFullError(StoreError):
    """No space is left on the device; what was committed before stays readable."""


class DamagedLogError(StoreError):
    """The file of the transparency log is cut or corrupt; the message says what to restore."""


class CollectionNotFoundError(StoreError):
    """The named collection does not exist in the store."""


class UnknownTenantError(StoreError):
    """The collection holds nothing of the named tenant."""


class ModelMismatchError(StoreError):
    """The collection was built with another embedding model or dimension."""


class TenantKeyError(StoreError):
    """A data key or key-encryption key is missing, wrong, or may not be used."""


class ErasedTenantError(TenantKeyError):
    """The tenant was erased by dropping its keys; what they sealed cannot be opened again."""


class DetectorError(RagbastionError):
    """A detector failed while it read a text; what it would have said is unknown."""


class MissingExtraError(RagbastionError):
    """An optional dependency is needed and not installed; the message names the pip line."""
