"""Architecture: imports go one way, package by package, and the core touches nothing outside (read with `ast`)."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# The direction (docs/explanation/architecture.md): a package imports packages of its own line and of the lines below.
# Packages on one line do not import each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("pipeline.cli", "dags"),
    ("pipeline.app",),
    (
        "connectors.http", "connectors.store", "connectors.kafka", "connectors.archive", "connectors.workers",
        "connectors.desk", "connectors.metrics", "connectors.airflow",
    ),
    ("pipeline.ingest",),
    ("pipeline.delivery",),
    (
        "pipeline.extraction", "pipeline.dedup", "pipeline.feeds", "pipeline.scheduling", "pipeline.catalogue",
        "pipeline.reporting",
    ),
    ("pipeline.identity",),
    ("pipeline.text",),
    ("pipeline.domain", "schemas"),
)  # fmt: skip
FLOOR_OF = {package: number for number, floor in enumerate(FLOORS) for package in floor}
# Two connectors, or two stages, of which one is built on the other.
ALLOWED_BESIDE = {
    ("connectors.desk", "connectors.store"),  # the desk reads the store's tables
    ("connectors.desk", "connectors.metrics"),  # both show the same delays
    ("connectors.archive", "connectors.http"),  # the TDM reservation of an archived answer is read as of a live one
    ("connectors.workers", "connectors.archive"),  # the worker that has the page packs its record
    ("connectors.metrics", "connectors.store"),  # the exporter reads the store's tables
}
CORE = (
    "domain", "text", "identity", "catalogue", "feeds", "scheduling", "extraction", "dedup", "delivery", "reporting",
    "ingest",
)  # fmt: skip

# What opens sockets, files or databases, or reads clock or environment.
WORLD = {
    "socket", "aiohttp", "sqlalchemy", "kafka", "warcio", "os", "subprocess", "requests", "httpx", "time", "airflow",
}  # fmt: skip


def package_of(module: str) -> str:
    """`pipeline.feeds` of `pipeline.feeds.parse`; `dags` and `schemas` are one package each."""
    parts = module.split(".")
    return parts[0] if parts[0] in {"dags", "schemas"} else ".".join(parts[:2])


def files_of(package: str) -> list[Path]:
    # schemas/consumers are examples to copy into other projects
    return sorted(p for p in (ROOT / package.replace(".", "/")).rglob("*.py") if p.parent.name != "consumers")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from pipeline.app import backfill` imports the module `pipeline.app.backfill`
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    """The packages of ours that a file imports; `pipeline.__version__` belongs to none."""
    found = {name for name in imports(path) if name.split(".")[0] in {"pipeline", "connectors", "dags", "schemas"}}
    return {package_of(name) for name in found if name not in {"pipeline", "pipeline.__version__"}}


def calls(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_every_package_has_a_place_in_the_direction() -> None:
    packages = {f"{top}.{path.name}" for top in ("pipeline", "connectors") for path in (ROOT / top).iterdir()
                if path.is_dir() and any(path.glob("*.py"))}  # fmt: skip
    assert packages | {"dags", "schemas"} == set(FLOOR_OF)
    assert {path.name for top in ("pipeline", "connectors") for path in (ROOT / top).glob("*.py")} == {"__init__.py"}


@pytest.mark.parametrize("package", FLOOR_OF)
def test_imports_go_down(package: str) -> None:
    files = files_of(package)
    assert files, f"no module found in {package}: this test would hold nothing"
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for path in files
        for other in ours(path) - {package}
        if FLOOR_OF[other] <= FLOOR_OF[package] and (package, other) not in ALLOWED_BESIDE
    ]
    assert not wrong


@pytest.mark.parametrize("package", [f"pipeline.{name}" for name in CORE] + ["schemas"])
def test_the_core_touches_nothing_outside(package: str) -> None:
    files = files_of(package)
    assert files
    for path in files:
        assert not {name.split(".")[0] for name in imports(path)} & WORLD, path
        clocks = {"datetime.now", "datetime.utcnow", "date.today", "open", "Path.read_text", "os.getenv"}
        assert not calls(path) & clocks, path


def test_dags_import_the_app_alone() -> None:
    for path in files_of("dags"):
        assert not ours(path) & {package for package in FLOOR_OF if package.startswith("connectors.")}, path


@pytest.mark.parametrize("top", ["pipeline", "connectors"])
def test_packages_open_with_a_docstring_and_nothing_else(top: str) -> None:
    """Importing a package must load nothing: a run that finds nothing new pays for every import."""
    found = sorted((ROOT / top).glob("*/**/__init__.py"))
    assert found
    for path in found:
        if "migrations" in path.parts:
            continue
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert len(body) == 1 and isinstance(body[0], ast.Expr), path


def test_a_run_that_finds_nothing_new_loads_nothing_that_reads_pages(tmp_path: Path) -> None:
    """Every task of every run pays for what `pipeline.app.runs` loads; few runs bring pages."""
    program = """if True:
        import sys
        from pipeline.app.runs import Newswire
        with Newswire.from_env() as newswire:
            newswire.plan_shards()
        print(*sorted(sys.modules))
    """
    home = {"NEWSWIRE_HOME": str(tmp_path), "NEWSWIRE_CATALOGUE": str(ROOT / "dags" / "feeds.toml")}
    for _ in range(2):  # the first one makes the store
        command = [sys.executable, "-c", program]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | home)
    heavy = {
        "trafilatura", "htmldate", "py3langid", "numpy", "kafka", "alembic", "tomlkit", "lxml",
        "pipeline.extraction.boilerplate.walls",
    }  # fmt: skip
    assert not heavy & set(ran.stdout.split())


@pytest.mark.parametrize("words", ["db upgrade", "feeds list", "poll --dry-run", "tail articles", "why x", "deliver"])
def test_a_command_that_touches_no_page_loads_nothing_that_fetches_or_settles(words: str, tmp_path: Path) -> None:
    """An operator waits for what a command loads, and these neither fetch, read pages nor decide on articles."""
    program = """if True:
        import sys
        from pipeline.cli.main import main
        try:
            main()
        finally:
            print(*sorted(sys.modules))
    """
    home = {"NEWSWIRE_HOME": str(tmp_path), "NEWSWIRE_CATALOGUE": str(ROOT / "dags" / "feeds.toml")}
    command = [sys.executable, "-c", program]
    # The first one makes the store, which loads alembic.
    subprocess.run([*command, "db", "upgrade"], capture_output=True, check=True, env=os.environ | home)
    ran = subprocess.run([*command, *words.split()], capture_output=True, text=True, check=False, env=os.environ | home)
    loaded = set(ran.stdout.split())
    assert "connectors.store.database" in loaded, ran.stderr
    heavy = {
        "aiohttp", "alembic", "kafka", "lxml", "numpy", "py3langid", "pygments", "rich.markdown", "structlog",
        "trafilatura", "connectors.http.fetcher", "connectors.workers.pool", "connectors.workers.protocol",
        "pipeline.dedup.decide", "pipeline.extraction.wrapper.wrapper", "pipeline.feeds.parse",
        "pipeline.ingest.context", "pipeline.ingest.poll", "pipeline.ingest.replay", "pipeline.ingest.revisit",
        "pipeline.ingest.settle", "pipeline.text.tokens",
    }  # fmt: skip
    assert not heavy & loaded
