"""The settings of a process come from its variables and from the files of secrets that they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.app.environment import load_settings
from pipeline.domain.errors import SettingsError


def test_a_secret_is_read_from_the_file_that_its_variable_names(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n", encoding="utf-8")
    assert load_settings({"NEWSWIRE_KAFKA_PASSWORD_FILE": str(secret)}).kafka.password == "hunter2"


def test_a_missing_file_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"NEWSWIRE_DATABASE_URL_FILE=.*No such file"):
        load_settings({"NEWSWIRE_DATABASE_URL_FILE": str(tmp_path / "none")})


def test_without_an_argument_the_variables_are_the_process_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSWIRE_LANES", "3")
    assert load_settings().delivery.lanes == 3
