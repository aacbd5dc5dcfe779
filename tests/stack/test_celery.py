"""What `make scale` runs is what docker-compose.yml says, on this machine's ports and folders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.domain import settings
from tests.stack.celery import COMPONENTS, CeleryStack


@pytest.fixture
def stack(tmp_path: Path) -> CeleryStack:
    return CeleryStack(tmp_path, {"NEWSWIRE_NEWSROOM": "127.0.0.1:8800"}, {"NEWSWIRE_RETRY_S": "5"})


@pytest.mark.parametrize("service", [*COMPONENTS, "worker", "init"])
def test_every_variable_of_the_file_is_set_and_names_no_container(stack: CeleryStack, service: str) -> None:
    given = stack.services[service]["environment"]
    variables = stack.variables(service)
    assert set(given) <= set(variables)
    for name in given:
        assert not re.search(r"(postgres|redis|kafka|api-server):\d|/opt/|/var/lib/", variables[name]), name


def test_a_workers_settings_are_those_of_the_file_and_of_the_test(stack: CeleryStack) -> None:
    variables = stack.variables("worker")
    given = {name: value for name, value in variables.items() if name.startswith(settings.PREFIX)}
    loaded = settings.load(given)
    assert (loaded.deployment, loaded.retry.wait_s, loaded.testing.newsroom) == ("compose", 5, "127.0.0.1:8800")
    assert loaded.kafka.bootstrap == f"127.0.0.1:{stack.ports['kafka']}"


def test_the_broker_listens_on_loopback_alone(stack: CeleryStack) -> None:
    given = stack.services["kafka"]["environment"]
    for name in ("KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS"):
        places = stack.kafka_here(given[name]).split(",")
        assert all(place.partition("://")[2].startswith("127.0.0.1:") for place in places)


def test_health_is_asked_of_this_stack(stack: CeleryStack) -> None:
    for name in (*COMPONENTS, "worker"):
        words = stack.here(" ".join(stack.services[name]["healthcheck"]["test"]))
        assert not re.search(r"//(api-server|localhost):8080|:8974", words), name
