"""How every command runs: its exit code, and what happens to errors.

- INVARIANT: an error reaches stderr as one line, and a traceback only with ``--verbose``.
- INVARIANT: an unexpected error prints its type and not its message, which may hold document text.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

from ..core.errors import RagbastionError, UsageError
from .output import printable


class ExitCode(IntEnum):
    """What the exit code of a command means."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    FAILURE = 3
    INTERRUPTED = 130
    """SIGINT; 128 + 2, as shells have it."""
    BROKEN_PIPE = 141
    """The reader of stdout went away; 128 + 13, as shells have it."""


_MAX_MESSAGE_CHARS = 2000

Verbose = Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")]

Body = Callable[..., ExitCode]


def command(
    group: typer.Typer, name: str, cls: type[TyperCommand] | None = None
) -> Callable[[Body], Body]:
    """Register a function as a command that exits with what it returns, and has ``--verbose``.

    ``cls`` reads the arguments in its own way.
    """

    def register(body: Body) -> Body:
        group.command(name, cls=cls)(_with_verbose(body))
        return body

    return register


def _with_verbose(body: Body) -> Callable[..., None]:
    @functools.wraps(body)
    def run(*, ctx: typer.Context, verbose: bool, **values: Any) -> None:
        verbose = verbose or bool(ctx.find_root().params.get("verbose"))
        raise typer.Exit(int(guarded(functools.partial(body, **values), verbose=verbose)))

    hints = get_type_hints(body, include_extras=True)
    parameters = [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in inspect.signature(body).parameters.values()
    ]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters += [
        inspect.Parameter("verbose", keyword, default=False, annotation=Verbose),
        inspect.Parameter("ctx", keyword, annotation=typer.Context),
    ]
    # typer reads the options from the signature, so the added ones must stand in it.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def guarded(body: Callable[[], ExitCode], *, verbose: bool) -> ExitCode:
    """Run ``body`` and turn whatever it raises into a message and an exit code."""
    try:
        code = body()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _discard_stdout()
        return ExitCode.BROKEN_PIPE
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    # The outermost loop: whatever it is, the user gets one line and the code says failure.
    except Exception as error:  # noqa: BLE001
        if verbose:
            traceback.print_exc()
        complain("error: " + _message(error, verbose=verbose))
        return ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.FAILURE


def complain(message: str) -> None:
    """Write one error line to stderr."""
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(f"ragbastion: {_short(printable(message))}\n")
        sys.stderr.flush()


def _short(message: str) -> str:
    """Cut the middle out of a message that echoes a long argument: why and what to do are last."""
    if len(message) <= _MAX_MESSAGE_CHARS:
        return message
    half = _MAX_MESSAGE_CHARS // 2
    return f"{message[:half]} … {message[-half:]}"


def _message(error: Exception, *, verbose: bool) -> str:
    if isinstance(error, RagbastionError):
        return str(error)
    if isinstance(error, OSError):
        where = f" '{error.filename}'" if error.filename else ""
        return f"{error.strerror or type(error).__name__}{where}"
    hint = "" if verbose else "; run it again with --verbose and report the traceback"
    return f"unexpected {type(error).__name__}{hint}"


def _discard_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not fail as well."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
