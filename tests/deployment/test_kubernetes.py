"""The Kubernetes example holds together, and says what docker-compose.yml says where both speak."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import __version__
from pipeline.domain import settings
from tests.stack.compose import read_compose

ROOT = Path(__file__).parents[2]
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "kubernetes.yml").read_text("utf-8")))
MADE_BY_MAKE_ENV = re.findall(r'echo "([A-Z_]+)=', (ROOT / "Makefile").read_text("utf-8"))
COMPOSE = read_compose(dict.fromkeys(MADE_BY_MAKE_ENV, "made-up"))["services"]
CONFIG: dict[str, str] = next(one["data"] for one in OBJECTS if one["metadata"]["name"] == "newswire" and "data" in one)
TEMPLATE = yaml.safe_load(next(one["data"]["pod.yml"] for one in OBJECTS if one["metadata"]["name"] == "pod-template"))
# What differs on purpose: another executor, its own names.
OWN = {"AIRFLOW__CORE__EXECUTOR", "NEWSWIRE_DEPLOYMENT", "NEWSWIRE_KAFKA_BOOTSTRAP"}


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for one in OBJECTS:
        if "template" in one.get("spec", {}):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
    yield "task", TEMPLATE["spec"]


every_pod = pytest.mark.parametrize(("name", "pod"), list(pods()), ids=lambda value: str(value)[:14])


@every_pod
def test_every_pod_runs_without_privileges_and_within_limits(name: str, pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["containers"]:
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert {"cpu", "memory"} == set(container["resources"]["limits"])
        assert container["image"].endswith(f":{__version__}")


@every_pod
def test_what_a_pod_refers_to_is_there(name: str, pod: dict[str, Any]) -> None:
    there = {(one["kind"], one["metadata"]["name"]) for one in OBJECTS}
    assert ("ServiceAccount", pod["serviceAccountName"]) in there
    for volume in pod["volumes"]:
        claim, config = volume.get("persistentVolumeClaim"), volume.get("configMap")
        assert (
            ("PersistentVolumeClaim", claim["claimName"]) in there if claim else ("ConfigMap", config["name"]) in there
        )
    mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


@every_pod
def test_secrets_come_by_a_name_that_make_env_writes(name: str, pod: dict[str, Any]) -> None:
    for variable in pod["containers"][0]["env"]:
        if "valueFrom" in variable:
            assert variable["valueFrom"]["secretKeyRef"]["key"] in MADE_BY_MAKE_ENV
        else:
            used = re.findall(r"\$\((\w+)\)", variable["value"])
            earlier = {each["name"] for each in pod["containers"][0]["env"]} | set(CONFIG)
            assert set(used) <= earlier
            assert len(used) == 2


def test_only_the_scheduler_may_start_pods() -> None:
    with_rights = {name for name, pod in pods() if pod["serviceAccountName"] == "airflow"}
    assert with_rights == {"scheduler"}
    (role,) = (one for one in OBJECTS if one["kind"] == "Role")
    assert {resource for rule in role["rules"] for resource in rule["resources"]} == {"pods", "pods/log", "events"}


def test_settings_are_those_of_the_compose_file_where_both_speak() -> None:
    compose = COMPOSE["worker"]["environment"]
    both = {name for name in CONFIG if name in compose} - OWN
    assert len(both) > 8
    assert {name: CONFIG[name] for name in both} == {name: compose[name] for name in both}


def test_newswire_settings_are_settings_that_exist() -> None:
    given = {name: value for name, value in CONFIG.items() if name.startswith(settings.PREFIX)}
    assert settings.load(given).deployment == "kubernetes"


def test_init_does_what_the_compose_file_does() -> None:
    (job,) = (pod for name, pod in pods() if name == "init")
    ours = " ".join(job["containers"][0]["command"][-1].split())
    theirs = " ".join(COMPOSE["init"]["command"][-1].split())
    assert ours == theirs


def test_every_service_finds_its_pods() -> None:
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in OBJECTS if one["kind"] == "Deployment"]
    for service in (one for one in OBJECTS if one["kind"] == "Service"):
        assert service["spec"]["selector"] in labels


def test_the_task_pod_is_what_the_executor_asks_for() -> None:
    assert TEMPLATE["spec"]["containers"][0]["name"] == "base"
    assert TEMPLATE["spec"]["restartPolicy"] == "Never"
    image = f"{CONFIG['AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_REPOSITORY']}:{__version__}"
    assert TEMPLATE["spec"]["containers"][0]["image"] == image
