"""Real servers for the tests, started once per session on first use, and gone when it ends."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.kafka import Broker, MissingTool, start_broker
from tests.stack.postgres import Postgres, start_postgres
from tests.stack.registry import Registry, start_registry

numbers = itertools.count(1)

# Files whose tests take minutes. A run in two processes starts with them: the file that ends last decides its length.
LONG_FIRST = ("stack/test_up", "app/test_kill", "torture/", "desk/test_browser", "newsroom/", "dags/test_")

# Fixtures that start a server. A test on both databases has the name of one in its id.
SERVERS = {"broker", "postgres", "postgres_url", "real_registry"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""

    def place(item: pytest.Item) -> int:
        return next((n for n, part in enumerate(LONG_FIRST) if part in item.path.as_posix()), len(LONG_FIRST))

    items.sort(key=place)
    for item in items:
        if not SERVERS.isdisjoint(getattr(item, "fixturenames", ())) or "postgres" in item.name:
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real Kafka broker, which deletes nothing: messages of tests carry a day of their own, and retention would take
    them away once that is a week ago, whenever it looks.
    """
    day_ms = str(24 * 60 * 60 * 1000)
    never = {"log.initial.task.delay.ms": day_ms, "log.retention.check.interval.ms": day_ms}
    try:
        running = start_broker(tmp_path_factory.mktemp("kafka"), more=never)
    except MissingTool as missing:
        pytest.exit(f"the tests need a real Kafka broker: {missing}", returncode=2)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def real_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A real schema registry."""
    try:
        running = start_registry(tmp_path_factory.mktemp("registry"))
    except MissingTool as missing:
        pytest.exit(f"the tests need a real schema registry: {missing}", returncode=2)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL server; commits wait for the disk, as in production.

    Not below pytest's own folder: its user could no longer reach it when another session closes that folder to others.
    """
    with tempfile.TemporaryDirectory(prefix="newswire-pg-", ignore_cleanup_errors=True) as folder:
        try:
            running = start_postgres(Path(folder))
        except MissingTool as missing:
            pytest.exit(f"the tests need a real PostgreSQL: {missing}", returncode=2)
        yield running
        running.stop()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A fresh, empty database."""
    name = f"test_{next(numbers)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same test on both databases: the contract of the store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres_url"))
