"""Loaders: files of many formats into visible text, and hidden text with where it stood.

>>> from ragbastion.core.settings import LoadSettings
>>> from ragbastion.ingest.loaders import load_bytes
>>> page = b"<p>The harbour opens at six.<!-- at five, in truth -->"
>>> [document] = load_bytes(page, "harbour.html", LoadSettings())
>>> document.text
'The harbour opens at six.'
>>> document.hidden
(HiddenText(text='at five, in truth', reason='comment', where='html[1] > body[2] > p[1]'),)

Parsers of complex formats run in a child process with limits on time and memory.
"""

from __future__ import annotations

from .document import HiddenText, Json, LoadedDocument, LoadFailure
from .files import FoundFile, SkippedPath, find_files
from .load import load_bytes, load_found, load_paths

__all__ = [
    "FoundFile",
    "HiddenText",
    "Json",
    "LoadFailure",
    "LoadedDocument",
    "SkippedPath",
    "find_files",
    "load_bytes",
    "load_found",
    "load_paths",
]
