"""Imports go one way, and the core touches nothing (HOUSE habits 2 and 3): read off the source with `ast`."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = [p for p in sorted((ROOT / "pipeline").rglob("*.py")) if p.parent.name not in {"app", "cli"}]
CONNECTORS = sorted((ROOT / "connectors").rglob("*.py"))
SCHEMAS = sorted((ROOT / "schemas").rglob("*.py"))
DAGS = sorted((ROOT / "dags").glob("*.py"))

# What opens sockets, files or databases, or reads clock or environment.
WORLD = {
    "socket",
    "aiohttp",
    "sqlalchemy",
    "kafka",
    "warcio",
    "os",
    "subprocess",
    "requests",
    "httpx",
    "time",
    "airflow",
}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_imports_no_connector_and_nothing_that_touches_the_world(path: Path) -> None:
    assert not tops(path) & ({"connectors", "dags"} | WORLD)


@pytest.mark.parametrize("path", CONNECTORS, ids=name)
def test_connectors_do_not_know_who_calls_them(path: Path) -> None:
    assert not tops(path) & {"dags"}
    assert not {n for n in imports(path) if n.startswith(("pipeline.app.runs", "pipeline.cli.main"))}


@pytest.mark.parametrize("path", SCHEMAS, ids=name)
def test_schemas_import_nothing_of_ours(path: Path) -> None:
    assert not tops(path) & {"pipeline", "connectors", "dags"}


@pytest.mark.parametrize("path", DAGS, ids=name)
def test_dags_call_the_app_and_never_a_connector(path: Path) -> None:
    assert not tops(path) & {"connectors"}


@pytest.mark.parametrize("path", [*CORE, *SCHEMAS], ids=name)
def test_the_core_asks_for_the_time_instead_of_reading_it(path: Path) -> None:
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    assert not calls & {"datetime.now", "datetime.utcnow", "date.today", "open", "Path.read_text", "os.getenv"}


def test_the_architecture_test_finds_the_modules() -> None:
    assert len(CORE) > 100 and len(CONNECTORS) > 50 and SCHEMAS and DAGS


def test_a_run_that_finds_nothing_new_loads_nothing_that_reads_pages(tmp_path: Path) -> None:
    """Every task of every run pays for what `pipeline.app.runs` loads: half of it was for pages that few runs bring."""
    program = """if True:
        import sys
        from pipeline.app.runs import App
        with App.from_env() as newswire:
            newswire.plan_shards()
        print(*sorted({name.partition(".")[0] for name in sys.modules}))
    """
    home = {"NEWSWIRE_HOME": str(tmp_path), "NEWSWIRE_CATALOGUE": str(ROOT / "dags" / "feeds.toml")}
    for _ in range(2):  # the first one makes the store
        command = [sys.executable, "-c", program]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | home)
    assert not {"trafilatura", "htmldate", "py3langid", "numpy", "kafka", "alembic", "tomlkit"} & set(
        ran.stdout.split()
    )
