"""The log of a state folder, as the settings say."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ....core.errors import MissingExtraError, UsageError
from ....core.settings_log import LogSettings, WitnessSettings
from ..keys import SigningKeys
from .database import LogDatabase, SqliteLogDatabase
from .note import NoteKey, NoteSigner, SignatureKind, is_key_name
from .seen import SeenCheckpoint
from .storage import LogStorage
from .transparency_log import LogParts, TransparencyLog
from .witness import CommandWitness, FolderWitness, Witness

FILE_NAME = "provenance_log.db"
SEEN_NAME = "provenance_log.seen"
_KEY_NAME = "transparency-log"
_RESERVED = "cosignature/v1"
"""As an origin it would let a checkpoint's text pass for the text of a cosignature."""


def open_log(
    state_dir: Path, settings: LogSettings | None = None, clock: Callable[[], float] = time.time
) -> TransparencyLog:
    """Open the log of a state folder, made on first use.

    Raises `RollbackError` or `ForkError` if it is not what was seen before, `UsageError` for
    settings that do not fit it.
    """
    parts = open_parts(state_dir, settings or LogSettings(), clock)
    try:
        return TransparencyLog(parts)
    except BaseException:
        parts.storage.close()
        raise


def open_parts(state_dir: Path, settings: LogSettings, clock: Callable[[], float]) -> LogParts:
    """Return what a log of a state folder works with, with nothing yet verified."""
    storage = LogStorage(_database(state_dir, settings))
    try:
        signer = _signer(state_dir, settings, storage)
        seen = SeenCheckpoint(settings.seen or state_dir / SEEN_NAME, signer.key)
        keys = tuple(witness_key(each) for each in settings.witnesses)
        return LogParts(storage=storage, signer=signer, seen=seen, witnesses=keys, clock=clock)
    except BaseException:
        storage.close()
        raise


def reachable_witnesses(settings: LogSettings) -> list[Witness]:
    """Return the witnesses that the log asks by itself."""
    found: list[Witness] = []
    for each in settings.witnesses:
        key = witness_key(each)
        if each.command:
            found.append(CommandWitness(key, each.command, each.timeout_s))
        elif each.folder is not None:
            found.append(FolderWitness(key, each.folder))
    return found


def witness_key(settings: WitnessSettings) -> NoteKey:
    """Return the key that a witness's cosignatures verify with."""
    key = NoteKey.parse(settings.key)
    if key.kind is not SignatureKind.COSIGNATURE:
        raise UsageError("witness key refused: it is a log's key, not that of a cosignature")
    return key


def _database(state_dir: Path, settings: LogSettings) -> LogDatabase:
    if settings.database is None:
        return SqliteLogDatabase(state_dir / FILE_NAME)
    try:
        from .postgres import PostgresLogDatabase
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "a log in PostgreSQL needs: pip install 'ragbastion[postgres]'"
        ) from error
    return PostgresLogDatabase(settings.database.get_secret_value())


def _signer(state_dir: Path, settings: LogSettings, storage: LogStorage) -> NoteSigner:
    """Return the log's signer under the origin that the log was made with."""
    private = SigningKeys(state_dir).key(_KEY_NAME)
    origin = settings.origin or storage.meta("origin")
    if not origin:
        unnamed = NoteSigner("log", private)
        origin = f"ragbastion.invalid/log/{unnamed.key.public.hex()[:16]}"
    if origin == _RESERVED or not is_key_name(origin):
        raise UsageError("log origin refused: give a name without spaces and '+'")
    if storage.meta("origin") is None:
        with storage.exclusive():
            if storage.meta("origin") is None:
                storage.put_meta("origin", origin)
    if (known := storage.meta("origin")) != origin:
        raise UsageError(
            f"log origin refused: this log was made as '{known}', and an origin is for good"
        )
    return NoteSigner(origin, private)
