"""What every section of the settings has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen, and an unknown name in it is an error: a misspelt protection is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)
