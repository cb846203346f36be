"""The command as a whole: quick to start, one line an error, the right exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest
import ragbastion

from .conftest import INJECTION, Run, jsonl

COMMANDS = [
    "demo", "scan", "strip", "ingest", "query", "redact", "authorize", "verify", "quarantine",
    "quarantine list", "quarantine show", "quarantine release", "quarantine reject", "policy",
    "policy check", "policy explain", "audit", "audit tail", "audit verify", "keys", "keys create",
    "keys list", "keys revoke", "serve", "doctor",
]  # fmt: skip
GROUPS = {"quarantine", "policy", "audit", "keys"}
HEAVY = ("torch", "spacy", "numpy", "pydantic", "fastapi", "cedarpy", "qdrant_client", "rich")


def test_building_the_app_loads_nothing_heavy() -> None:
    """Help and wrong usage are answered before any library is needed."""
    code = f"import sys, ragbastion.cli.app; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("scan", "--jsonl", "-"), jsonl({"text": INJECTION})),
        (("strip", "--jsonl", "-"), jsonl({"text": INJECTION})),
        (("authorize", "--jsonl", "-"), jsonl({"id": 1})),
    ],
)
def test_a_line_command_loads_no_model(arguments: tuple[str, ...], lines: str) -> None:
    """Scanning and deciding need neither torch nor spaCy."""
    code = (
        "import sys\n"
        "from ragbastion.cli.app import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = ('torch', 'spacy', 'transformers', 'qdrant_client', 'llama_index')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    """Help answers with 0, and each command has --verbose."""
    done = run(*command.split(), "--help")
    assert done.code == 0
    assert ("--verbose" in done.out) is (command not in GROUPS)


def test_version(run: Run) -> None:
    """The version is the package's."""
    assert run("--version").out == f"ragbastion {ragbastion.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("scan",),
        ("scan", "--jsonl", "-", "."),
        ("scan", "--jsonl", "-", "--threshold", "1.5"),
        ("scan", "no-such-path"),
        ("strip",),
        ("redact", "--jsonl", "-", "--entity", "NO_SUCH_TYPE"),
        ("ingest", "."),
        ("ingest", ".", "--tenant", "../x", "--source", "s", "--json"),
        ("query", "q"),
        ("query", "q", "--tenant", "acme", "--limit", "0"),
        ("quarantine", "show", "q-000"),
        ("quarantine", "list", "--state", "lost"),
        ("policy", "check", "no-such-folder"),
        ("policy", "explain"),
        ("audit", "tail", "-n", "0"),
        ("audit", "verify", "--anchor", "nonsense"),
        ("keys", "create", "--principal", "p"),
        ("keys", "create", "--principal", "p", "--tenant", "t", "--admin"),
        ("keys", "revoke", "none"),
        ("serve", "--port", "70000"),
        ("doctor", "--nonsense"),
    ],
)
def test_wrong_usage_is_2(run: Run, arguments: tuple[str, ...]) -> None:
    """Nothing on stdout, a message on stderr, no traceback."""
    done = run(*arguments, given=jsonl({"text": "x"}))
    assert (done.code, done.out) == (2, "")
    assert done.errors
    assert "Traceback" not in done.errors


def test_no_command_shows_help(run: Run) -> None:
    """The bare command is wrong usage too, and says what there is."""
    done = run()
    assert (done.code, "ingest" in done.out + done.errors) == (2, True)


def test_a_wrong_setting_is_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the setting."""
    monkeypatch.setenv("RAGBASTION_SCAN__THRESHOLD", "many")
    done = run("scan", "--jsonl", "-")
    assert (done.code, "scan.threshold" in done.errors) == (2, True)


def test_a_failure_is_one_line(run: Run) -> None:
    """A collection that does not exist: exit code 3, one line, no traceback."""
    done = run("verify", "--collection", "none", "--store", "store")
    assert (done.code, done.out, done.errors.count("\n")) == (3, "", 1)
    assert done.errors.startswith("ragbastion: error: ")


def test_a_long_argument_does_not_fill_the_terminal(run: Run, tmp_path: Path) -> None:
    """What was refused and why stay; the middle of the name does not."""
    (tmp_path / "store").mkdir()
    long = "x" * 10_000
    done = run("tenants", "backup", long, "--tenant", "acme", "--store", str(tmp_path / "store"))
    assert (done.code, len(done.errors) < 2_100, "too long" in done.errors) == (3, True, True)


@pytest.mark.parametrize("arguments", [("--verbose", "verify"), ("verify", "--verbose")])
def test_verbose_shows_the_traceback(run: Run, arguments: tuple[str, ...]) -> None:
    """Before or after the command's name."""
    done = run(*arguments, "--store", "store")
    assert (done.code, "Traceback" in done.errors) == (3, True)


def test_an_unexpected_error_does_not_tell_its_message(run: Run, tmp_path: Path) -> None:
    """Its message may hold a document's text; its type is enough without --verbose."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "quarantine.db").mkdir()
    done = run("quarantine", "list")
    assert (done.code, done.errors.count("\n")) == (3, 1)
    assert "Traceback" not in done.errors


def test_a_full_disk_is_a_failure() -> None:
    """Answers that cannot be written end the command with 3 and the system's reason."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ragbastion", "scan", "--jsonl", "-"],
            input=jsonl({"text": "x"}).encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, b"No space left" in done.stderr) == (3, True)
    assert b"Traceback" not in done.stderr
