"""Build the corpus's binary and encoded files from ``examples/sources``.

    python -m ragbastion.examples.build_corpus

The plain formats are written by hand and stand in ``examples/corpus`` themselves. The rest has a
readable source here: ``.pdf.md`` and ``.docx.md`` (see ``corpus_markup``), ``.eml.toml`` (see
``corpus_mail``), and ``.txt.tmpl``, where ``{{tags: …}}`` becomes characters of the Unicode tag
block and ``{{base64: …}}`` is encoded, so that a reviewer can read the attacks. The built files are
committed: the demo needs neither this module nor reportlab.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ragbastion.core.errors import UsageError

from .corpus_docx import build_docx
from .corpus_mail import build_mail
from .corpus_markup import parse_markup
from .corpus_pdf import build_pdf

_HERE = Path(__file__).parent
SOURCES = _HERE / "sources"
_TAG_BLOCK = 0xE0000
_DIRECTIVE = re.compile(r"\{\{(tags|base64): (.*?)\}\}", re.DOTALL)


def build_text(source: str) -> bytes:
    """Return the text with its directives encoded."""
    return _DIRECTIVE.sub(_encoded, source).encode()


_BUILDERS: dict[str, Callable[[str], bytes]] = {
    ".pdf.md": lambda source: build_pdf(parse_markup(source)),
    ".docx.md": lambda source: build_docx(parse_markup(source)),
    ".eml.toml": build_mail,
    ".txt.tmpl": build_text,
}


def built_files(sources: Path = SOURCES) -> Iterator[tuple[Path, bytes]]:
    """Yield each built file's path relative to the corpus, and its bytes, in order of path.

    Raises `UsageError` outside a checkout: the sources are not shipped with the package.
    """
    if not sources.is_dir():
        raise UsageError(f"folder '{sources}' does not exist: build the corpus in a checkout")
    for path in sorted(file for file in sources.rglob("*") if file.is_file()):
        suffix = "".join(path.suffixes[-2:])
        name = path.name.removesuffix(path.suffix)
        source = path.read_text(encoding="utf-8")
        yield path.relative_to(sources).with_name(name), _BUILDERS[suffix](source)


def main(target: Path = _HERE / "corpus") -> None:
    """Write every built file into the corpus."""
    count = size = 0
    for relative, data in built_files():
        path = target / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        count, size = count + 1, size + len(data)
    print(f"{count} files, {size:,} bytes, in {target}")


def _encoded(match: re.Match[str]) -> str:
    kind, text = match.groups()
    if kind == "tags":
        return "".join(chr(_TAG_BLOCK + ord(character)) for character in text)
    return base64.b64encode(text.encode()).decode()


if __name__ == "__main__":
    main()
