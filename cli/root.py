"""``ragbastion root``: administrators sign together who they are and which trust policy holds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import ProvenanceError, UsageError
from .command import ExitCode, command
from .options import Config, Json
from .output import utc_time, write_fields, write_json, write_table
from .refusals import audited
from .source_admin import opened
from .source_revocation import REFUSED
from .state import load
from .times import seconds_of

if TYPE_CHECKING:
    from ..core.settings import Settings
    from ..ingest.provenance import RootChain, SourceAdmin, TrustRoot

RootFile = Annotated[Path, typer.Argument(metavar="FILE", help="The root, a DSSE envelope.")]


def register(app: typer.Typer) -> None:
    """Add the command group of this module."""
    group = typer.Typer(
        help="Sign the trust root: which administrators, m of n, stand for which trust policy.",
        no_args_is_help=True,
    )
    command(group, "make-key")(make_key)
    command(group, "propose")(propose)
    command(group, "sign")(sign)
    command(group, "accept")(audited(REFUSED, "root accept")(accept))
    command(group, "show")(show)
    app.add_typer(group, name="root")


def make_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes.")],
    json_output: Json = False,
) -> ExitCode:
    """Make an administrator's key: FILE, for its owner only, and FILE.pub, for the others."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from ..ingest.provenance.keys import key_id_of, make_key_file, public_pem

    public = file.with_name(file.name + ".pub")
    if file.exists() or public.exists():
        raise UsageError(f"key file '{file}' is there already: choose another name")
    make_key_file(file)
    pem = public_pem(load_pem_private_key(file.read_bytes(), password=None).public_key())
    public.write_text(pem)
    write_fields({"key_id": key_id_of(pem), "public": str(public)}, as_json=json_output)
    return ExitCode.CLEAN


def propose(
    file: RootFile,
    key: Annotated[
        list[Path], typer.Option("--key", help="An administrator's public key, PEM; repeat it.")
    ],
    threshold: Annotated[
        int, typer.Option("--threshold", min=1, help="How many of them must sign.")
    ],
    policy: Annotated[
        list[Path] | None,
        typer.Option("--policy", help="A trust policy that may be used; repeat it."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="When it ends; never if left out."),
    ] = None,
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Write the next root to FILE, for its administrators and those before them to sign."""
    from hashlib import sha256

    from ..ingest.provenance.trust_root import TrustRoot

    ends = seconds_of(expires, "--expires")
    if ends is not None and ends <= time.time():
        raise UsageError("root refused: --expires is over already; name a time to come")
    settings = load(config)
    with opened(settings) as admin:
        current = _chain(admin, settings).current()
    keys = dict(_public_key(each) for each in key)
    if threshold > len(keys):
        raise UsageError(
            f"root refused: {threshold} signatures can never be had of {len(keys)} keys; name more "
            "keys, or a lower --threshold"
        )
    root = TrustRoot(
        version=1 if current is None else current.version + 1,
        threshold=threshold,
        keys=keys,
        policies=tuple(sha256(_read(each)).hexdigest() for each in policy or ()),
        issued=int(time.time()),
        expires=None if ends is None else int(ends),
    )
    if file.exists():
        raise UsageError(f"root file '{file}' is there already: choose another name")
    file.write_text(root.unsigned())
    _write(root, as_json=json_output)
    return ExitCode.CLEAN


def sign(
    file: RootFile,
    signer: Annotated[
        str,
        typer.Option(
            "--signer", metavar="URI", help="Your key: file2:PATH, hsm:…, awskms:… and so on."
        ),
    ],
    public_key: Annotated[
        Path, typer.Option("--public-key", metavar="FILE", help="Its public half, PEM.")
    ],
    json_output: Json = False,
    config: Config = None,
) -> ExitCode:
    """Read the root that FILE proposes, show it, and add your signature to the file."""
    from ..ingest.provenance.dsse import add_signature, key_at
    from ..ingest.provenance.trust_root import read_root

    pin = load(config).provenance.signer_pin
    envelope = _read(file).decode("utf-8", "replace")
    root = read_root(envelope)
    pem = _read(public_key).decode("utf-8", "replace")
    key = key_at(signer, pem, pin.get_secret_value() if pin else None)
    file.write_text(add_signature(envelope, key))
    _write(root, as_json=json_output)
    return ExitCode.CLEAN


def accept(file: RootFile, json_output: Json = False, config: Config = None) -> ExitCode:
    """Keep a root that enough administrators have signed; it holds from the next query on."""
    settings = load(config)
    envelope = _read(file).decode("utf-8", "replace")
    with opened(settings) as admin:
        root = admin.accept_root(_chain(admin, settings), envelope)
    _write(root, as_json=json_output)
    return ExitCode.CLEAN


def show(json_output: Json = False, config: Config = None) -> ExitCode:
    """Verify the chain of roots and show the current one. Exit code: 3 it does not hold."""
    settings = load(config)
    with opened(settings) as admin:
        root = _chain(admin, settings).current()
    if root is None:
        write_fields({"root": "none"}, as_json=json_output)
    else:
        _write(root, as_json=json_output)
    return ExitCode.CLEAN


def _chain(admin: SourceAdmin, settings: Settings) -> RootChain:
    from ..ingest.provenance.trust_root import RootChain

    return RootChain(admin.registry, settings.provenance.trust_root)


def _public_key(path: Path) -> tuple[str, str]:
    """Return a public key's id and PEM text."""
    from ..ingest.provenance.keys import key_id_of

    pem = _read(path).decode("utf-8", "replace")
    try:
        return key_id_of(pem), pem
    except ProvenanceError:
        raise UsageError(
            f"file '{path}' holds no public key in PEM: 'root make-key' wrote it as NAME.pub"
        ) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"file '{path}' cannot be read: {error.strerror}") from None


def _write(root: TrustRoot, *, as_json: bool) -> None:
    if as_json:
        write_json(root.as_dict())
        return
    rows: list[tuple[str, Any]] = [
        ("signatures needed", f"{root.threshold} of {len(root.keys)}"),
        ("keys", "\n".join(root.keys)),
        ("policies", "\n".join(root.policies)),
        ("issued", utc_time(root.issued)),
        ("expires", utc_time(root.expires) or "never"),
    ]
    write_table(f"trust root {root.version}", ("field", "value"), rows)
