"""The reference in the docs is what the command says of itself."""

import subprocess
import sys
from pathlib import Path

GENERATOR = Path(__file__).parents[2] / "docs" / "generate_cli.py"


def test_the_page_is_up_to_date() -> None:
    """``python docs/generate_cli.py`` would change nothing."""
    done = subprocess.run(
        [sys.executable, str(GENERATOR), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
