"""Airflow for the DAG tests: a throw-away AIRFLOW_HOME, set in the environment before anything imports Airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stack.daemon import without_coverage

ROOT = Path(__file__).parents[2]
DAGS = ROOT / "dags"
HOME = Path(tempfile.mkdtemp(prefix="newswire-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Airflow 3.3 warns of its own deprecations and leaves its own connections open: none of ours to mend."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.airflow)
            for theirs in ("ignore::DeprecationWarning", "ignore::ResourceWarning"):
                item.add_marker(pytest.mark.filterwarnings(theirs))


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Airflow's tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.cli.commands.pool_command import pool_import_helper
        from airflow.listeners.listener import get_listener_manager
        from airflow.utils import db

        from connectors.airflow import run_notes

        db.initdb()
        _pools, failed = pool_import_helper(DAGS / "pools.json")
        assert not failed
        # By its entry point, too, where the project is installed as it is now; twice is once.
        get_listener_manager().add_listener(run_notes)


@pytest.fixture(scope="session")
def dagbag(airflow_db: None) -> Any:
    """Our DAGs as the DAG processor loads them."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(DAGS))


@dataclass(frozen=True, slots=True)
class Runnable:
    """A DAG to be run by `dag.test()`, without its deadline, on which that call breaks in 3.3.2."""

    dag: Any

    def test(self, **options: Any) -> Any:
        """Run it; the run."""
        deadline, self.dag.deadline = self.dag.deadline, None
        try:
            return self.dag.test(**options)
        finally:
            self.dag.deadline = deadline


@pytest.fixture(scope="session")
def runnable(dagbag: Any) -> Any:
    """A DAG by its id, to be run."""
    return lambda dag_id: Runnable(dagbag.get_dag(dag_id))


@pytest.fixture(scope="module")
def newsroom() -> Iterator[str]:
    """The sample newsroom in a process of its own; its address."""
    command, env = [sys.executable, "-m", "tests.newsroom", "--port", "0", "--quiet"], without_coverage(os.environ)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.terminate()


@pytest.fixture(scope="module")
def newsroom_settings(newsroom: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The environment of the tasks."""
    home = tmp_path_factory.mktemp("newswire")
    with urllib.request.urlopen(f"http://{newsroom}/-/catalogue", timeout=10) as answer:
        (home / "feeds.toml").write_bytes(answer.read())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NEWSWIRE_HOME", str(home))
        environment.setenv("NEWSWIRE_CATALOGUE", str(home / "feeds.toml"))
        environment.setenv("NEWSWIRE_NEWSROOM", newsroom)
        environment.setenv("NEWSWIRE_HOST_SPACING_S", "0")
        yield
