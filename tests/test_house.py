"""The house stands: imports run one way, packages match the folders, the front door stays light."""

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import ragbastion

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FLOORS = {
    "core": 1,
    "pii": 2,
    "tenancy": 2,
    "policies": 2,
    "ingest": 3,
    "retrieval_guard": 4,
    "gateway": 5,
    "benchmarks": 6,
    "cli": 7,
}
# Of the benchmarks, only what the command needs is shipped; the other scripts are no house.
SHIPPED_BENCHMARKS = ("__init__.py", "report.py", "injection", "poisoning", "tenancy")
# Beyond the floors: ingestion knows policies and redaction by protocol only.
NOT_ALLOWED = {("ingest", "pii"), ("ingest", "policies")}
HEAVY = ("torch", "spacy", "llama_index", "presidio_analyzer", "qdrant_client", "cedarpy")
ONE_ADAPTER = {
    "cedarpy": 1,
    "presidio_analyzer": 1,
    "sentence_transformers": 1,
    "securesystemslib": 1,
    "pypdfium2": 1,
    "docx": 1,
    "joserfc": 1,
    "re2": 1,
    "onnxruntime": 1,
    "tokenizers": 1,
}


def _modules() -> list[Path]:
    return [path for part in FLOORS for path in sorted((ROOT / part).rglob("*.py")) if _ours(path)]


def _ours(path: Path) -> bool:
    part, inside = path.relative_to(ROOT).parts[:2]
    return part != "benchmarks" or inside in SHIPPED_BENCHMARKS


def _imported_parts(path: Path) -> set[str]:
    """Return the parts of our own package that a module imports."""
    package = path.relative_to(ROOT).parts[:-1]
    parts = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module or "").split(".")]
            parts.add(target[0] or node.names[0].name)
    return parts & set(FLOORS)


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_down(path: Path) -> None:
    """A module imports its own part and lower floors only."""
    part = path.relative_to(ROOT).parts[0]
    upward = {
        other
        for other in _imported_parts(path) - {part}
        if FLOORS[other] >= FLOORS[part] or (part, other) in NOT_ALLOWED
    }
    assert upward == set()


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_own_code_is_imported_relatively(path: Path) -> None:
    """Inside the package nobody imports 'ragbastion' or a folder by its bare name."""
    names = {
        (node.module or "").split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and not node.level
    }
    assert names & {"ragbastion", *FLOORS} == set()


@pytest.mark.parametrize("library", ONE_ADAPTER)
def test_a_library_has_one_adapter(library: str) -> None:
    """An outside library is imported by the one module that adapts it."""
    users = {
        str(path.relative_to(ROOT))
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if library in _roots_of(node)
    }
    assert len(users) <= ONE_ADAPTER[library], users


def _roots_of(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and not node.level:
        return {(node.module or "").split(".")[0]}
    return set()


def test_packages_match_the_folders() -> None:
    """The list that setuptools ships is the list of folders that hold a package."""
    folders = {"ragbastion"}
    for part in (*FLOORS, "examples"):
        for init in (ROOT / part).rglob("__init__.py"):
            if _ours(init):
                folders.add(".".join(["ragbastion", *init.relative_to(ROOT).parts[:-1]]))
    # Listed as a package it would ship all scripts; it comes along with its one shipped module.
    folders.remove("ragbastion.benchmarks")
    setuptools = PYPROJECT["tool"]["setuptools"]
    assert set(setuptools["packages"]) == folders
    assert setuptools["py-modules"] == ["ragbastion.benchmarks.report"]


def test_root_holds_only_the_front_door() -> None:
    """At the root stand the package's door and project files; code has a folder."""
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_no_module_is_named_for_nothing() -> None:
    """A module is named by what it holds."""
    vague = {"utils", "helpers", "common", "misc", "manager"}
    assert {path.stem for path in _modules()} & vague == set()


@pytest.mark.parametrize("name", ragbastion.__all__)
def test_exported_names_exist(name: str) -> None:
    """Each name of __all__ can be imported, and its home says it has that name."""
    assert getattr(ragbastion, name).__name__ == name


def test_all_is_sorted_and_matches_the_lazy_table() -> None:
    """__all__ and the table of homes list the same names."""
    assert ragbastion.__all__ == sorted(ragbastion._HOME)


def test_unknown_name_is_an_attribute_error() -> None:
    """A name that is not exported is refused as Python does."""
    with pytest.raises(AttributeError, match="no attribute 'Guardian'"):
        _ = ragbastion.Guardian


def test_import_stays_light() -> None:
    """Importing the package and naming its scanner loads no model library."""
    code = (
        "import sys, ragbastion; from ragbastion import Scanner, Decision, TenantContext; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("part", [part for part in FLOORS if part != "cli"])
def test_parts_import_alone(part: str) -> None:
    """Each part's front door can be imported by itself."""
    assert importlib.import_module(f"ragbastion.{part}").__doc__
