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
    assert (settings.lanes, settings.obey_robots, settings.home) == (3, False, Path("/srv/wire"))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        pytest.param("NEWSWIRE_LANES", "many", "invalid literal", id="not a number"),
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


def test_secrets_are_not_shown() -> None:
    shown = {line.name: line.value for line in describe(load({"NEWSWIRE_KAFKA_PASSWORD": "hunter2"}))}
    assert shown["NEWSWIRE_KAFKA_PASSWORD"] == "***"
    assert "hunter2" not in str(shown)
