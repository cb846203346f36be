"""From a format to its loader; run in process for simple formats, in the child for the others."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module

from ...core.errors import InputError, LimitError, LoadError, MissingExtraError, RagbastionError
from ...core.settings import LoadSettings
from .document import LoadedDocument, LoadFailure
from .formats import Format, declared_format, detect
from .json_lines import load_lines

_MODULES = {
    Format.TEXT: "plain_text",
    Format.MARKDOWN: "markdown",
    Format.HTML: "html_page",
    Format.CSV: "csv_table",
    Format.JSON: "json_tree",
    Format.PDF: "pdf",
    Format.DOCX: "docx_document",
    Format.EMAIL: "email_message",
}

ISOLATED = frozenset({Format.PDF, Format.DOCX, Format.HTML, Format.MARKDOWN, Format.EMAIL})
"""Formats whose parsers run native code, or take time that only a kill can bound."""


def parse(
    format_: Format, data: bytes, name: str, settings: LoadSettings
) -> Iterator[LoadedDocument | LoadFailure]:
    """Run the loader of ``format_`` in this process; whatever it raises becomes a `LoadFailure`."""
    try:
        for item in _load(format_, data, name, settings):
            yield _with_claim(item, format_)
    except RagbastionError as error:
        yield LoadFailure(path=name, where="", error=error)
    except (RecursionError, MemoryError) as error:
        yield LoadFailure(path=name, where="", error=exhausted(name, error))
    except Exception as error:  # noqa: BLE001 - outermost loop: a parser's own error refuses the file
        yield LoadFailure(path=name, where="", error=unreadable(name, format_, error))


def parse_nested(
    data: bytes, name: str, file_name: str, settings: LoadSettings
) -> Iterator[LoadedDocument | LoadFailure]:
    """Run the loader that fits an attachment's content and ``file_name``, in this process."""
    try:
        format_ = detect(data, file_name)
    except InputError as error:
        yield LoadFailure(path=name, where="", error=error)
        return
    yield from parse(format_, data, name, settings)


def check_size(size: int, name: str, settings: LoadSettings) -> None:
    """Raise `LimitError` if a file of ``size`` bytes is too large to be read whole."""
    if size > settings.max_file_bytes:
        raise LimitError(
            f"'{name}' refused: {size} bytes, the limit is {settings.max_file_bytes} "
            "(load.max_file_bytes); split it, or raise the limit"
        )


def exhausted(name: str, error: BaseException) -> LimitError:
    """Return the error for a file that used up the stack or the memory."""
    what = "nested too deep" if isinstance(error, RecursionError) else "needs too much memory"
    return LimitError(f"'{name}' refused: {what} (load.max_depth, load.max_memory_bytes)")


def unreadable(name: str, format_: Format, error: Exception) -> LoadError:
    """Return the error for a file that its parser could not read; never quotes the file."""
    return LoadError(
        f"'{name}' refused: it cannot be read as {format_.name} ({type(error).__name__}); "
        "the file is damaged, or not of this format"
    )


def _load(
    format_: Format, data: bytes, name: str, settings: LoadSettings
) -> Iterator[LoadedDocument | LoadFailure]:
    if format_ is Format.JSON_LINES:
        yield from load_lines(io.BytesIO(data), name, settings)
        return
    check_size(len(data), name, settings)
    try:
        module = import_module(f".{_MODULES[format_]}", __package__)
    except ImportError as error:
        raise MissingExtraError(
            f"loading {format_.name} needs '{error.name}': pip install 'ragbastion[load]'"
        ) from error
    yield from module.load(data, name, settings)


def _with_claim(
    item: LoadedDocument | LoadFailure, format_: Format
) -> LoadedDocument | LoadFailure:
    """Record that the name of a document claims another format than its content has."""
    if isinstance(item, LoadFailure) or item.media_type != format_:
        return item
    claimed = declared_format(item.document)
    if format_ is Format.JSON_LINES or claimed in {None, format_}:
        return item
    assert claimed is not None  # noqa: S101 - the line above
    return replace(item, metadata={**item.metadata, "declared_type": claimed.value})
