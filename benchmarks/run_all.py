"""Run every benchmark, one after another, into one folder: make bench DATA=DIR.

python benchmarks/run_all.py --data DIR --out benchmarks/results
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent


def main() -> None:
    """Run all; exit with 1 if any failed, after the others have run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    data, out = options.data.resolve(), ["--out", str(options.out.resolve())]
    # Those that are shipped run as users run them.
    shipped = ["-m", "ragbastion", "bench", "injection", "--data", str(data), *out]
    poisoned = ["-m", "ragbastion", "bench", "poisoning", "--data", str(data), *out]
    attacked = ["-m", "ragbastion", "bench", "tenancy", "--calls", "1000000", *out]
    scripts = {
        "access": out,
        "provenance": ["--data", str(data), *out],
        "vector_binding": ["--data", str(data), *out],
        "reembedding": ["--data", str(data), *out],
        "round_trips": out,
        "revocation": out,
        "log": out,
        "stores": out,
        "encryption": out,
        "guarded": out,
        "gateway": out,
        "signatures": ["--data", str(data), *out],
        "joins": ["--data", str(data / "poison"), *out],
        "signals": ["--data", str(data), *out],
        "pii": ["--data", str(data / "pii"), *out],
        "main_job": ["--data", str(data), *out],
    }
    runs = {name: [str(_HERE / f"{name}.py"), *rest] for name, rest in scripts.items()}
    runs["embedded"] = ["-m", "benchmarks.embedded", *out]
    runs["poisoning_cost"] = ["-m", "benchmarks.poisoning_cost", "--data", str(data), *out]
    runs["injection"] = shipped
    runs["poisoning"] = poisoned
    runs["tenancy"] = attacked
    failed = [name for name, arguments in runs.items() if _run(name, arguments)]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _run(name: str, arguments: list[str]) -> int:
    print(f"== {name}", flush=True)
    return subprocess.run([sys.executable, *arguments], cwd=_HERE.parent).returncode


if __name__ == "__main__":
    main()
