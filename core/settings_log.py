"""Settings of the transparency log."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from .settings_section import Section


class WitnessSettings(Section):
    """A witness: its verifier key (``NAME+ID+BASE64``), and one of three ways to reach it.

    ``command`` is run with the request on stdin; ``folder`` takes requests and answers as files;
    with neither, its cosignatures are checked and others have to bring them.
    """

    key: str
    command: tuple[str, ...] = ()
    folder: Path | None = None
    timeout_s: float = Field(default=30.0, gt=0)

    @model_validator(mode="after")
    def _one_way(self) -> WitnessSettings:
        if self.command and self.folder is not None:
            raise ValueError("a witness has a command or a folder, not both")
        return self


class LogSettings(Section):
    """The transparency log of the state folder.

    ``origin`` names the log in its checkpoints, for good; left out, one is made from its key.
    ``database`` is the URL of a PostgreSQL that holds the log in place of a file. ``seen`` is where
    the newest checkpoint that was seen is kept. ``quorum`` is how many of ``witnesses`` must have
    cosigned; a newest checkpoint older than ``max_age_s`` is a finding.
    """

    origin: str = ""
    database: SecretStr | None = None
    seen: Path | None = None
    witnesses: tuple[WitnessSettings, ...] = ()
    quorum: int = Field(default=0, ge=0)
    max_age_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _reachable_quorum(self) -> LogSettings:
        if self.quorum > len(self.witnesses):
            raise ValueError("the quorum is larger than the number of witnesses")
        return self
