"""The compose file and the image keep what they promise: read from the files, and asked of Compose where it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stack.compose import Unset, read_compose

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer", "worker", "metrics", "init")
ONE_SHOT = ("init", "newsroom-catalogue")
MADE_BY_MAKE_ENV = re.findall(r'echo "([A-Z_]+)=', (ROOT / "Makefile").read_text("utf-8"))
# The image's lock may differ from the tested one here, and nowhere else.
DIFFERS = {"python-dateutil": "Flask-AppBuilder, the login of the image, wants it below 4"}

every_service = pytest.mark.parametrize("name", SERVICES)


def locked(path: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "locks" / path).read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", [*AIRFLOW, "postgres", "redis", "kafka", "newsroom"])
def test_the_topology_is_complete(name: str) -> None:
    assert name in SERVICES


@every_service
def test_every_image_is_pinned_to_a_version(name: str) -> None:
    assert re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", SERVICES[name]["image"])


@every_service
def test_every_server_is_watched_and_started_again(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
    else:
        assert service["restart"] == "unless-stopped"
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])


@every_service
def test_every_service_has_a_limit_of_processor_memory_and_log(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory"}
    assert SERVICES[name]["logging"]["options"]["max-size"]


@every_service
def test_ports_are_open_on_loopback_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert str(port).startswith("127.0.0.1:")


def test_database_and_queue_cannot_be_reached_from_outside() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]


@pytest.mark.parametrize("name", [*AIRFLOW, "redis", "kafka", "newsroom"])
def test_containers_run_without_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert name == "kafka" or service["user"] in ("50000:0", "redis")


@pytest.mark.parametrize("name", AIRFLOW)
def test_all_of_airflow_has_one_environment_and_one_image(name: str) -> None:
    common = COMPOSE["x-airflow"]
    assert SERVICES[name]["image"] == common["image"]
    assert SERVICES[name]["environment"].items() >= common["environment"].items()
    assert SERVICES[name]["volumes"] == common["volumes"]


def test_secrets_come_from_the_file_that_make_env_writes() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert set(re.findall(r"\$\{([A-Z_]+):\?", text)) <= set(MADE_BY_MAKE_ENV)


def test_without_secrets_the_file_says_what_to_do() -> None:
    with pytest.raises(Unset, match="say make env first"):
        read_compose({})


@every_service
def test_no_secret_stands_in_the_file_itself(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|FERNET|CLUSTER_ID", variable):
            assert re.fullmatch(r"\$\{[A-Z_]+:\?say make env first\}", value)
        if "@" in str(value) and "://" in str(value):
            assert re.search(r"://\w*:\$\{[A-Z_]+:\?say make env first\}@", value)


def test_newswire_settings_of_the_file_are_settings_that_exist() -> None:
    from pipeline.domain import settings

    filled = read_compose(dict.fromkeys(MADE_BY_MAKE_ENV, "made-up"))["x-airflow"]["environment"]
    given = {name: value for name, value in filled.items() if name.startswith(settings.PREFIX)}
    assert len(given) > 5
    assert settings.load(given).deployment == "compose"


def test_the_image_runs_the_versions_that_are_tested() -> None:
    tested, image = locked("run.txt"), locked("image.txt")
    assert {name for name in tested if image.get(name) != tested[name]} == set(DIFFERS)


def test_the_image_is_built_without_root_from_locked_dependencies() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    bases = {line.split()[1] for line in lines if line.startswith("FROM python")}
    assert len(bases) == 1
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", bases.pop())
    assert "USER 50000:0" in lines
    assert any("--require-hashes" in line for line in lines)


def test_compose_itself_accepts_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    command = compose_command()
    if command is None:
        with capsys.disabled():
            print(
                "\ndocker compose is not here ($DOCKER_COMPOSE may name it): its own reading of the file is not tried"
            )
        return
    variables = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    variables |= dict.fromkeys(MADE_BY_MAKE_ENV, "made-up-for-the-test")
    done = run([*command, "--profile", "newsroom", "config"], variables)
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(SERVICES)


def compose_command() -> list[str] | None:
    if os.environ.get("DOCKER_COMPOSE"):
        return [os.environ["DOCKER_COMPOSE"]]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker") and run(["docker", "compose", "version"], dict(os.environ)).returncode == 0:
        return ["docker", "compose"]
    return None


def run(command: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
