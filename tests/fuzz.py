"""A million odd feeds, URLs, headers and dates: `python -m tests.fuzz [--runs N] [--processes N]`, at length."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
DEFAULT_RUNS = 1_000_000


def main(arguments: list[str]) -> int:
    """Run every `test_fuzz*.py` with so many runs shared among its properties."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--runs", type=int, default=DEFAULT_RUNS, help="shared among the properties (%(default)s)")
    options.add_argument("--processes", type=int, default=2, help="side by side (%(default)s)")
    chosen = options.parse_args(arguments)
    runs: int = chosen.runs
    files = sorted(str(path) for path in TESTS.rglob("test_fuzz*.py"))
    print(f"{runs:,} runs shared among the properties of {len(files)} file(s)", flush=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        str(chosen.processes),
        "--dist",
        "worksteal",
        "--durations",
        "0",
        *files,
    ]
    return subprocess.run(
        command, env=os.environ | {"NEWSWIRE_FUZZ_RUNS": str(runs)}, cwd=TESTS.parent, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
