"""The badge of the README against the measured coverage, and the settings that measure every process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import coverage_report

ROOT = Path(__file__).parents[1]


def test_the_readme_has_a_coverage_badge() -> None:
    assert 0 <= coverage_report.badge((ROOT / "README.md").read_text(encoding="utf-8")) <= 100


def test_a_readme_without_a_badge_is_an_error() -> None:
    with pytest.raises(ValueError, match="branch coverage"):
        coverage_report.badge("# newswire\n")


@pytest.mark.parametrize(
    "measured, stated, part",
    [
        (88.2, 88, None),
        (87.1, 88, None),
        (88.9, 88, None),
        (86.9, 88, "the floor is 87 %"),
        (89.1, 88, "write 'branch coverage 89 %'"),
    ],
)
def test_badge_may_differ_by_one_point(measured: float, stated: int, part: str | None) -> None:
    wrong = coverage_report.judge(measured, stated)
    assert wrong is None if part is None else part in str(wrong)


def test_coverage_measures_child_processes_in_other_folders(tmp_path: Path) -> None:
    config = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"var/coverage/data"' in config
    (tmp_path / "pyproject.toml").write_text(config.replace("var/coverage/data", str(tmp_path / "data" / "part")))
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    program = tmp_path / "program.py"
    program.write_text(
        "import os, subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'import pipeline.domain.model'], cwd='elsewhere', check=True)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-m", "coverage", "run", "--rcfile", "pyproject.toml", str(program)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert len(list((tmp_path / "data").glob("part.*"))) == 2
