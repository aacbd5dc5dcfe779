"""The torture at a terminal: `python -m tests.torture --faults 200 --minutes 20`.

Prints its seed (the same one draws the same faults and the same newsroom; what they meet is up to the machine), a line
per fault, and what the audit found; exit 1 on a difference, with logs and data kept in a folder that it names.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.torture.run import Outcome, Plan, torture

SHOWN = 30  # differences printed


def main() -> int:
    """Read the command line, torture, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=20, help="about how long the faults are spread over")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, to draw the same faults")
    parser.add_argument("--keep", action="store_true", help="keep logs and data even when all is well")
    choice = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # servers and workers are ended as by Ctrl-C
    seed = random.SystemRandom().randrange(1_000_000) if choice.seed is None else choice.seed
    # A fault itself takes 2 s on average: the servers that were killed are started again.
    pause_s = max(0.3, choice.minutes * 60 / choice.faults - 2)
    plan = Plan(faults=choice.faults, seed=seed, pause_s=pause_s, beat_s=2.0)
    folder = Path(tempfile.mkdtemp(prefix="newswire-torture-"))
    folder.chmod(0o755)
    print(f"seed {seed}; logs and data in {folder}", flush=True)
    began = time.monotonic()
    outcome = torture(folder, plan, say=lambda line: print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True))
    print_outcome(outcome, minutes=(time.monotonic() - began) / 60)
    if outcome.differences:
        print(f"seed {seed}; evidence kept in {folder}")
        return 1
    if not choice.keep:
        shutil.rmtree(folder)
    return 0


def print_outcome(outcome: Outcome, *, minutes: float) -> None:
    """What was done and found."""
    kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(outcome.done.items()))
    print(f"{outcome.done.total()} faults in {minutes:.1f} minutes: {kinds}; {outcome.restarts} restarts")
    print(f"{outcome.articles} articles, {outcome.messages} messages on topics: {len(outcome.differences)} differences")
    for difference in outcome.differences[:SHOWN]:
        print(f"  {difference}")


if __name__ == "__main__":
    sys.exit(main())
