"""What docs/provenance_log.md says of commands, settings and bytes is so."""

import base64
import hashlib
import os
import re
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from ragbastion.core.settings_log import LogSettings
from ragbastion.ingest.provenance.log import NoteKey, NoteSigner, TreeHead
from ragbastion.ingest.provenance.log.checkpoint import sign_checkpoint

PAGE = (Path(__file__).parents[2] / "docs" / "provenance_log.md").read_text()
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(language: str) -> list[str]:
    return [text for kind, text in _BLOCK.findall(PAGE) if kind == language]


def test_the_commands_run(tmp_path: Path) -> None:
    """Every line of the console blocks, in order, in one folder."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "RAGBASTION_STATE_DIR": str(tmp_path / "state"),
    }
    lines = [line.removeprefix("$ ") for line in "".join(_blocks("console")).splitlines()]
    assert len(lines) == 4
    for line in lines:
        command = line.replace("ragbastion", f"{sys.executable} -m ragbastion", 1)
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert (tmp_path / "kept.note").read_text().count("\n— ") == 2
    assert NoteKey.parse((tmp_path / "w1.key").read_text().strip()).name == "witness.example/w1"


def test_the_settings_are_valid() -> None:
    """With a whole key in place of the one that is cut short."""
    [text] = _blocks("toml")
    values = tomllib.loads(text.replace("# database", "database"))["provenance"]["log"]
    signer = NoteSigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    values["witnesses"][0]["key"] = str(signer.cosigner)
    settings = LogSettings.model_validate(values)
    assert (settings.origin, settings.quorum) == ("rag.example.com/log", 1)
    assert settings.witnesses[0].command == ("ssh", "witness@witness.example")


def test_a_checkpoint_is_the_bytes_that_the_page_says() -> None:
    """Taken apart by the table of the page, with nothing of ours but the key."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = key.public_key().public_bytes_raw()
    [example] = _blocks("text")
    text = example.split("\n\n")[0] + "\n"
    head = TreeHead.parse(text)
    note = sign_checkpoint(head, NoteSigner(head.origin, key), 1_700_000_000)
    body, _, lines = note.rpartition("\n\n")
    assert body + "\n" == text
    plain, timed = (base64.b64decode(line.split(" ")[2]) for line in lines.splitlines())
    for kind, data in ((b"\x01", plain), (b"\x04", timed)):
        name = head.origin.encode()
        assert data[:4] == hashlib.sha256(name + b"\x0a" + kind + public).digest()[:4]
    verifier = Ed25519PublicKey.from_public_bytes(public)
    verifier.verify(plain[4:], text.encode())
    (time_s,) = struct.unpack(">Q", timed[4:12])
    assert time_s == 1_700_000_000
    verifier.verify(timed[12:], b"cosignature/v1\x0atime 1700000000\x0a" + text.encode())


def test_the_tree_is_the_one_that_the_page_says() -> None:
    """The root in the example is that of the first three published leaves."""
    leaves = [hashlib.sha256(b"\x00" + data).digest() for data in (b"", b"\x00", b"\x10")]
    left = hashlib.sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    root = hashlib.sha256(b"\x01" + left + leaves[2]).digest()
    assert base64.b64encode(root).decode() in _blocks("text")[0]
