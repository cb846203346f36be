"""Evidence as files of the field: envelopes out of a state folder and into another.

The envelopes stand in an attestation bundle as in-toto has it, a DSSE envelope a line, and the
public keys beside it (docs/provenance_formats.md).

- INVARIANT: an envelope comes in only if a key that is registered here for its tenant and source
  verifies it. A key comes in only if the caller names its id, which no bundle can do for him.
- INVARIANT: a line is kept byte for byte: its hash is the id that chunks name.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import ProvenanceError, UsageError
from ...core.settings_log import LogSettings
from ...core.sqlite import as_store_error, open_database, query
from .envelope import open_sealed
from .keys import key_id_of
from .log.logged_registry import LoggedRegistry
from .registry import SourceRegistry
from .source_records import ELSEWHERE

BUNDLE, KEYS = "attestations.intoto.jsonl", "keys.json"
_ENVELOPES_OF = """SELECT envelope FROM envelopes
    WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR source = ?2) ORDER BY rowid"""
_KEYS_OF = """SELECT key_id, tenant, name, public_pem FROM keys WHERE key_id IN (
    SELECT key_id FROM envelopes
    WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR source = ?2)) ORDER BY key_id"""

MAX_LINE_BYTES = 64_000_000
"""An envelope with a document for each of 1,024 leaves has about 500 kB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceReport:
    """What came in: ``added`` are new, ``known`` were here; ``refused`` says why, by line."""

    added: int
    known: int
    keys: int
    refused: tuple[tuple[int, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        refused = [{"line": line, "reason": reason} for line, reason in self.refused]
        return {"added": self.added, "known": self.known, "keys": self.keys, "refused": refused}


def export_evidence(
    state_dir: Path, folder: Path, *, tenant: str | None = None, source: str | None = None
) -> int:
    """Write the envelopes of a tenant, a source or all, and return how many.

    The folder is made, and must not hold evidence yet. Raises `UsageError` if it does, or if there
    is nothing to write.
    """
    if not (state_dir / "provenance.db").exists():
        raise UsageError(f"'{state_dir}' holds no envelopes: nothing was signed there")
    database = open_database(state_dir / "provenance.db", "")
    try:
        keys = query(database, _KEYS_OF, (tenant, source))
        if not keys:
            raise UsageError(
                f"'{state_dir}' holds no envelope of that tenant and source: check the names"
            )
        _make(folder)
        listed = [
            dict(zip(("keyId", "tenant", "name", "publicPem"), row, strict=True)) for row in keys
        ]
        _write(folder / KEYS, [json.dumps({"keys": listed}, indent=1)])
        # Row by row: a large state folder holds gigabytes of them.
        rows = database.execute(_ENVELOPES_OF, (tenant, source))
        return _write(folder / BUNDLE, (row["envelope"] for row in rows))
    except sqlite3.Error as error:
        raise as_store_error(error, state_dir / "provenance.db") from error
    finally:
        database.close()


def import_evidence(
    state_dir: Path,
    folder: Path,
    trusted_keys: Collection[str] = (),
    log: LogSettings | None = None,
) -> EvidenceReport:
    """Take in a folder that `export_evidence` or another tool wrote.

    ``trusted_keys`` are ids of keys of the folder to register; the others must be known here.
    Sources stay as they are, so one that is new here is not trusted. What comes in is in the
    transparency log at return. Raises `UsageError` if there is no bundle, or it holds no key of
    such an id.
    """
    registry = SourceRegistry(state_dir)
    logged = LoggedRegistry(state_dir, log)
    try:
        keys = _register(registry, folder / KEYS, trusted_keys)
        added = known = 0
        refused = []
        for number, line in enumerate(_lines(folder / BUNDLE), start=1):
            try:
                new = _take(registry, line)
                added, known = added + new, known + (not new)
            except ProvenanceError as error:
                refused.append((number, str(error)))
        logged.sync()
    finally:
        logged.close()
        registry.close()
    return EvidenceReport(added=added, known=known, keys=keys, refused=tuple(refused))


def _take(registry: SourceRegistry, line: str) -> bool:
    """Keep one envelope; return whether it is new here."""
    try:
        envelope_id = hashlib.sha256(line.encode()).hexdigest()[:32]
    except UnicodeEncodeError as error:
        raise ProvenanceError("it is not text in UTF-8") from error
    if registry.envelope(envelope_id) is not None:
        return False
    key = registry.key(_named_key(line))
    if key is None:
        raise ProvenanceError(
            "its key is not registered here: compare the key's id with what its owner says, then "
            "name it as a key to trust"
        )
    statement = open_sealed(line, key.public_pem)
    names = {f"source/{statement.source}", f"reviewer/{statement.reviewer}"}
    if key.revoked or key.tenant != statement.tenant or key.name not in names:
        raise ProvenanceError("its key is revoked, or registered here for something else")
    scope = (statement.tenant, statement.collection_uid, statement.source)
    registry.add_envelope(envelope_id, scope, key.key_id, line)
    return True


def _named_key(line: str) -> str:
    """Return the id of the key that a signature names: a hint where to look, nothing more."""
    try:
        [signature] = json.loads(line)["signatures"]
        return str(signature["keyid"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ProvenanceError("it is not a DSSE envelope with one signature") from error


def _register(registry: SourceRegistry, path: Path, trusted: Collection[str]) -> int:
    """Register the keys that the caller trusts, each under the id that its bytes give it."""
    if not trusted:
        return 0
    found = {key: values for key, values in _keys(path) if key in trusted}
    missing = sorted(set(trusted) - set(found))
    if missing:
        raise UsageError(f"'{path}' holds no key with the id {missing[0][:64]}: look it up there")
    for key, (tenant, name, pem) in found.items():
        registry.add_key(key, tenant, name, pem, uri=ELSEWHERE)
    return len(found)


def _keys(path: Path) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """Yield keys by the id that is computed from them, not by the one that stands there."""
    try:
        for row in json.loads(path.read_text())["keys"]:
            pem = str(row["publicPem"])
            yield key_id_of(pem), (str(row["tenant"]), str(row["name"]), pem)
    except OSError as error:
        raise as_store_error(error, path) from error
    except (KeyError, TypeError, ValueError, RecursionError, ProvenanceError) as error:
        raise UsageError(f"'{path}' is not a list of keys: export it again") from error


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"folder '{folder}' cannot be made: {why}") from error
    if (folder / BUNDLE).exists() or (folder / KEYS).exists():
        raise UsageError(f"'{folder}' holds evidence already: name another folder")


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            while line := file.readline(MAX_LINE_BYTES):
                if text := line.removesuffix("\n"):
                    yield text
    except FileNotFoundError:
        raise UsageError(f"'{path.parent}' holds no {BUNDLE}: name an exported folder") from None
    except OSError as error:
        raise as_store_error(error, path) from error


def _write(path: Path, lines: Iterable[str]) -> int:
    """Write a file whole or not at all; return how many lines it has."""
    draft, count = path.with_suffix(".draft"), 0
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            for line in lines:
                file.write(f"{line}\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        return count
    except OSError as error:
        raise as_store_error(error, path) from error
    finally:
        draft.unlink(missing_ok=True)
