"""The JSON Lines engine: one answer a line, whatever the line holds."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from .conftest import INJECTION, Run, jsonl

GOOD = {"id": "good", "text": "The harbour opens at six."}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nope", "not JSON"),
        (b"", "empty"),
        (b"   ", "empty"),
        (b"[1]", "an array"),
        (b'"text"', "a string"),
        (b"null", "null"),
        (b'{"id": 1}', "'text' is missing"),
        (b'{"id": 1, "text": null}', "'text' is null"),
        (b'{"id": 1, "text": 5}', "'text' is a number"),
        (b'{"id": 1, "text": ["a"]}', "'text' is an array"),
        (b'{"id": [1], "text": "a"}', "'id' is an array"),
        (b'{"id": {}, "text": "a"}', "'id' is an object"),
        (b'{"id": NaN, "text": "a"}', "NaN"),
        (b'{"id": 1e999, "text": "a"}', "beyond the range"),
        (b'{"id": 1, "text": "a", "text": "b"}', "twice"),
        (b'{"id": 1, "text": "\xff\xfe"}', "not UTF-8"),
        (b'{"id": 1, "text": "\\ud800"}', "lone surrogate"),
        (b'{"id": ' + b"[" * 100_000, "nested too deep"),
        (b'{"id": ' + b"7" * 5_000 + b', "text": "a"}', "too long"),
    ],
)
@pytest.mark.parametrize("command", ["scan", "strip"])
def test_a_bad_line_is_answered_and_the_rest_go_on(
    run: Run, command: str, line: bytes, reason: str
) -> None:
    """The answer has a null id, the number and the reason; the exit code is 3 at the end."""
    good = json.dumps(GOOD).encode()
    done = run(command, "--jsonl", "-", given=good + b"\n" + line + b"\n" + good + b"\n")
    first, bad, last = done.lines
    assert (first["id"], last["id"], done.code) == ("good", "good", 3)
    assert set(bad) == {"id", "line", "error"}
    assert (bad["id"], bad["line"]) == (None, 2)
    assert reason in bad["error"]


def test_an_error_does_not_quote_the_line(run: Run) -> None:
    """What could not be read is not echoed."""
    done = run("scan", "--jsonl", "-", given='{"id": 1, "text": hunter2}\n')
    assert "hunter2" not in done.out + done.errors


def test_a_line_of_100_mb_is_a_bad_line(start: Callable[..., "Popen[bytes]"]) -> None:
    """It is refused in bounded memory, and the lines around it are answered."""
    process = start("scan", "--jsonl", "-")
    assert process.stdin is not None
    good = json.dumps(GOOD).encode() + b"\n"
    process.stdin.write(good + b'{"id": 2, "text": "')
    for _ in range(100):
        process.stdin.write(b"x" * 1_000_000)
    process.stdin.flush()
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak_kb = int(status.split("VmHWM:")[1].split()[0])
    out, _ = process.communicate(b'"}\n' + good, timeout=150)
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["id"] for answer in answers] == ["good", None, "good"]
    assert "longer than 10000000 bytes" in answers[1]["error"]
    assert process.returncode == 3
    assert peak_kb < 400_000


def test_an_interactive_caller_is_answered_at_once(start: Callable[..., "Popen[bytes]"]) -> None:
    """The answer to a line comes before the next line is sent."""
    process = start("scan", "--jsonl", "-")
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(3):
        process.stdin.write(json.dumps({"id": number, "text": "Hello."}).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == number
    process.stdin.close()
    assert process.wait(timeout=60) == 0


def test_a_reader_that_goes_away_is_no_traceback(start: Callable[..., "Popen[bytes]"]) -> None:
    """As with 'head': a closed pipe ends the command quietly, with the shell's code for it."""
    process = start("scan", "--jsonl", "-")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(jsonl(GOOD).encode())
    process.stdin.flush()
    process.stdout.readline()
    process.stdout.close()
    process.stdin.write(jsonl(*[GOOD] * 200).encode())
    process.stdin.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 141


def test_an_interrupt_is_no_traceback(start: Callable[..., "Popen[bytes]"]) -> None:
    """Ctrl-C ends the command quietly, with the shell's code for it."""
    process = start("scan", "--jsonl", "-")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(jsonl(GOOD).encode())
    process.stdin.flush()
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"")


@pytest.mark.parametrize("identity", ["x", "", 0, -1.5, True, None, "\u2028"])
def test_an_id_comes_back_as_it_came(run: Run, identity: object) -> None:
    """Any JSON scalar may be an id."""
    (answer,) = run("scan", "--jsonl", "-", given=jsonl({"id": identity, "text": "a"})).lines
    assert (answer["id"], type(answer["id"])) == (identity, type(identity))


def test_an_id_may_be_missing(run: Run) -> None:
    """The answer then has null, and is no error."""
    done = run("scan", "--jsonl", "-", given=jsonl({"text": "a"}))
    assert (done.lines[0]["id"], done.lines[0]["decision"], done.code) == (None, "allow", 0)


def test_a_file_is_read_like_stdin(run: Run, tmp_path: Path) -> None:
    """``--jsonl FILE`` reads that file; Windows line ends and a byte order mark do no harm."""
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([json.dumps(GOOD).encode()] * 2))
    done = run("scan", "--jsonl", str(path))
    assert ([line["id"] for line in done.lines], done.code) == (["good", "good"], 0)


def test_a_missing_file_is_wrong_usage(run: Run) -> None:
    """The exit code is 2 and stdout stays empty."""
    done = run("scan", "--jsonl", "no-such-file.jsonl")
    assert (done.code, done.out) == (2, "")
    assert "no-such-file.jsonl" in done.errors


def test_no_lines_are_clean(run: Run) -> None:
    """Empty input has no answers and no findings."""
    done = run("scan", "--jsonl", "-", given=b"")
    assert (done.out, done.code) == ("", 0)


def test_answers_keep_the_order_of_the_lines(run: Run) -> None:
    """Also when thousands come at once."""
    rows = [{"id": at, "text": INJECTION if at % 7 == 0 else "Hello."} for at in range(2_000)]
    done = run("scan", "--jsonl", "-", given=jsonl(*rows))
    assert [line["id"] for line in done.lines] == list(range(2_000))
    assert {line["id"] % 7 for line in done.lines if line["decision"] == "quarantine"} == {0}


def test_answers_are_safe_on_a_terminal(run: Run) -> None:
    """Control characters that a terminal acts on are escaped in the JSON."""
    text = "a\u001b]52;c;x\u0007b\u009b31m\u202ec"
    done = run("strip", "--jsonl", "-", given=jsonl({"id": "\u009b", "text": text}))
    assert done.lines[0]["text"] == text
    assert not {"\u001b", "\u009b", "\u202e", "\u0007"} & set(done.out)
