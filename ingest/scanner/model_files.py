"""The classifier's files on disk: a folder with a manifest that says what belongs to it.

- INVARIANT: a file that is missing, changed or of another format version is refused; nothing is
  loaded from a folder whose manifest does not hold. A detector that silently is not there is worse
  than none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...core.errors import SettingsError

FORMAT = 1
SHIPPED = Path(__file__).parent / "model"
_MAX_BYTES = 2_000_000_000


class Manifest(BaseModel):
    """What a model folder holds: ``files`` maps names to SHA-256 digests (hexadecimal).

    ``window_tokens`` counts the two special tokens; ``overlap_tokens`` is what two windows share.
    ``gate_logit`` is the sentence score of the gate from which the network reads its window; None
    where the network reads all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    version: str = Field(min_length=1)
    files: Mapping[str, str]
    window_tokens: int = Field(ge=16, le=512)
    overlap_tokens: int = Field(ge=0, le=256)
    first_token: int = Field(ge=0)
    last_token: int = Field(ge=0)
    gate_logit: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """A model folder whose files were read whole and match their manifest."""

    manifest: Manifest
    network: bytes
    tokenizer: str
    gate: bytes
    digest: str


def read_model(folder: Path) -> ModelFiles:
    """Read and check the model in ``folder``; raise `SettingsError` saying what is wrong."""
    manifest = _manifest(folder)
    contents = {name: _checked(folder / name, digest) for name, digest in manifest.files.items()}
    if missing := {"network.onnx", "tokenizer.json", "gate.onnx"} - set(contents):
        raise SettingsError(f"model '{folder}' refused: its manifest lacks {sorted(missing)}")
    joined = "".join(f"{name}:{digest}\n" for name, digest in sorted(manifest.files.items()))
    return ModelFiles(
        manifest=manifest,
        network=contents["network.onnx"],
        tokenizer=contents["tokenizer.json"].decode("utf-8"),
        gate=contents["gate.onnx"],
        digest=hashlib.sha256(joined.encode()).hexdigest()[:8],
    )


def _manifest(folder: Path) -> Manifest:
    path = folder / "manifest.json"
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(
            f"model '{folder}' refused: its manifest.json cannot be read ({error.strerror}); "
            "reinstall ragbastion, or name a folder that holds a model"
        ) from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"model '{folder}' refused: manifest.json: {problems}") from None
    if manifest.format != FORMAT:
        raise SettingsError(
            f"model '{folder}' refused: its format is {manifest.format}, this version of "
            f"ragbastion reads {FORMAT}; install the version that it was made for, or retrain it"
        )
    return manifest


def _checked(path: Path, digest: str) -> bytes:
    if path.name != str(path.relative_to(path.parent)) or path.is_symlink():
        raise SettingsError(f"model file '{path}' refused: it must lie in the model's own folder")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SettingsError(f"model file '{path}' refused: over {_MAX_BYTES} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"model file '{path}' cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise SettingsError(
            f"model file '{path}' refused: it is corrupt or was changed (its SHA-256 is not the "
            "manifest's); reinstall ragbastion"
        )
    return content
