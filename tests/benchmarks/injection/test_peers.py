"""Peers: asked where they are installed, named where not, and never in the way of the others."""

import importlib.metadata
import tomllib
from pathlib import Path

from ragbastion.benchmarks.injection.methods import Judge, Judgement
from ragbastion.benchmarks.injection.peers import PEERS, Peer, by_peers

from .conftest import row

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
ROWS = [row(1), row(0)]


def _by_length() -> Judge:
    def judge(text: str) -> Judgement:
        return float(len(text)), False

    return judge


def _broken() -> Judge:
    raise OSError("its model is gone")


def test_an_installed_peer_is_asked() -> None:
    """It is named with its version, and how its score is read stays with it."""
    peer = Peer(package="numpy", how="length", load=_by_length)
    found, skipped = by_peers(ROWS, lambda _: None, [peer])
    [(name, said)] = found.items()
    assert name == f"numpy {importlib.metadata.version('numpy')}"
    assert (said.how, skipped) == ("length", {})
    assert said.scores.tolist() == [float(len(r.text)) for r in ROWS]


def test_a_peer_that_is_not_installed_is_named() -> None:
    """With the line that installs it."""
    peer = Peer(package="no-such-guard", how="", load=_broken)
    found, skipped = by_peers(ROWS, lambda _: None, [peer])
    assert found == {}
    assert "pip install 'ragbastion[peers]'" in skipped["no-such-guard"]


def test_a_peer_that_fails_is_named_and_the_next_one_runs() -> None:
    """Half an hour of measuring is not lost to one package."""
    broken = Peer(package="numpy", how="", load=_broken)
    good = Peer(package="rich", how="", load=_by_length)
    found, skipped = by_peers(ROWS, lambda _: None, [broken, good])
    assert [name.split()[0] for name in found] == ["rich"]
    assert list(skipped.values()) == ["failed: OSError"]


def test_every_peer_has_a_line_in_the_extra() -> None:
    """And no other extra holds one: a peer is never needed to run."""
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    names = {peer.package for peer in PEERS}
    assert {line.split("[")[0].split(">")[0] for line in extras["peers"]} == names
    others = " ".join(line for name, lines in extras.items() if name != "peers" for line in lines)
    assert [name for name in (*names, "[peers]", ",peers") if name in others] == []
