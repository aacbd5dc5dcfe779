"""The wheel holds our three packages with everything they read, and works where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.stack.daemon import without_coverage

ROOT = Path(__file__).parents[2]
PACKAGES = ("connectors", "pipeline", "schemas")
# Tests that need nothing but the packages: they are run once more against the installed wheel.
TESTS = ("domain/test_settings.py", "reporting/test_report.py", "scheduling/test_shards.py")
READ_BY_CODE = (".json", ".toml", ".ini", ".mako", ".html", ".css", ".svg")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."], source)
    (built,) = (source / "dist").glob("newswire-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder it is installed to, without its dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(wheel)], folder)
    return folder


def test_the_wheel_has_our_three_packages_and_no_other(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_has_every_file_that_the_code_reads(wheel: Path) -> None:
    there = set(zipfile.ZipFile(wheel).namelist())
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file()]
    wanted = {str(path.relative_to(ROOT)) for path in files if path.suffix in (".py", *READ_BY_CODE)}
    assert wanted - there == set()
    assert {f"{name}/py.typed" for name in PACKAGES} <= there


def test_the_command_runs_from_the_installed_wheel(installed: Path) -> None:
    program = "import pipeline.cli.main as cli, sys; print(cli.__file__); sys.argv = ['newswire', '--help']; cli.main()"
    said = run([sys.executable, "-c", program], installed.parent, installed)
    assert said.splitlines()[0] == str(installed / "pipeline" / "cli" / "main.py")
    assert "Usage: newswire" in said


def test_tests_pass_against_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    for name in TESTS:
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    said = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"], tmp_path, installed)
    assert " passed" in said


@pytest.mark.skipif("TESTED_WHEEL" not in os.environ, reason="only `make test` runs the tests against a wheel")
def test_what_make_test_tests_is_the_wheel() -> None:
    tested = Path(os.environ["TESTED_WHEEL"])
    programs = [sys.executable, "-c", "import pipeline, connectors, schemas; print(pipeline.__file__)"]
    assert Path(run(programs, ROOT).strip()).is_relative_to(tested)
    assert all(Path(str(sys.modules[name].__file__)).is_relative_to(tested) for name in PACKAGES if name in sys.modules)


def run(command: list[str], folder: Path, packages: Path | None = None) -> str:
    variables = without_coverage(os.environ) | ({"PYTHONPATH": str(packages)} if packages else {})
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
