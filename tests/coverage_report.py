"""Branch coverage of the last `make test`: `python -m tests.coverage_report [--all]`.

Combines what every process measured (`[tool.coverage]` in pyproject.toml) and prints the total and the modules
covered least. The README's badge line carries the total. This command fails when the measured number is more than one
point below the badge. It says so when the number is more than one point above it.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parents[1]
BADGE = re.compile(r"branch coverage (\d+) %")
SLACK = 1.0  # points: which branches a race or a timeout takes differs from run to run
SHOWN = 10  # modules in the short list


def badge(readme: str) -> int:
    """The percentage in the README's badge line."""
    found = BADGE.search(readme)
    if found is None:
        raise ValueError("README.md has no line with 'branch coverage NN %'")
    return int(found.group(1))


def judge(measured: float, stated: int) -> str | None:
    """What is wrong with the badge or with the coverage, or None."""
    if measured < stated - SLACK:
        return f"coverage fell to {measured:.1f} %: the floor is {stated - SLACK:.0f} %"
    if measured > stated + SLACK:
        return f"coverage is {measured:.1f} %: write 'branch coverage {int(measured)} %' in README.md"
    return None


def main(arguments: list[str]) -> int:
    """Combine, print, compare; 1 when coverage fell below the floor."""
    folder = ROOT / "var" / "coverage"
    parts = list(folder.glob("data.*"))
    coverage = Coverage(config_file=str(ROOT / "pyproject.toml"))
    if parts:
        coverage.combine([str(folder)])
        coverage.save()
    elif (folder / "data").exists():
        coverage.load()
    else:
        print("no process left coverage data in var/coverage: nothing is compared with the badge", file=sys.stderr)
        return 0
    table = io.StringIO()
    total = coverage.report(file=table, skip_covered=True, sort="cover", show_missing="--all" in arguments)
    lines = table.getvalue().splitlines()
    print("\n".join(lines if "--all" in arguments else [lines[0], *lines[2 : 2 + SHOWN]]))
    stated = badge((ROOT / "README.md").read_text(encoding="utf-8"))
    wrong = judge(total, stated)
    print(f"branch coverage {total:.1f} % over {len(parts)} processes")
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if total < stated - SLACK else 0  # a better number is said, and breaks no build


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
