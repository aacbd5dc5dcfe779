"""Settings: every fault at once, secrets never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.domain.settings import Settings, describe, load


def test_defaults_need_no_environment() -> None:
    assert load({}) == Settings()
    assert load({"PATH": "/bin"}).store_url == f"sqlite:///{Path('var/newswire/newswire.db')}"


def test_values_take_the_type_of_their_default() -> None:
    settings = load({"NEWSWIRE_LANES": "3", "NEWSWIRE_OBEY_ROBOTS": "off", "NEWSWIRE_HOME": "/srv/wire"})
    assert (settings.delivery.lanes, settings.http.obey_robots, settings.home) == (3, False, Path("/srv/wire"))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        pytest.param("NEWSWIRE_LANES", "many", "whole number", id="not a number"),
        pytest.param("NEWSWIRE_LANES", "0", "at least 1", id="below its bound"),
        pytest.param("NEWSWIRE_COPIES", "hide", "one of topic, annotate, drop", id="not a choice"),
        pytest.param("NEWSWIRE_OBEY_ROBOTS", "maybe", "true or false", id="not a boolean"),
        pytest.param("NEWSWIRE_LANE", "1", "did you mean NEWSWIRE_LANES", id="unknown, with a near name"),
    ],
)
def test_a_fault_names_the_setting_and_says_why(name: str, value: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({name: value})
    assert name in str(caught.value)
    assert reason in str(caught.value)


def test_all_faults_come_together() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"NEWSWIRE_LANES": "x", "NEWSWIRE_COPIES": "y", "NEWSWIRE_NONSENSE": "z"})
    assert len(caught.value.faults) == 3


def test_a_value_may_be_in_a_file() -> None:
    files = {"/run/secrets/url": "postgresql://wire:hunter2@db/wire\n"}
    settings = load({"NEWSWIRE_DATABASE_URL_FILE": "/run/secrets/url"}, files.__getitem__)
    assert settings.database_url == "postgresql://wire:hunter2@db/wire"


def test_a_value_and_its_file_are_not_both_set() -> None:
    both = {"NEWSWIRE_DATABASE_URL": "sqlite://", "NEWSWIRE_DATABASE_URL_FILE": "/run/secrets/url"}
    with pytest.raises(SettingsError, match="NEWSWIRE_DATABASE_URL and NEWSWIRE_DATABASE_URL_FILE are both set"):
        load(both, lambda path: path)


def test_a_file_that_cannot_be_read_is_a_fault_among_the_others() -> None:
    def read_file(path: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", path)

    with pytest.raises(SettingsError) as caught:
        load({"NEWSWIRE_KAFKA_PASSWORD_FILE": "/run/secrets/none", "NEWSWIRE_LANES": "0"}, read_file)
    assert caught.value.faults == (
        "NEWSWIRE_KAFKA_PASSWORD_FILE='/run/secrets/none': No such file or directory",
        "NEWSWIRE_LANES='0': must be at least 1",
    )


def test_settings_that_end_in_file_are_themselves() -> None:
    assert load({"NEWSWIRE_KAFKA_CA_FILE": "/etc/ca.pem"}, str).kafka.ca_file == "/etc/ca.pem"


def test_the_process_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSWIRE_LANES", "3")
    assert load({}).delivery.lanes == Settings().delivery.lanes == 8


def test_numbers_in_a_list_are_separated_by_commas() -> None:
    assert load({"NEWSWIRE_REVISIT_AFTER_S": "900, 3600"}).revisits.after_s == (900, 3600)


def test_groups_are_updated_by_field() -> None:
    settings = Settings(deployment="a").updated(deployment="b", http={"concurrency": 4})
    assert (settings.deployment, settings.http.concurrency, settings.http.host_connections) == ("b", 4, 2)


def test_every_setting_has_a_sentence_and_a_variable_of_its_own() -> None:
    rows = describe(Settings())
    assert len({row.name for row in rows}) == len(rows) == 53
    assert all(row.sentence.endswith(".") for row in rows)


def test_secrets_are_not_shown() -> None:
    shown = {line.name: line.value for line in describe(load({"NEWSWIRE_KAFKA_PASSWORD": "hunter2"}))}
    assert shown["NEWSWIRE_KAFKA_PASSWORD"] == "***"
    assert "hunter2" not in str(shown)
    assert "hunter2" not in repr(load({"NEWSWIRE_KAFKA_PASSWORD": "hunter2"}))
