"""The JSON loader: a tree becomes readable "path: value" lines, nothing evaluated or dropped.

Repeated keys are all kept, since a reader of the source sees them; numbers keep their spelling.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from ...core.errors import LimitError, LoadError
from ...core.settings import LoadSettings
from .document import LoadedDocument, Origin, make_document
from .encoding import decode
from .formats import Format


@dataclass(frozen=True, slots=True)
class _Pairs:
    """A JSON object with its repeated keys."""

    pairs: list[tuple[str, object]]


def load(data: bytes, name: str, settings: LoadSettings) -> Iterator[LoadedDocument]:
    """Yield the flattened tree; raises `LoadError` for bad JSON, `LimitError` for its depth."""
    tree = _parse(decode(data, name).text, name, settings)
    lines = []
    for path, value in _flatten(tree, name, settings):
        lines.append(f"{path}: {value}" if path else value)
    origin = Origin(name=name, raw=data, media_type=Format.JSON, settings=settings)
    yield make_document(origin, "\n".join(lines), metadata={"values": len(lines)})


def _parse(text: str, name: str, settings: LoadSettings) -> object:
    try:
        return json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_int=str,
            parse_float=str,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise _too_deep(name, settings) from None
    except json.JSONDecodeError as error:
        several = " (several values? then name it .jsonl)" if error.msg == "Extra data" else ""
        raise LoadError(
            f"'{name}' refused: not JSON at line {error.lineno}, column {error.colno}: "
            f"{error.msg}{several}"
        ) from None
    except ValueError as error:
        raise LoadError(f"'{name}' refused: not JSON: {error}") from None


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _flatten(tree: object, name: str, settings: LoadSettings) -> Iterator[tuple[str, str]]:
    """Yield (path, value) for every scalar, in order, without recursion."""
    stack: list[tuple[str, object, int]] = [("", tree, 0)]
    size = 0
    while stack:
        path, value, depth = stack.pop()
        if depth > settings.max_depth:
            raise _too_deep(name, settings)
        if isinstance(value, _Pairs):
            stack.extend(
                (f"{path}.{key}" if path else key, item, depth + 1)
                for key, item in reversed(value.pairs)
            )
        elif isinstance(value, list):
            stack.extend(
                (f"{path}[{index}]", value[index], depth + 1)
                for index in range(len(value) - 1, -1, -1)
            )
        elif value is not None and value != "":
            text = value if isinstance(value, str) else json.dumps(value)
            size += len(path) + len(text)
            if size > settings.max_text_chars:
                raise LimitError(
                    f"'{name}' refused: its paths and values pass {settings.max_text_chars} "
                    "characters (load.max_text_chars); split it, or raise the limit"
                )
            yield path, text


def _too_deep(name: str, settings: LoadSettings) -> LimitError:
    return LimitError(
        f"'{name}' refused: nested deeper than {settings.max_depth} levels (load.max_depth)"
    )
