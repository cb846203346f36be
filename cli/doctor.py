"""``ragbastion doctor``: whether all that the guard needs is here, and safe."""

from __future__ import annotations

import typer

from ..core.errors import SettingsError
from .command import ExitCode, command
from .options import Config, Json, Store
from .output import write_json, write_table
from .state import load


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, "doctor")(doctor)


def doctor(store: Store = None, json_output: Json = False, config: Config = None) -> ExitCode:
    """Check installation, models, state, store, policies and audit log, and say what to do.

    Exit code: 0 all well, 1 a warning, 3 something that is needed does not work.
    """
    from .diagnosis import Diagnosis, Health, diagnose_installation, diagnose_settings, ok

    found = list(diagnose_installation())
    try:
        settings = load(config, store=store)
    except SettingsError as error:
        advice = "mend the file or unset the variable that is named"
        detail = str(error)
        found.append(Diagnosis(name="settings", health=Health.FAIL, detail=detail, advice=advice))
    else:
        found += [ok("settings", "valid"), *diagnose_settings(settings)]
    if json_output:
        write_json([each.as_dict() for each in found])
    else:
        rows = [[each.health, each.name, each.detail, each.advice] for each in found]
        write_table("doctor", ("", "check", "detail", "what to do"), rows)
    worst = {each.health for each in found}
    if Health.FAIL in worst:
        return ExitCode.FAILURE
    return ExitCode.FINDINGS if Health.WARN in worst else ExitCode.CLEAN
